/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removing checkouts, for who collects garbage and who repairs. The store is open for removing. */

#include "store/checkout.h"

/* ".HASH.PID", and ".HASH.gone" */
#define CHECKOUT_NAME_MAX (HASH_TEXT_SIZE + 16)

/* The lock of whoever removes the open checkout. -EWOULDBLOCK: a machine runs on it. */
int checkout_try_lock(int fd);

/* By its name in checkouts/, also that of an unfinished one. -EBUSY without @error: a machine runs
 * on it. */
int checkout_remove(Store *store, const char *name, Error *error);
