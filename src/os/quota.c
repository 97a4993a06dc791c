/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quotactl_fd(2) (Linux 5.14) and the attributes of files that belong to it. */

#include "os/quota.h"

#include <errno.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK 1024 /* of limits, whatever the file system's is: QIF_DQBLKSIZE */

static int quota_control(int fd, unsigned command, uint32_t project, void *argument)
{
        return syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), project, argument) < 0 ? -errno
                                                                                            : 0;
}

bool quota_is_enforced(int fd)
{
        struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };

        return quota_control(fd, Q_XGETQSTATV, 0, &state) >= 0 &&
               (state.qs_flags & FS_QUOTA_PDQ_ENFD);
}

int quota_get_project(int fd, uint32_t *ret, bool *ret_inherited)
{
        struct fsxattr attributes;

        if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) < 0)
                return -errno;
        *ret = attributes.fsx_projid;
        if (ret_inherited)
                *ret_inherited = attributes.fsx_xflags & FS_XFLAG_PROJINHERIT;
        return 0;
}

int quota_set_project(int fd, uint32_t project)
{
        struct fsxattr attributes;
        struct stat st;

        if (fstat(fd, &st) < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &attributes) < 0)
                return -errno;
        attributes.fsx_projid = project;
        if (S_ISDIR(st.st_mode)) /* ext4 refuses it for anything else */
                attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
        return ioctl(fd, FS_IOC_FSSETXATTR, &attributes) < 0 ? -errno : 0;
}

int quota_set_limit(int fd, uint32_t project, uint64_t bytes)
{
        struct if_dqblk limits = { .dqb_bhardlimit = bytes / BLOCK,
                                   .dqb_bsoftlimit = 0,
                                   .dqb_valid = QIF_BLIMITS };

        return quota_control(fd, Q_SETQUOTA, project, &limits);
}

int quota_get_usage(int fd, uint32_t project, uint64_t *ret_used, uint64_t *ret_limit)
{
        struct if_dqblk limits = {};
        int r = quota_control(fd, Q_GETQUOTA, project, &limits);

        if (r == -ENOENT) { /* nothing was ever said of that project: xfs */
                *ret_used = *ret_limit = 0;
                return 0;
        }
        if (r < 0)
                return r;
        *ret_used = limits.dqb_curspace;
        *ret_limit = limits.dqb_bhardlimit * BLOCK;
        return 0;
}
