/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of the host in the network of a pod. */

#include "machine/pod-network.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

/* /sys/class/net shows the network of whoever mounted it. */
static int mount_sysfs(Error *error)
{
        struct statvfs st;
        unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

        if (statvfs("/sys", &st) >= 0 && (st.f_flag & ST_RDONLY))
                flags |= MS_RDONLY;        /* the host's choice */
        (void)umount2("/sys", MNT_DETACH); /* where it is none, that of the host is covered */
        return mount("sysfs", "/sys", "sysfs", flags, NULL) < 0
                       ? error_errno(error, errno, "Failed to mount sysfs")
                       : 0;
}

static int isolate(const char *name, Error *error)
{
        _cleanup_free_ char *resolv_conf = pod_network_path(name, "resolv.conf");

        if (!resolv_conf)
                return error_set(error, ENOMEM, "Out of memory");
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
                return error_errno(error, errno, "Failed to make a private mount namespace");
        /* a pod without name servers of its own, or a host without the file: then it has none */
        if (mount(resolv_conf, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
                return error_errno(error, errno, "Failed to mount '/etc/resolv.conf'");
        return mount_sysfs(error);
}

int pod_network_enter(const char *name, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(name, "netns");
        _cleanup_close_ int fd = -EBADF;

        if (!path)
                return error_set(error, ENOMEM, "Out of memory");
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
                return error_errno(error, errno, "Failed to enter the network of pod '%s'", name);
        return isolate(name, error);
}
