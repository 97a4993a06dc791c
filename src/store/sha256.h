/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Computing hashes. Apart from hash.h, since who only reads and compares them (the launcher) must
 * not link libcrypto. */

#include "base/cleanup.h"
#include "store/hash.h"

/* One computation after the other. */
typedef struct Hasher Hasher;
/* NULL on out of memory. */
Hasher *hasher_new(void);
Hasher *hasher_free(Hasher *h);
DEFINE_CLEANUP(Hasher, hasher_free)
void hasher_add(Hasher *h, const void *data, size_t size);
/* The hash of all so far; then @h begins anew. */
void hasher_end(Hasher *h, Hash *ret);

/* Of a piece of memory. */
int hash_of(const void *data, size_t size, Hash *ret);
/* Of all of a file, from its start; the offset stays as it is. @ret_size may be NULL. */
int hash_of_fd(Hasher *h, int fd, Hash *ret, uint64_t *ret_size);
