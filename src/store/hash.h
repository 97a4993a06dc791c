/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-256, the one hash of the store: its 32 bytes name contents, objects, trees and commits, and
 * 64 lower-case hex digits write them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32
#define HASH_TEXT_SIZE (2 * HASH_SIZE + 1)

typedef struct Hash {
        uint8_t bytes[HASH_SIZE];
} Hash;

#define HASH_NULL ((Hash){})

bool hash_equal(const Hash *a, const Hash *b);
/* As memcmp() does, for sorting. */
int hash_compare(const Hash *a, const Hash *b);
bool hash_is_null(const Hash *hash);

/* Exactly 64 lower-case hex digits; -EINVAL. */
int hash_parse(const char *text, Hash *ret);
/* Into @buffer, which it returns. */
const char *hash_to_string(const Hash *hash, char buffer[static HASH_TEXT_SIZE]);
