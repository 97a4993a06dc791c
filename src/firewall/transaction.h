/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ruleset text into the kernel: all of it or nothing. */

#include "base/error.h"

typedef struct Transaction {
        struct nft_ctx *context; /* made by the first run */
} Transaction;

#define TRANSACTION_NULL ((Transaction){})

/* May take ten milliseconds: the kernel lets the socket go only after what was deleted through it
 * is freed. The deletion itself is done when transaction_run() returns, so no lock needs to be held
 * here. */
void transaction_done(Transaction *t);

/* The error is the library's first line, with the cause in words and what to do where we know it.
 */
int transaction_run(Transaction *t, const char *text, Error *error);
/* What stands in the way of any use of nftables, from the errno of a question to the kernel. */
int transaction_refused(int number, Error *error);
