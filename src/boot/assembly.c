/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order in which a machine's file systems come about, and the primitives that its parts share.
 *
 * Where we are: in the supervisor, alone in a private mount namespace, with all rights of the host.
 * The first process of the machine waits in the same mount namespace, in all its other namespaces.
 */

#include "boot/assembly.h"

#include "base/fd.h"
#include "base/strv.h"
#include "boot/namespaced.h"
#include "os/mount.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

void assembly_done(Assembly *a)
{
        closep(&a->map_fd);
        closep(&a->tree_map_fd);
        closep(&a->top_fd);
        namespaced_done(&a->namespaced);
        closep(&a->tree_fd);
        closep(&a->place_fd);
        closep(&a->scratch_fd);
        closep(&a->root_fd);
        closep(&a->upper_fd);
        closep(&a->ephemeral_fd);
        closep(&a->console_fd);
        closep(&a->notify_fd);
        closep(&a->kmsg_fd);
        limits_view_done(&a->limits_view);
        closep(&a->incoming_fd);
        free(a->ephemeral);
        strv_free(a->work_directories);
        *a = ASSEMBLY_NULL;
}

int assembly_mkdir(Assembly *a, const char *path, mode_t mode, Error *error)
{
        int r = path_mkdirs(a->root_fd, path, mode);

        if (r == -EROFS) {
                error_set(error, EROFS,
                          "Tree '%s' is read-only and has no directory '%s' to mount on",
                          a->plan->directory, path);
                if (a->plan->disk)
                        error_hint(error, "--volatile=overlay  (or an image with that directory)");
                else
                        error_hint(error,
                                   "mkdir -p %s%s  (once, while the tree is writable); or "
                                   "--volatile=overlay",
                                   a->plan->files, path);
                return -EROFS;
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to create '%s' in tree '%s'", path,
                                   a->plan->directory);
        return 0;
}

int assembly_attach_consume(Assembly *a, int mount_fd, const char *path, Error *error)
{
        _cleanup_close_ int mount = mount_fd, target = -EBADF;
        int r;

        if (mount < 0)
                return error_errno(error, -mount, "Failed to make the mount for '%s'", path);
        target = path_open(a->root_fd, path, O_PATH, 0);
        if (target < 0)
                return error_errno(error, -target,
                                   "Failed to open mount point '%s' of machine '%s'", path,
                                   a->plan->machine);
        r = mount_attach(mount, target, "");
        if (r < 0)
                return error_errno(error, -r, "Failed to mount '%s' of machine '%s'", path,
                                   a->plan->machine);
        return 0;
}

int assembly_mount(Assembly *a, const char *path, const char *type, uint64_t attributes,
                   Error *error, const char *options, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, options);
        r = vasprintf(&text, options, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = assembly_mkdir(a, path, 0755, error);
        if (r < 0)
                return r;
        return assembly_attach_consume(a, mount_newf(type, attributes, "%s", text), path, error);
}

int assembly_write(Assembly *a, const char *path, mode_t mode, const void *data, size_t size,
                   Error *error)
{
        _cleanup_close_ int fd =
                path_open(a->root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
        int r = fd < 0 ? fd : write_all(fd, data, size);

        if (r >= 0 && fchmod(fd, mode) < 0)
                r = -errno;
        return r < 0 ? error_errno(error, -r, "Failed to write '%s' of machine '%s'", path,
                                   a->plan->machine)
                     : 0;
}

/* Directories of our own in /run, held by descriptor: what is mounted on one hides it only from
 * paths. */
static int open_places(Assembly *a, Error *error)
{
        _cleanup_free_ char *own = machine_path(a->plan->machine, "");

        if (!own)
                return error_set(error, ENOMEM, "Out of memory");
        a->place_fd = open(own, O_PATH | O_DIRECTORY | O_CLOEXEC);
        a->scratch_fd = open(MACHINES_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return a->place_fd < 0 || a->scratch_fd < 0
                       ? error_errno(error, errno, "Failed to open '%s'", own)
                       : 0;
}

static int make_scratch(Assembly *a)
{
        _cleanup_close_ int fd = mount_newf("tmpfs", MOUNT_ATTRIBUTES_API, "mode=0700,size=1m");
        int r = fd < 0 ? fd : mount_attach(fd, a->scratch_fd, "");

        if (r < 0)
                return r;
        (void)close(a->scratch_fd); /* the directory below it is not needed any more */
        a->scratch_fd = TAKE_FD(fd);
        return 0;
}

int assembly_scratch(Assembly *a, int mount_fd, Error *error)
{
        unsigned n = a->n_scratch++;
        char name[16];
        int r = 0;

        /* A place each, since mounts on one place would stack, and the root must not carry others.
         * One is there; a file system for more is made only by the few starts that need more. */
        if (n == 0) {
                r = mount_attach(mount_fd, a->place_fd, "");
        } else {
                if (n == 1)
                        r = make_scratch(a);
                (void)snprintf(name, sizeof(name), "%u", n);
                if (r >= 0 && mkdirat(a->scratch_fd, name, 0700) < 0)
                        r = -errno;
                if (r >= 0)
                        r = mount_attach(mount_fd, a->scratch_fd, name);
        }
        return r < 0 ? error_errno(error, -r, "Failed to attach a mount") : 0;
}

static int make_run_and_tmp(Assembly *a, Error *error)
{
        int r = assembly_mount(a, "/run", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, error,
                               "mode=0755,size=20%%,nr_inodes=800k,uid=%u,gid=%u", a->base,
                               a->base);

        /* without mounts in it, the first process makes it: see child-join.c */
        if (r < 0 || !a->plan->tmpfs_tmp || !a->plan->mounts_in_tmp)
                return r;
        return assembly_mount(a, "/tmp", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, error,
                              "mode=1777,size=10%%,nr_inodes=1m,uid=%u,gid=%u", a->base, a->base);
}

typedef int (*Part)(Assembly *a, Error *error);

/* Runs parts in order, with the files that come about belonging to the machine's root. */
static int make_parts(Assembly *a, const Part *parts, size_t n, Error *error)
{
        Creator creator = CREATOR_NULL;
        int r = creator_enter(a->mapped ? a->base : 0, &creator);

        if (r < 0)
                return error_errno(error, -r, "Failed to create files as user %u", a->base);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = parts[i](a, error);
        creator_leave(&creator);
        return r;
}

static int make_mqueue(Assembly *a, Error *error)
{
        /* the kernel gave it to whoever called clone3() */
        if (fchownat(a->namespaced.mqueue_fd, "", a->base, a->base, AT_EMPTY_PATH) < 0)
                return error_errno(error, errno, "Failed to give /dev/mqueue to the machine");
        return assembly_attach_consume(a, TAKE_FD(a->namespaced.mqueue_fd), "/dev/mqueue", error);
}

/* Makes the machine's root the root of this mount namespace and lets go of all else. The waiting
 * process follows: pivot_root(2) moves every process whose root was the old one. */
static int enter_root(Assembly *a, Error *error)
{
        if (fchdir(a->root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
            umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return error_errno(error, errno, "Failed to make '%s' the root directory",
                                   a->plan->directory);
        return 0;
}

/* The tree as this mount namespace knows it: only mounts of our own namespace can be cloned. It has
 * to be the very directory that is locked. */
static int reopen_tree(Assembly *a, Error *error)
{
        struct stat locked, here;

        a->top_fd = open(a->plan->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (a->top_fd < 0)
                return error_errno(error, errno, "Failed to open tree '%s'", a->plan->directory);
        a->tree_fd = path_open(a->top_fd, a->plan->pivot_root_new ?: "", O_PATH | O_DIRECTORY, 0);
        if (a->tree_fd < 0)
                return error_errno(error, -a->tree_fd, "Failed to open '%s' in tree '%s'",
                                   a->plan->pivot_root_new ?: "/", a->plan->directory);
        if (fstat(a->tree_fd, &here) < 0 || fstat(a->locked_tree_fd, &locked) < 0)
                return error_errno(error, errno, "Failed to examine tree '%s'", a->plan->directory);
        if (here.st_dev != locked.st_dev || here.st_ino != locked.st_ino)
                return error_set(error, ESTALE, "Tree '%s' was replaced during the start",
                                 a->plan->directory);
        return 0;
}

int assembly_begin(Assembly *a, Error *error)
{
        static const Part parts[] = { assembly_make_places, assembly_dev, make_run_and_tmp,
                                      assembly_run_host };
        int r;

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return error_errno(error, errno, "Failed to make a private mount namespace");
        r = open_places(a, error);
        if (r >= 0 && !a->layers)
                r = a->disk ? assembly_disk(a, error) : reopen_tree(a, error);
        if (r >= 0)
                r = assembly_root(a, error);
        if (r >= 0)
                r = make_parts(a, parts, ELEMENTSOF(parts), error);
        return r;
}

int assembly_finish(Assembly *a, Error *error)
{
        static const Part parts[] = { make_mqueue,         assembly_proc,         assembly_sys,
                                      assembly_whole_tree, assembly_custom,       assembly_etc,
                                      assembly_journal,    assembly_seal_run_host };
        int r = namespaced_new(a, &a->namespaced, error);

        if (r >= 0)
                r = make_parts(a, parts, ELEMENTSOF(parts), error);
        if (r >= 0)
                r = enter_root(a, error);
        return r;
}
