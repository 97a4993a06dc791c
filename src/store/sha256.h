/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Computing hashes. Apart from hash.h, since who only reads and compares them (the launcher) must
 * not link libcrypto. */

#include "base/cleanup.h"
#include "store/hash.h"

/* Of a piece of memory. */
void hash_of(const void *data, size_t size, Hash *ret);
/* Of all that can be read from @fd from its start; the offset stays. Tells the size. */
int hash_of_fd(int fd, Hash *ret, uint64_t *ret_size);

/* Piece by piece. */
typedef struct Hasher Hasher;
Hasher *hasher_new(void);
Hasher *hasher_free(Hasher *h);
void hasher_add(Hasher *h, const void *data, size_t size);
/* The hash of all so far; then @h begins anew. */
void hasher_end(Hasher *h, Hash *ret);
DEFINE_CLEANUP(Hasher, hasher_free)
