/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ioctls of btrfs. What a quota group holds is read from the tree that the file system keeps of
 * them (btrfs_tree.h has its form), since no call tells. */

#include "os/subvolume.h"

#include "base/cleanup.h"
#include "base/little-endian.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define GROUP_TRIES 60
#define GROUP_WAIT_US 50000

static bool is_root(int fd)
{
        struct statfs fs;
        struct stat st;

        return fstatfs(fd, &fs) >= 0 && fs.f_type == BTRFS_SUPER_MAGIC && fstat(fd, &st) >= 0 &&
               st.st_ino == BTRFS_FIRST_FREE_OBJECTID;
}

/* One item of the tree of quotas, which is there as long as they are on. */
static int find_item(int fd, uint32_t type, uint64_t group, uint8_t *item, size_t size)
{
        struct btrfs_ioctl_search_args search = {
                .key = { .tree_id = BTRFS_QUOTA_TREE_OBJECTID,
                         .min_type = type,
                         .max_type = type,
                         .min_offset = group,
                         .max_offset = group,
                         .max_transid = UINT64_MAX,
                         .nr_items = 1 },
        };
        struct btrfs_ioctl_search_header header;

        if (ioctl(fd, BTRFS_IOC_TREE_SEARCH, &search) < 0)
                return -errno;
        if (search.key.nr_items == 0)
                return -ENOENT;
        memcpy(&header, search.buf, sizeof(header));
        if (header.len < size)
                return -EBADMSG;
        memcpy(item, search.buf + sizeof(header), size);
        return 0;
}

static bool quotas_are_on(int fd)
{
        uint8_t status[sizeof(struct btrfs_qgroup_status_item)];

        return find_item(fd, BTRFS_QGROUP_STATUS_KEY, 0, status, sizeof(status)) >= 0 &&
               (le64_at(status + offsetof(struct btrfs_qgroup_status_item, flags)) &
                BTRFS_QGROUP_STATUS_FLAG_ON);
}

bool subvolume_has_quota(int fd)
{
        return is_root(fd) && quotas_are_on(fd);
}

static void set_name(struct btrfs_ioctl_vol_args *args, const char *name)
{
        *args = (struct btrfs_ioctl_vol_args){};
        strncpy(args->name, name, sizeof(args->name) - 1);
}

int subvolume_make_directory(int dirfd, const char *name, mode_t mode)
{
        struct btrfs_ioctl_vol_args args;
        struct statfs fs;
        mode_t before;
        int r;

        if (fstatfs(dirfd, &fs) < 0)
                return -errno;
        if (fs.f_type != BTRFS_SUPER_MAGIC || !quotas_are_on(dirfd))
                return mkdirat(dirfd, name, mode) < 0 ? -errno : 0;
        set_name(&args, name);
        before = umask(0777 & ~mode); /* the ioctl knows no mode */
        r = ioctl(dirfd, BTRFS_IOC_SUBVOL_CREATE, &args) < 0 ? -errno : 0;
        (void)umask(before);
        return r;
}

static int get_id(int fd, uint64_t *ret)
{
        struct btrfs_ioctl_ino_lookup_args args = { .objectid = BTRFS_FIRST_FREE_OBJECTID };

        if (ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) < 0)
                return -errno;
        *ret = args.treeid;
        return 0;
}

int subvolume_get_group(int fd, uint64_t *ret)
{
        return is_root(fd) ? get_id(fd, ret) : -ENOTTY;
}

static bool kernel_removes_groups(void)
{
        unsigned major, minor;
        struct utsname name;

        return uname(&name) >= 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
               (major > 6 || (major == 6 && minor >= 11));
}

void subvolume_forget_group(const char *path, uint64_t group)
{
        struct btrfs_ioctl_qgroup_create_args args = { .create = 0, .qgroupid = group };
        _cleanup_close_ int fd = -EBADF;

        if (kernel_removes_groups())
                return;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (unsigned i = 0; fd >= 0 && i < GROUP_TRIES; i++) {
                if (ioctl(fd, BTRFS_IOC_QGROUP_CREATE, &args) >= 0 || errno != EBUSY)
                        return;
                (void)ioctl(fd, BTRFS_IOC_SYNC, NULL); /* wakes up who removes subvolumes */
                (void)usleep(GROUP_WAIT_US);
        }
}

int subvolume_remove(int dirfd, const char *name)
{
        _cleanup_close_ int fd =
                openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct btrfs_ioctl_vol_args args;
        uint64_t flags;

        if (fd < 0)
                return -errno;
        if (!is_root(fd))
                return -ENOTTY;
        if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) < 0)
                return -errno;
        if (flags & BTRFS_SUBVOL_RDONLY)
                return -EROFS;
        set_name(&args, name);
        return ioctl(dirfd, BTRFS_IOC_SNAP_DESTROY, &args) < 0 ? -errno : 0;
}

int subvolume_get_quota(int fd, uint64_t *ret_used, uint64_t *ret_limit)
{
        uint8_t info[sizeof(struct btrfs_qgroup_info_item)];
        uint8_t limit[sizeof(struct btrfs_qgroup_limit_item)];
        uint64_t id = 0;
        int r = get_id(fd, &id);

        if (r >= 0)
                r = find_item(fd, BTRFS_QGROUP_INFO_KEY, id, info, sizeof(info));
        if (r >= 0)
                r = find_item(fd, BTRFS_QGROUP_LIMIT_KEY, id, limit, sizeof(limit));
        if (r < 0)
                return r;
        *ret_used = le64_at(info + offsetof(struct btrfs_qgroup_info_item, rfer));
        *ret_limit = le64_at(limit + offsetof(struct btrfs_qgroup_limit_item, flags)) &
                                     BTRFS_QGROUP_LIMIT_MAX_RFER
                             ? le64_at(limit + offsetof(struct btrfs_qgroup_limit_item, max_rfer))
                             : 0;
        return 0;
}

int subvolume_set_limit(int fd, uint64_t bytes)
{
        /* group 0 is that of the subvolume of @fd, and all ones take a limit away */
        struct btrfs_ioctl_qgroup_limit_args args = {
                .lim = { .flags = BTRFS_QGROUP_LIMIT_MAX_RFER,
                         .max_rfer = bytes > 0 ? bytes : UINT64_MAX },
        };

        return ioctl(fd, BTRFS_IOC_QGROUP_LIMIT, &args) < 0 ? -errno : 0;
}
