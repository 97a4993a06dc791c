/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files in memory, to be read only: objects, which never change, and downloads, which are ours. */

#include "store/content-list.h"
#include "store/store.h"

typedef struct MappedFile {
        const uint8_t *data; /* NULL: nothing */
        size_t size;
} MappedFile;

#define MAPPED_FILE_NULL ((MappedFile){})
#define _cleanup_mapped_file_ _cleanup_(mapped_file_done)
void mapped_file_done(MappedFile *m);
int mapped_file_open(int fd, MappedFile *ret);

/* Any object of the store with that content. May be called by several threads. -ENOENT. */
int content_open(const Store *store, const Content *content);
int content_map(const Store *store, const Content *content, MappedFile *ret);
