/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The store of layers, /var/lib/stead/store, for root alone:
 *
 *   objects/ab/cdef...      an inode with content and attributes; name: entry_object_id()
 *   trees/HASH              a manifest           commits/HASH       a version of a layer
 *   refs/NAME.ref           what a name means    checkouts/HASH/    a tree, made of hard links
 *   stage/BOOT-ID/          objects that a power cut may still take; of no use after a boot
 *   import/                 trees in the making, each gone with its process or by the next one
 *   lock                    shared: whoever adds; exclusive: whoever removes
 *   refs.lock               exclusive: whoever moves a ref
 *
 * What is in objects/, trees/, commits/ and refs/ is complete and on disk: things come in by being
 * written to stage/, one syncfs(), and a rename. Nothing in it ever changes; whoever adds first
 * wins and the other one notices. */

#include "base/error.h"
#include "store/commit.h"
#include "store/manifest.h"
#include "store/place.h"
#include "store/ref.h"

typedef struct Store {
        char *path;
        int fd;       /* of the directory */
        int stage_fd; /* of this boot's stage; -EBADF: not opened for adding */
        int lock_fd;
        Hasher *hasher;
} Store;

#define STORE_NULL ((Store){ .fd = -EBADF, .stage_fd = -EBADF, .lock_fd = -EBADF })

typedef enum StoreUse {
        STORE_READ,   /* look only; missing directories are no error until something is asked for */
        STORE_ADD,    /* made if missing; shared lock, waits for a garbage collection */
        STORE_REMOVE, /* exclusive lock; -EBUSY if somebody adds */
} StoreUse;

/* @path: NULL for $STEAD_STORE or STORE_DIRECTORY. */
int store_open(const char *path, StoreUse use, Store *ret, Error *error);
void store_close(Store *store);
#define _cleanup_store_ _cleanup_(store_close)

/* Objects. "ab/cdef..." below objects/ or the stage. */
typedef struct ObjectPath {
        char path[sizeof("objects/") + HASH_TEXT_SIZE + 1];
} ObjectPath;
ObjectPath object_path(const Hash *id);

/* 1: there, or in this boot's stage; 0: no. */
int store_has_object(const Store *store, const Hash *id);
/* O_RDONLY of the object of a file. -ENOENT. */
int store_open_object(const Store *store, const Hash *id);

/* A new object is written by its maker into @ret_fd (O_TMPFILE of the stage; plain content), and
 * gets its name in the stage by store_stage_object(), which gives it the attributes of @entry and,
 * unless @trusted, compares the content with entry->content. Symbolic links: -EBADF as @fd. -EEXIST
 * is success. */
int store_new_object(Store *store, int *ret_fd, Error *error);
int store_stage_object(Store *store, int fd, const Entry *entry, bool trusted, Error *error);
/* The same for an inode of the store's file system that the caller gives away: it is linked, not
 * copied, and gets the entry's attributes. -EXDEV, -EMLINK: not possible, copy. */
int store_stage_inode(Store *store, int dirfd, const char *name, const Entry *entry, Error *error);

/* All objects of these manifests from the stage into the store, for good: syncfs, rename, syncfs.
 * -ENOENT with the path if one is in neither. */
int store_publish_objects(Store *store, const Manifest *const *manifests, size_t n, Error *error);

/* Trees and commits: written, synced, renamed. The objects must be there already. */
int store_add_tree(Store *store, const Manifest *manifest, Hash *ret_id, Error *error);
int store_add_commit(Store *store, const Commit *commit, Hash *ret_id, Error *error);
/* -ENOENT: not here (an old version whose tree was collected, or never was). What is damaged is
 * refused and named. */
int store_load_tree(const Store *store, const Hash *id, Manifest *ret, Error *error);
int store_load_commit(const Store *store, const Hash *id, Commit *ret, Error *error);
bool store_has_tree(const Store *store, const Hash *id);
bool store_has_commit(const Store *store, const Hash *id);

/* Refs. */
int store_load_ref(const Store *store, const char *name, Ref *ret, Error *error);
/* Moves it if it still means @expected (NULL: whatever; null hash: must be new). -ESTALE otherwise:
 * somebody else was faster. */
int store_save_ref(Store *store, const Ref *ref, const Hash *expected, Error *error);
int store_remove_ref(Store *store, const char *name, Error *error);
/* All, sorted by name. */
int store_list_refs(const Store *store, Ref **ret, size_t *ret_n, Error *error);
void ref_list_free(Ref *list, size_t n);

/* "NAME", "NAME@COMMIT" (at least eight digits of a version in its history), "NAME~2" (so many
 * versions before). Errors offer the nearest name. */
int store_resolve(const Store *store, const char *word, Hash *ret_commit, char **ret_name,
                  Error *error);
