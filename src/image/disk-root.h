/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the root of a machine is made of whose tree is in a disk image: its file systems, each with
 * a device of its own. Opened and locked before anything is planned, and held for the machine's
 * life; nothing of it is ever mounted among the host's mounts, and all of it goes with its last
 * user. Knows nothing of user ranges.
 *
 * Files:  disk-root.c  which file systems, locks, devices     disk-verity.c  hashes
 *         disk-tree.c  the mounts together                    disk-mount.c   one of them */

#include "base/error.h"
#include "image/disk-layout.h"
#include "image/tree-lock.h"

typedef struct DiskFs {
        bool used, read_only;
        char *device;
        int fd, data_fd, hash_fd; /* the device, and for dm-verity the two below it */
        char *verity;             /* name of the device that checks it, or NULL */
} DiskFs;

typedef struct DiskRoot {
        char *path; /* absolute, symlinks resolved */
        int image_fd;
        bool block, look_only, writable;
        bool usr_only; /* the root itself is a temporary file system */
        TreeLock lock;
        DiskLayout layout;
        DiskFs fs[_DISK_ROLE_MAX];
        int view_fd; /* see disk_root_view() */
} DiskRoot;

typedef struct DiskRootOptions {
        const char *path;
        bool write;     /* unless the image or a file system of it cannot be written to */
        bool look_only; /* nothing is locked or changed */
        const char *root_hash, *verity_data; /* or NULL */
        const char *policy;                  /* image-policy.h, or NULL */
} DiskRootOptions;

/* -EBUSY: another program writes to it, or reads it and we would write. */
int disk_root_open(const DiskRootOptions *options, DiskRoot **ret, Error *error);
DiskRoot *disk_root_free(DiskRoot *d);
DEFINE_CLEANUP(DiskRoot, disk_root_free)
#define _cleanup_disk_root_ _cleanup_(disk_root_freep)

/* Where the partition belongs in the tree, for instance "/home"; "" for "/"; NULL: not mounted. */
const char *disk_role_place(const DiskRoot *d, DiskRole role);

/* disk-tree.c. A new detached mount of the root; once it is attached to a mount namespace of ours,
 * disk_root_mount_below() puts the others into it: each in a directory of the tree that may be
 * reached through its own links, but never leads out of it. */
int disk_root_mount(const DiskRoot *d, Error *error);
int disk_root_mount_below(const DiskRoot *d, int root_fd, Error *error);

/* The whole tree to look at, read-only, with owners as on disk: a detached mount. Borrowed. */
int disk_root_view(DiskRoot *d, Error *error);

/* disk-verity.c. The hash that @role is to have, in @options or beside the image, or NULL. */
int disk_verity_hash(const DiskRoot *d, const DiskRootOptions *options, DiskRole role, char **ret,
                     Error *error);
/* How much of the image's path the files beside it begin with: "/x/web" of "/x/web.raw". */
int disk_stem_length(const char *path);
/* Puts a device that checks what is read on top of that of @role, which is opened already. */
int disk_verity_open(DiskRoot *d, const DiskRootOptions *options, DiskRole role, const char *hash,
                     Error *error);
/* disk-root.c, for disk-verity.c: a read-only device of a part of @file_fd. */
int disk_root_loop(int file_fd, uint64_t offset, uint64_t size, bool read_only, const char *path,
                   char **ret_device, Error *error);
