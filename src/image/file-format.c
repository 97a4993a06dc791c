/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One table. */

#include "image/file-format.h"

#include "base/cleanup.h"

#include <string.h>
#include <unistd.h>

#define MAGIC(text) text, sizeof(text) - 1

static const FileFormat formats[] = {
        { 0, MAGIC("QFI\xfb"), DISK_REFUSED_FORMAT, "qcow2" },
        { 0, MAGIC("KDMV"), DISK_REFUSED_FORMAT, "vmdk" },
        { 0, MAGIC("COWD"), DISK_REFUSED_FORMAT, "vmdk" },
        { 0, MAGIC("# Disk DescriptorFile"), DISK_REFUSED_FORMAT, "vmdk" },
        { 64, MAGIC("\x7f\x10\xda\xbe"), DISK_REFUSED_FORMAT, "vdi" },
        { 0, MAGIC("conectix"), DISK_REFUSED_FORMAT, "vhd" },
        { 0, MAGIC("vhdxfile"), DISK_REFUSED_FORMAT, "vhdx" },
        { 0,
          MAGIC("\xfd"
                "7zXZ\0"),
          DISK_REFUSED_PACKED, "xz" },
        { 0, MAGIC("\x1f\x8b\x08"), DISK_REFUSED_PACKED, "gzip" },
        { 0, MAGIC("\x28\xb5\x2f\xfd"), DISK_REFUSED_PACKED, "zstd" },
        { 0, MAGIC("BZh"), DISK_REFUSED_PACKED, "bzip2" },
        { 0, MAGIC("\x04\x22\x4d\x18"), DISK_REFUSED_PACKED, "lz4" },
        { 257, MAGIC("ustar"), DISK_REFUSED_ARCHIVE, "tar" },
        { 0, MAGIC("PK\3\4"), DISK_REFUSED_ARCHIVE, "zip" },
        { 32769, MAGIC("CD001"), DISK_REFUSED_ISO, NULL },
};

const FileFormat *file_format_find(int fd)
{
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                const FileFormat *f = &formats[i];
                char there[32];

                if (pread(fd, there, f->size, f->offset) == (ssize_t)f->size &&
                    memcmp(there, f->magic, f->size) == 0)
                        return f;
        }
        return NULL;
}

const char *file_format_name(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                if (formats[i].name && strcmp(formats[i].name, name) == 0)
                        return formats[i].name;
        return NULL;
}
