/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ref: the name of a layer, and which commit it means now. In a store and on a server it is one
 * small file of the same form; on a server it is signed.
 *
 *   stead-ref 1
 *   name debian/12/base
 *   commit HASH
 *   sequence 7                  grows with each publication; a lower one is an attack or a mistake
 *   time 1790000000
 *   expires 1800000000          only on servers, optional
 *   origin site                 only in a store: the remote that it was pulled from
 *   signature KEY BASE64        ed25519 over all lines before; KEY: the first 16 digits of the
 *                               public key's hash
 */

#include "base/buffer.h"
#include "base/error.h"
#include "store/hash.h"

#include <stdbool.h>

#define REF_SUFFIX ".ref" /* of files below refs/ */

typedef struct Ref {
        char *name;
        Hash commit;
        uint64_t sequence;
        int64_t time, expires; /* 0: never */
        char *origin;          /* or NULL */
        char *key, *signature; /* or NULL; signature is BASE64 */
        size_t signed_size;    /* after parsing: so many bytes of the text are signed */
} Ref;

#define REF_NULL ((Ref){})
#define _cleanup_ref_ _cleanup_(ref_done)
void ref_done(Ref *r);

/* Words of letters, digits, '.', '_', '+' and '-' between single slashes; no word begins with '.'
 * or
 * '-'; at most 200 bytes. */
bool ref_name_is_valid(const char *name);

/* The names of all refs of a store or a server, whose directory @fd is, in order. Everything that
 * can be read is in the list, or it fails: who collects garbage takes it for all there is. */
int ref_names(int fd, char ***ret);

/* Without the signature if there is none. */
int ref_write(const Ref *r, Buffer *out);
int ref_parse(const char *file, const char *text, size_t size, Ref *ret, Error *error);
