/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The contents of a tree's files, each once, with the files that have it. What moves between hosts
 * is contents: a file whose time alone changed costs nothing. Empty files have none. */

#include "store/manifest.h"

typedef struct Content {
        Hash hash;
        uint64_t size;
        const Entry *const *entries; /* in the order of the manifest; at least one */
        size_t n;
} Content;

/* Borrows from the manifest. */
typedef struct ContentList {
        Content *items; /* sorted by hash */
        size_t n;
        uint64_t bytes;
        const Entry **entries;
} ContentList;

#define CONTENT_LIST_NULL ((ContentList){})
#define _cleanup_content_list_ _cleanup_(content_list_done)
void content_list_done(ContentList *l);

/* All of @m that @without (may be NULL) has not. -ENOMEM; -EBADMSG if a content has two sizes. */
int content_list_make(const Manifest *m, const ContentList *without, ContentList *ret);
/* NULL: not in it. */
const Content *content_list_find(const ContentList *l, const Hash *hash);
