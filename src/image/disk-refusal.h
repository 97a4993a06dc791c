/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why a disk image is not taken, as data: stead-dissect says one of these words and a few numbers,
 * and whoever reads them has the sentences. So nothing that stands in an image, and nothing that a
 * program says which an image got the better of, reaches a terminal. */

#include "base/error.h"
#include "base/string-table.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum DiskRefusalKind {
        DISK_REFUSED_NO_DISK,
        DISK_REFUSED_SMALL,
        DISK_REFUSED_UNREADABLE,
        DISK_REFUSED_FORMAT,
        DISK_REFUSED_PACKED,
        DISK_REFUSED_ARCHIVE,
        DISK_REFUSED_ISO,
        DISK_REFUSED_UNKNOWN,
        DISK_REFUSED_TABLE_DAMAGED,
        DISK_REFUSED_TABLE_CUT,
        DISK_REFUSED_TABLE_BACKUP,
        DISK_REFUSED_TABLE_TWO,
        DISK_REFUSED_TABLE_LONG,
        DISK_REFUSED_OVERLAP,
        DISK_REFUSED_PAST_END,
        DISK_REFUSED_EMPTY,
        DISK_REFUSED_NO_ROOT,
        DISK_REFUSED_LINUX_MANY,
        DISK_REFUSED_ACTIVE_MANY,
        DISK_REFUSED_FOREIGN_MANY,
        DISK_REFUSED_ENCRYPTED,
        DISK_REFUSED_LVM,
        DISK_REFUSED_RAID,
        DISK_REFUSED_SWAP,
        DISK_REFUSED_AMBIGUOUS,
        DISK_REFUSED_NO_FILE_SYSTEM,
        DISK_REFUSED_FILE_SYSTEM_CUT,
        DISK_REFUSED_DEVICES_MANY,
        _DISK_REFUSAL_KIND_MAX,
        _DISK_REFUSAL_KIND_INVALID = -EINVAL,
} DiskRefusalKind;

DECLARE_STRING_TABLE(disk_refusal_kind, DiskRefusalKind);

typedef struct DiskRefusal {
        DiskRefusalKind kind;
        unsigned part, other; /* numbers of partitions; 0: the whole image */
        uint64_t bytes;
        const char *name; /* static: a role, or a word of disk_refusal_word(); or NULL */
} DiskRefusal;

/* Fills *refusal and returns the negative errno that goes with its kind. */
int disk_refuse(DiskRefusal *refusal, const DiskRefusal *why);
/* Whether it is about what is in a partition, not about where the partitions are. */
bool disk_refusal_is_of_content(DiskRefusalKind kind);
/* The static copy of @s if it is a word that may stand in a refusal, else NULL. */
const char *disk_refusal_word(const char *s);
/* Says it in a sentence with the next command to type. Returns the same negative errno. */
int disk_refusal_report(const DiskRefusal *refusal, const char *path, Error *error);
