/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What unpacking a layer has more than unpacking a tree: whiteouts, and entries in the place of
 * those of the layers below. All in a process whose root directory is the tree. */

#include "image/archive.h"

#include <sys/types.h>

struct archive_entry;

typedef enum WhiteoutKind {
        WHITEOUT_NONE,   /* an entry like others */
        WHITEOUT_FILE,   /* hides @name */
        WHITEOUT_OPAQUE, /* hides all that layers below have in the directory */
        WHITEOUT_IGNORE, /* bookkeeping of AUFS */
} WhiteoutKind;

/* What a path of a layer's archive is. @ret_directory ("." for the top) and @ret_name are the
 * caller's. -EBADMSG: a whiteout of nothing, or of something outside. */
int whiteout_parse(const char *path, WhiteoutKind *ret_kind, char **ret_directory,
                   const char **ret_name);

/* Before an entry is unpacked. 1: that was all. */
int archive_layer_entry(const ArchiveSource *source, struct archive_entry *entry, Error *error);

/* What has to wait until all is unpacked: times of directories, which change with what is made in
 * them (libarchive sets those of directories that were there at once), and their ACLs, since a
 * default ACL would go over to what is made below. ACLs come as extended attributes, which
 * libarchive leaves out. */
typedef struct ArchiveLater {
        struct ArchiveAttribute {
                char *path, *name; /* @name NULL: the time */
                void *value;
                size_t size;
                int64_t mtime;
        } * list;
        size_t n, allocated;
        void *noted; /* directories whose time is in the list: a tree for tsearch() */
} ArchiveLater;

/* Before an entry of that time is unpacked: the directories above it may be no entries. Those that
 * are there keep their times, those that are made with it get its own; so does the top of a new
 * tree, which has the time 0 until somebody says another. */
int archive_later_parent(ArchiveLater *later, const char *path, int64_t mtime);
/* After it was unpacked. */
int archive_later_entry(ArchiveLater *later, struct archive_entry *entry);
int archive_later_end(ArchiveLater *later, Error *error);
void archive_later_done(ArchiveLater *later);
