/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What belongs to a hash, for many of them. Hashes are spread evenly already, so their first bytes
 * are the place in the table. */

#include "base/cleanup.h"
#include "store/hash.h"

typedef struct HashMapSlot {
        Hash key;
        void *value; /* NULL: the slot is free */
} HashMapSlot;

typedef struct HashMap {
        HashMapSlot *slots;
        size_t n, allocated;
} HashMap;

#define HASH_MAP_NULL ((HashMap){})
#define _cleanup_hash_map_ _cleanup_(hash_map_done)
/* Values are the caller's. */
void hash_map_done(HashMap *m);

/* 1: new; 0: there is a value already, which stays; -ENOMEM. @value is not NULL. */
int hash_map_put(HashMap *m, const Hash *key, void *value);
/* NULL: there is none. */
void *hash_map_get(const HashMap *m, const Hash *key);

/* For a set: the value of its members. */
#define HASH_MAP_MEMBER ((void *)1)

/* From *at = 0 on; NULL at the end. */
HashMapSlot *hash_map_next(const HashMap *m, size_t *at);
