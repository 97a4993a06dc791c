/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Publishing one machine's link, addresses and ports, see network/published.h. */

#include "base/error.h"

#include <stdbool.h>

typedef struct Boot Boot;
typedef struct BootNetwork BootNetwork;

/* Writes the machine's file, as its addresses are now. The first time its ports are checked: they
 * may be another machine's or a program's. */
int boot_publish(Boot *b, Error *error);

/* Starts stead-firewall. @name NULL: a verb without one. */
int boot_publish_begin(BootNetwork *n, const char *verb, const char *name, Error *error);
/* Whether it went well; it has said itself what did not. */
bool boot_publish_end(BootNetwork *n);
