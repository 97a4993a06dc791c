/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* ed25519 keys (RFC 8032): who publishes signs refs with the private half, who pulls has the public
 * one. On disk KEYS_DIRECTORY/NAME.key is a PKCS #8 PEM for root alone, and NAME.pub one line for
 * everybody: "ed25519 BASE64 NAME". */

#include "base/buffer.h"
#include "base/error.h"
#include "store/ref.h"

#include <stdint.h>

#define KEYS_DIRECTORY "/etc/stead/keys"
#define KEY_SIZE 32
#define KEY_ID_SIZE 17 /* 16 hex digits: the first half of the public half's SHA-256, so to say */

struct evp_pkey_st;

typedef struct Key {
        char *name;
        uint8_t bytes[KEY_SIZE]; /* of the public half */
        char id[KEY_ID_SIZE];
        struct evp_pkey_st *pair; /* NULL: only the public half is known */
} Key;

#define KEY_NULL ((Key){})
#define _cleanup_key_ _cleanup_(key_done)
void key_done(Key *k);
void key_list_free(Key *list, size_t n);

/* Makes a pair and writes both files; -EEXIST: there is one of that name. */
int key_make(const char *directory, const char *name, Key *ret, Error *error);
/* @word: the NAME of a pair in @directory, or, with a slash, the path of a PEM file. */
int key_load(const char *directory, const char *word, Key *ret, Error *error);
/* All public halves of @directory, by name. A missing directory has none. */
int key_list(const char *directory, Key **ret, size_t *ret_n, Error *error);

/* "ed25519 BASE64 [NAME]"; the message of @error is the reason only. */
int key_parse_public(const char *text, Key *ret, Error *error);
/* The same, or the path of a file that holds that line. */
int key_read_public(const char *word, Key *ret, Error *error);
int key_write_public(const Key *k, Buffer *out);

/* Signs a ref (its key and signature are replaced) and writes its text. */
int key_sign_ref(const Key *k, Ref *ref, Buffer *out, Error *error);
/* Whether one of these keys made the signature of @ref, which was parsed from @text. -EKEYREJECTED;
 * the message names no file. */
int key_verify_ref(const Key *keys, size_t n, const Ref *ref, const char *text, Error *error);
