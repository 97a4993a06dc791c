/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that libblkid knows is looked for, so that two signatures are seen; but only what a machine
 * could have a use for is told. */

#include "dissect/file-system.h"

#include "base/cleanup.h"
#include "dissect/file-system-size.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Of blkid_do_safeprobe(); from some version between 2.38 and 2.41 on it is -1, as a failure is. */
#define AMBIVALENT (-2)

static bool is_failure(int r)
{
        return r < 0 && r != AMBIVALENT && (errno == EIO || errno == ENOMEM);
}

static const char *const mountable[] = { "ext4",  "ext3",     "ext2",  "xfs",
                                         "btrfs", "squashfs", "erofs", "vfat" };

typedef struct Member {
        const char *type; /* libblkid's */
        DiskRefusalKind kind;
} Member;

static const Member members[] = {
        { "crypto_LUKS", DISK_REFUSED_ENCRYPTED },
        { "BitLocker", DISK_REFUSED_ENCRYPTED },
        { "LVM2_member", DISK_REFUSED_LVM },
        { "LVM1_member", DISK_REFUSED_LVM },
        { "linux_raid_member", DISK_REFUSED_RAID },
        { "ddf_raid_member", DISK_REFUSED_RAID },
        { "isw_raid_member", DISK_REFUSED_RAID },
        { "bcache", DISK_REFUSED_RAID },
        { "swap", DISK_REFUSED_SWAP },
        { "swsuspend", DISK_REFUSED_SWAP },
        { "mpool", DISK_REFUSED_RAID },
        { "zfs_member", DISK_REFUSED_RAID },
};

static int refuse(const Stretch *where, DiskRefusalKind kind, uint64_t bytes, DiskRefusal *refusal)
{
        return disk_refuse(refusal, &(DiskRefusal){ .kind = kind,
                                                    .part = where->number,
                                                    .bytes = bytes,
                                                    .name = where->role });
}

static int decide(int image_fd, const Stretch *where, const char *type, const char **ret,
                  DiskRefusal *refusal)
{
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (strcmp(type, members[i].type) == 0)
                        return refuse(where, members[i].kind, 0, refusal);
        for (size_t i = 0; i < ELEMENTSOF(mountable); i++) {
                FileSystemSize size = {};

                if (strcmp(type, mountable[i]) != 0)
                        continue;
                if (file_system_size(image_fd, where->offset, mountable[i], &size) < 0)
                        return refuse(where, DISK_REFUSED_UNREADABLE, 0, refusal);
                if (size.devices > 1)
                        return refuse(where, DISK_REFUSED_DEVICES_MANY, 0, refusal);
                if (size.bytes > where->size)
                        return refuse(where, DISK_REFUSED_FILE_SYSTEM_CUT, size.bytes, refusal);
                *ret = mountable[i];
                return 0;
        }
        *ret = "";
        return 0;
}

static void free_probe(blkid_probe *p)
{
        if (*p)
                blkid_free_probe(*p);
}

int file_system_probe(int image_fd, const Stretch *where, const char **ret, DiskRefusal *refusal)
{
        _cleanup_(free_probe) blkid_probe probe = blkid_new_probe();
        const char *type = NULL;
        int r;

        if (!probe ||
            blkid_probe_set_device(probe, image_fd, (blkid_loff_t)where->offset,
                                   (blkid_loff_t)where->size) < 0 ||
            blkid_probe_enable_partitions(probe, 0) < 0 ||
            blkid_probe_enable_superblocks(probe, 1) < 0 ||
            blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE) < 0)
                return refuse(where, DISK_REFUSED_UNREADABLE, 0, refusal);
        errno = 0;
        r = blkid_do_safeprobe(probe);
        if (is_failure(r))
                return refuse(where, DISK_REFUSED_UNREADABLE, 0, refusal);
        if (r < 0)
                return refuse(where, DISK_REFUSED_AMBIGUOUS, 0, refusal);
        if (r > 0 || blkid_probe_lookup_value(probe, "TYPE", &type, NULL) < 0 || !type) {
                *ret = "";
                return 0;
        }
        return decide(image_fd, where, type, ret, refusal);
}
