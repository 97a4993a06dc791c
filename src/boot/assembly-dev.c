/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev: a private tmpfs with the pseudo devices, a devpts instance of its own and the console. Made
 * by the host, since a device node on a file system of a user namespace would not work. */

#include "boot/assembly.h"

#include "os/mount.h"
#include "os/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TTY_GROUP 5U /* the group of ptys, fixed by all distributions */

typedef struct Node {
        const char *name;
        unsigned major, minor;
        bool optional; /* only if the host has it */
} Node;

static const Node nodes[] = {
        { "null", 1, 3 },    { "zero", 1, 5 }, { "full", 1, 7 },          { "random", 1, 8 },
        { "urandom", 1, 9 }, { "tty", 5, 0 },  { "fuse", 10, 229, true },
};
static const Node tun = { "net/tun", 10, 200, true };

static bool host_has(const Node *node)
{
        char path[32];
        struct stat st;

        (void)snprintf(path, sizeof(path), "/dev/%s", node->name);
        return stat(path, &st) >= 0 && S_ISCHR(st.st_mode) &&
               st.st_rdev == makedev(node->major, node->minor);
}

/* Inside another machine no node can be made: the ones that it has are shown instead. */
static int bind_node(int dev_fd, const Node *node)
{
        _cleanup_close_ int file = -EBADF, fd = -EBADF;
        char path[32];

        (void)snprintf(path, sizeof(path), "/dev/%s", node->name);
        fd = mount_clone(AT_FDCWD, path, false);
        if (fd < 0)
                return fd;
        file = openat(dev_fd, node->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        return file < 0 ? -errno : mount_attach(fd, dev_fd, node->name);
}

static int make_node(int dev_fd, const Node *node, Error *error)
{
        char link[32], target[32];
        int r = 0;

        if (node->optional && !host_has(node))
                return 0;
        if (mknodat(dev_fd, node->name, S_IFCHR | 0666, makedev(node->major, node->minor)) < 0)
                r = errno == EPERM ? bind_node(dev_fd, node) : -errno;
        else if (fchmodat(dev_fd, node->name, 0666, 0) < 0)
                r = -errno;
        if (r < 0)
                return error_errno(error, -r, "Failed to make the device node '/dev/%s'",
                                   node->name);
        (void)snprintf(link, sizeof(link), "char/%u:%u", node->major, node->minor);
        (void)snprintf(target, sizeof(target), "../%s", node->name);
        if (symlinkat(target, dev_fd, link) < 0)
                return error_errno(error, errno, "Failed to make the link '/dev/%s'", link);
        return 0;
}

static int make_links(int dev_fd, Error *error)
{
        static const char *const links[][2] = {
                { "/proc/self/fd", "fd" },       { "/proc/self/fd/0", "stdin" },
                { "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
                { "pts/ptmx", "ptmx" },
        };

        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                if (symlinkat(links[i][0], dev_fd, links[i][1]) < 0)
                        return error_errno(error, errno, "Failed to make the link '/dev/%s'",
                                           links[i][1]);
        return 0;
}

static int make_directories(int dev_fd, Error *error)
{
        static const char *const names[] = { "pts", "shm", "mqueue", "char", "net" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (mkdirat(dev_fd, names[i], 0755) < 0)
                        return error_errno(error, errno, "Failed to make '/dev/%s'", names[i]);
        return 0;
}

/* The first pty of the instance; everything that asks inside gets its true name. */
static int make_console(Assembly *a, int dev_fd, int pts_fd, Error *error)
{
        char target[24];
        int number;

        if (a->plan->console == CONSOLE_PIPE)
                return 0;
        a->console_fd = pty_open(pts_fd, &number);
        if (a->console_fd < 0)
                return error_errno(error, -a->console_fd, "Failed to open the console's pty");
        (void)snprintf(target, sizeof(target), "pts/%d", number);
        if (symlinkat(target, dev_fd, "console") < 0)
                return error_errno(error, errno, "Failed to make the link '/dev/console'");
        (void)snprintf(target, sizeof(target), "%d", number);
        if (fchownat(pts_fd, target, a->base, a->base + TTY_GROUP, 0) < 0 ||
            fchmodat(pts_fd, target, 0620, 0) < 0)
                return error_errno(error, errno, "Failed to set up '/dev/console'");
        if (a->plan->console == CONSOLE_INTERACTIVE)
                pty_copy_size(STDIN_FILENO, a->console_fd);
        else
                (void)pty_set_size(a->console_fd, 24, 80); /* nobody's window: the usual size */
        return 0;
}

int assembly_dev(Assembly *a, Error *error)
{
        _cleanup_close_ int dev = -EBADF, pts = -EBADF, shm = -EBADF;
        int r;

        dev = mount_newf("tmpfs", MOUNT_ATTR_NOSUID,
                         "mode=0755,size=4m,nr_inodes=64k,uid=%u,gid=%u", a->base, a->base);
        if (dev < 0)
                return error_errno(error, -dev, "Failed to make the tmpfs for /dev");
        r = assembly_attach_consume(a, fcntl(dev, F_DUPFD_CLOEXEC, 3), "/dev", error);
        if (r >= 0)
                r = make_directories(dev, error);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(nodes); i++)
                r = make_node(dev, &nodes[i], error);
        if (r >= 0 && a->plan->private_network)
                r = make_node(dev, &tun, error);
        if (r >= 0)
                r = make_links(dev, error);
        if (r < 0)
                return r;

        pts = mount_newf("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                         "newinstance,mode=620,ptmxmode=666,gid=%u", a->base + TTY_GROUP);
        if (pts < 0 || fchownat(pts, "", a->base, a->base, AT_EMPTY_PATH) < 0)
                return error_errno(error, pts < 0 ? -pts : errno,
                                   "Failed to make the devpts instance");
        r = assembly_attach_consume(a, fcntl(pts, F_DUPFD_CLOEXEC, 3), "/dev/pts", error);
        if (r >= 0)
                r = make_console(a, dev, pts, error);
        if (r < 0)
                return r;

        shm = mount_newf("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                         "mode=1777,size=10%%,uid=%u,gid=%u", a->base, a->base);
        return assembly_attach_consume(a, TAKE_FD(shm), "/dev/shm", error);
}
