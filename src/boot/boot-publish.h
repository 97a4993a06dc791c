/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Publishing one machine's link, addresses and ports, see network/published.h. */

#include "base/error.h"

typedef struct Boot Boot;

/* Writes the machine's file, as its addresses are now. The first time its ports are checked: they
 * may be another machine's or a program's. */
int boot_publish(Boot *b, Error *error);
