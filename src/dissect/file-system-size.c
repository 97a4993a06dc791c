/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two or three numbers out of each kind of superblock. */

#include "dissect/file-system-size.h"

#include "base/cleanup.h"
#include "base/little-endian.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define SUPERBLOCK_MAX 1024

typedef void (*Measure)(const uint8_t *super, FileSystemSize *ret);

typedef struct Kind {
        const char *type;
        uint64_t offset; /* of the superblock */
        Measure measure;
} Kind;

static uint64_t shifted(uint64_t blocks, unsigned bits)
{
        return bits < 64 && blocks <= UINT64_MAX >> bits ? blocks << bits : UINT64_MAX;
}

/* Documentation/filesystems/ext4/super.rst; the upper half of the number with the feature 64BIT. */
static void measure_ext(const uint8_t *s, FileSystemSize *ret)
{
        uint64_t blocks = le32_at(s + 0x4), bits = le32_at(s + 0x18);

        if (le32_at(s + 0x60) & 0x80)
                blocks |= (uint64_t)le32_at(s + 0x150) << 32;
        ret->bytes = bits > 6 ? UINT64_MAX : shifted(blocks, (unsigned)bits + 10);
}

/* fs/xfs/libxfs/xfs_format.h: big endian */
static void measure_xfs(const uint8_t *s, FileSystemSize *ret)
{
        uint32_t block;
        uint64_t blocks;

        memcpy(&block, s + 4, sizeof(block));
        memcpy(&blocks, s + 8, sizeof(blocks));
        if (__builtin_mul_overflow(be64toh(blocks), be32toh(block), &ret->bytes))
                ret->bytes = UINT64_MAX;
}

static void measure_btrfs(const uint8_t *s, FileSystemSize *ret)
{
        ret->bytes = le64_at(s + 0x70);
        ret->devices = le64_at(s + 0x88);
}

static void measure_squashfs(const uint8_t *s, FileSystemSize *ret)
{
        ret->bytes = le64_at(s + 40);
}

static void measure_erofs(const uint8_t *s, FileSystemSize *ret)
{
        ret->bytes = shifted(le32_at(s + 36), s[12]);
}

/* The small number of sectors, or if that is 0 the large one. */
static void measure_vfat(const uint8_t *s, FileSystemSize *ret)
{
        uint64_t sectors = le16_at(s + 19);

        if (sectors == 0)
                sectors = le32_at(s + 32);
        ret->bytes = sectors * le16_at(s + 11);
}

static const Kind kinds[] = {
        { "ext4", 1024, measure_ext },     { "ext3", 1024, measure_ext },
        { "ext2", 1024, measure_ext },     { "xfs", 0, measure_xfs },
        { "btrfs", 65536, measure_btrfs }, { "squashfs", 0, measure_squashfs },
        { "erofs", 1024, measure_erofs },  { "vfat", 0, measure_vfat },
};

int file_system_size(int image_fd, uint64_t offset, const char *type, FileSystemSize *ret)
{
        uint8_t super[SUPERBLOCK_MAX] = {};

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (strcmp(kinds[i].type, type) != 0)
                        continue;
                if (pread(image_fd, super, sizeof(super), (off_t)(offset + kinds[i].offset)) < 0)
                        return -errno;
                kinds[i].measure(super, ret);
                return 0;
        }
        return -EINVAL;
}
