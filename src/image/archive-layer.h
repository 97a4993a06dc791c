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

/* ACLs that come as extended attributes: libarchive leaves them out. Those of directories wait for
 * the end, since a default ACL would go over to what is made in it. */
typedef struct ArchiveLater {
        struct ArchiveAttribute {
                char *path, *name;
                void *value;
                size_t size;
        } * list;
        size_t n, allocated;
} ArchiveLater;

int archive_later_acls(ArchiveLater *later, struct archive_entry *entry);
int archive_later_end(ArchiveLater *later, Error *error);
void archive_later_done(ArchiveLater *later);
