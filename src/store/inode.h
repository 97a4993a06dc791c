/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The attributes of an entry on an inode. Paths may lead through the magic links of /proc, which is
 * how a link or a node in an open directory gets one: "/proc/self/fd/N/NAME". */

#include "store/entry.h"

/* Owner, mode, extended attributes, the mark of an opaque directory, time; of a link all but the
 * mode. Everything that the inode has beyond that stays. */
int inode_set_attributes(const char *path, const Entry *e);

/* Takes away the extended attributes that @now was read with. */
int inode_drop_attributes(const char *path, const Entry *now);

/* What an inode is; what lstat() says is enough. A character device 0:0 is a whiteout. */
EntryKind inode_kind(const struct stat *st);

/* What an entry records of (dirfd, name), "." for a directory itself: kind, owner, mode, time,
 * device, extended attributes, the target of a link; of a file the size, but not the content's
 * hash. */
int inode_read(int dirfd, const char *name, Entry *ret);
/* The extended attributes alone: of a name that is not followed. Left out are those that the host's
 * policy gives and not the tree; of overlay's marks that of an opaque directory sets @e->opaque. */
int inode_read_attributes(const char *path, Entry *e);
