/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where layers are pulled from: REMOTES_DIRECTORY/NAME.remote,
 *
 *   [Remote]
 *   Url=https://layers.example.org/debian
 *   Key=ed25519 BASE64 NAME          or the path of a .pub file; several while keys change
 */

#include "config/diagnostics.h"
#include "store/key.h"

#define REMOTES_DIRECTORY "/etc/stead/remotes"

typedef struct Remote {
        char *name;
        char *url; /* http:, https: or file:, without a slash at the end */
        Key *keys;
        size_t n_keys;
} Remote;

#define REMOTE_NULL ((Remote){})
#define _cleanup_remote_ _cleanup_(remote_done)
void remote_done(Remote *r);
void remote_list_free(Remote *list, size_t n);

bool remote_name_is_valid(const char *name);
/* A slash at the end goes. The message of @error is the reason only. */
int remote_set_url(Remote *remote, const char *url, Error *error);
/* Adds the key of a line or a file, as key_read_public(). */
int remote_add_key(Remote *remote, const char *word, Error *error);

/* @text is torn apart. What is wrong goes to @diagnostics. Fails only for lack of memory. */
int remote_parse(const char *path, char *text, Remote *remote, Diagnostics *diagnostics);
int remote_load(const char *directory, const char *name, Remote *ret, Error *error);
/* -EEXIST unless @replace. */
int remote_save(const char *directory, const Remote *remote, bool replace, Error *error);
int remote_remove(const char *directory, const char *name, Error *error);
/* By name. A missing directory has none. */
int remote_list(const char *directory, Remote **ret, size_t *ret_n, Error *error);
