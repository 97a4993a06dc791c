/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the file systems of a disk image are, and what each is for: by the Discoverable Partitions
 * Specification (GPT), an active or only partition 0x83 (MBR), or a bare file system. The image is
 * read by `stead-dissect`, a program that may do nothing but read it: no image can do more than
 * make that one fail. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum DiskRole {
        DISK_ROOT,
        DISK_USR,
        DISK_HOME,
        DISK_SRV,
        DISK_VAR,
        DISK_TMP,
        DISK_ESP,
        DISK_XBOOTLDR,
        DISK_ROOT_VERITY,
        DISK_USR_VERITY,
        _DISK_ROLE_MAX,
} DiskRole;

typedef struct DiskPart {
        bool found;
        unsigned number;       /* of the partition, from 1; 0: the whole file */
        uint64_t offset, size; /* bytes, inside the file */
        bool read_only;        /* its flag says so */
        bool grow;             /* its flag wants the file system as large as the partition */
        char type[16];    /* file system as mount(8) names it; "" where it is none or unknown */
        char refused[20]; /* of all but root and /usr: why there is no type, as a word of
                             image/disk-refusal.h, or "" */
        char uuid[37];    /* of the partition, or "" */
} DiskPart;

typedef struct DiskLayout {
        char table[8];    /* "gpt", "dos" or "none" */
        char machine[16]; /* architecture of root or /usr as DPS names it ("x86-64"), or "" */
        DiskPart parts[_DISK_ROLE_MAX];
} DiskLayout;

#define DISK_LAYOUT_NULL ((DiskLayout){})

const char *disk_role_to_string(DiskRole role);
DiskRole disk_role_from_string(const char *s);

/* @image_fd: a regular file or block device. @path is for messages. -EUCLEAN: it is damaged or
 * hostile; -EMEDIUMTYPE: nothing in it that could be a root; -ETIMEDOUT: reading it took too long.
 */
int disk_layout_read(int image_fd, const char *path, DiskLayout *ret, Error *error);

/* What stead-dissect printed; for disk_layout_read() and its fuzz target. */
int disk_layout_parse(const char *text, const char *path, DiskLayout *ret, Error *error);
