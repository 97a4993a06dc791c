/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the dynamic loader of a tree looks for a library: ld.so(8), without the environment. */

#include "base/error.h"
#include "os/elf-file.h"

/* /etc/ld.so.cache of a tree: what its ldconfig has found, by soname. */
typedef struct LibraryCache {
        char *data; /* the file, or NULL: there is none, or none that is understood */
        size_t size;
} LibraryCache;

void library_cache_done(LibraryCache *cache);
int library_cache_load(int root_fd, LibraryCache *ret);
/* The paths that the cache has for a soname, in its order: there is one for each architecture. */
int library_cache_find(const LibraryCache *cache, const char *soname, char ***ret);
/* A cache of these paths alone, as the loader wants it: of entries of the other, since a loader of
 * another architecture has numbers of its own in them. */
int library_cache_select(const LibraryCache *cache, char *const *paths, char **ret,
                         size_t *ret_size);

/* Whose library it is: the files through which it is needed, from the program on. */
typedef struct LibraryLoader LibraryLoader;
struct LibraryLoader {
        const ElfFile *elf;
        const char
                *directory; /* $ORIGIN: of a program without links, of a library as it was found */
        const LibraryLoader *by;
};

/* The paths to try for @name, in order: RPATH of all loaders (unless the first has a RUNPATH),
 * RUNPATH of the first, the cache, the default directories. */
int library_path_candidates(const LibraryLoader *loader, const LibraryCache *cache,
                            const char *name, char ***ret);

/* Whether the loader finds @path, of a library @name, without its cache. */
bool library_path_is_default(const ElfFile *e, const char *path, const char *name);
