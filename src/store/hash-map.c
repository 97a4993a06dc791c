/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/hash-map.h"

#include <errno.h>
#include <string.h>

#define FIRST_SIZE ((size_t)1024)

void hash_map_done(HashMap *m)
{
        free(m->slots);
        *m = HASH_MAP_NULL;
}

/* The slot of a key, or the free one where it belongs. */
static HashMapSlot *find_slot(const HashMap *m, const Hash *key)
{
        uint64_t place;

        memcpy(&place, key->bytes, sizeof(place));
        for (size_t i = place % m->allocated;; i = (i + 1) % m->allocated)
                if (!m->slots[i].value || hash_equal(&m->slots[i].key, key))
                        return &m->slots[i];
}

static int grow(HashMap *m)
{
        HashMap bigger = { .n = m->n, .allocated = m->allocated ? 2 * m->allocated : FIRST_SIZE };

        bigger.slots = calloc(bigger.allocated, sizeof(HashMapSlot));
        if (!bigger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < m->allocated; i++)
                if (m->slots[i].value)
                        *find_slot(&bigger, &m->slots[i].key) = m->slots[i];
        free(m->slots);
        *m = bigger;
        return 0;
}

int hash_map_put(HashMap *m, const Hash *key, void *value)
{
        HashMapSlot *slot;
        int r = 2 * m->n >= m->allocated ? grow(m) : 0;

        if (r < 0)
                return r;
        slot = find_slot(m, key);
        if (slot->value)
                return 0;
        *slot = (HashMapSlot){ .key = *key, .value = value };
        m->n++;
        return 1;
}

void *hash_map_get(const HashMap *m, const Hash *key)
{
        return m->n > 0 ? find_slot(m, key)->value : NULL;
}

HashMapSlot *hash_map_next(const HashMap *m, size_t *at)
{
        while (*at < m->allocated) {
                HashMapSlot *slot = &m->slots[(*at)++];

                if (slot->value)
                        return slot;
        }
        return NULL;
}
