/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the store is: $STEAD_STORE, for tests, or STORE_DIRECTORY. Apart from store.h, since the
 * launcher asks too and links nothing of the store. */

#define STORE_DIRECTORY "/var/lib/stead/store"

const char *store_place(void);
