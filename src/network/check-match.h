/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One match of an nftables rule against one packet. */

#include "network/check-ruleset.h"

typedef enum CheckMatch {
        CHECK_MATCH_NO,
        CHECK_MATCH_MAYBE,
        CHECK_MATCH_YES,
} CheckMatch;

/* Whether the expression @left (nft's JSON) has one of the values @right; @set finds "@name". */
CheckMatch check_match(const CheckPacket *packet, const json_t *left, const json_t *right,
                       const json_t *(*set)(void *userdata, const char *name), void *userdata);
