/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One entry of a tree: everything about a file but its content, which is named by its hash.
 *
 * A regular file that is not empty and a symbolic link are *objects*: an inode of the store with
 * just this content and these attributes, which checkouts hold by a hard link. The rest
 * (directories, device nodes, fifos, sockets, whiteouts, empty files) is in the manifest alone and
 * made at each checkout. Times are whole seconds; nothing in a Debian tree needs more. */

#include "base/buffer.h"
#include "store/sha256.h"

#include <sys/stat.h>

typedef enum EntryKind {
        ENTRY_DIRECTORY,
        ENTRY_FILE,
        ENTRY_SYMLINK,
        ENTRY_LINK, /* another name of an earlier entry, by path: @target */
        ENTRY_CHARACTER_DEVICE,
        ENTRY_BLOCK_DEVICE,
        ENTRY_FIFO,
        ENTRY_SOCKET,
        ENTRY_WHITEOUT, /* hides what is below; no attributes */
        _ENTRY_KIND_MAX,
} EntryKind;

typedef struct EntryAttribute {
        char *name; /* "security.capability", "system.posix_acl_access", "user.x" */
        void *value;
        size_t size;
} EntryAttribute;

typedef struct Entry {
        char *path; /* absolute: "/" is the root itself, "/usr/bin/env" */
        EntryKind kind;
        bool opaque; /* directory: what is below it is hidden altogether */
        mode_t mode; /* 07777 */
        uid_t uid;
        gid_t gid;
        int64_t mtime;
        dev_t device;
        uint64_t size;              /* file: bytes of content */
        Hash content;               /* file: of its content; symlink: of its target */
        char *target;               /* symlink, link */
        EntryAttribute *attributes; /* sorted by name; never trusted.overlay.* */
        size_t n_attributes;
} Entry;

#define ENTRY_NULL ((Entry){})

void entry_done(Entry *e);
int entry_copy(const Entry *e, Entry *ret);
int entry_add_attribute(Entry *e, const char *name, const void *value, size_t size);

/* Whether the store holds it as an inode of its own. */
bool entry_is_object(const Entry *e);
/* The object's name: SHA-256 of its lines in a manifest without the path. */
int entry_object_id(Hasher *h, const Entry *e, Hash *ret);
/* Equal in all but the path. @ignore_mtime: and in all but the time. */
bool entry_equal(const Entry *a, const Entry *b, bool ignore_mtime);

/* Its lines in a manifest; without the path if @with_path is false. */
void entry_write(const Entry *e, bool with_path, Buffer *out);

/* Paths in the order of manifests: by component, so that a directory comes right before what is in
 * it. As strcmp(). */
int entry_path_compare(const char *a, const char *b);
