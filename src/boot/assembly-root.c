/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root: the tree shown through the machine's user range, whole, below a tmpfs, or as the /usr
 * of one. The tree itself is never changed here. Layers are mapped one by one, since the kernel
 * maps layers but not a finished overlay; so nothing is ever copied to fit. */

#include "boot/assembly.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/mount.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define EPHEMERAL_DIRECTORY "/var/lib/stead/ephemeral"

int assembly_clone_mapped(const Assembly *a, int dirfd, const char *path, int map_fd, Error *error)
{
        _cleanup_close_ int fd = mount_clone(dirfd, path, true);
        int r;

        if (fd < 0)
                return error_errno(error, -fd, "Failed to clone the mount of tree '%s'",
                                   a->plan->directory);
        if (map_fd >= 0) {
                r = mount_set_idmap(fd, map_fd, true);
                if (r < 0) {
                        error_errno(error, -r,
                                    "The file system of tree '%s' cannot be shown through the user "
                                    "range %u of machine '%s' (idmapped mount)",
                                    a->plan->directory, a->base, a->plan->machine);
                        error_hint(error,
                                   "findmnt -T %s; then move the tree to ext4, xfs or btrfs, or "
                                   "give up the user namespace: --private-users=no",
                                   a->plan->directory);
                        return r;
                }
        }
        /* nobody inside could make a device node, so none that a tree brings along may work */
        r = mount_set_attributes(fd, a->mapped ? MOUNT_ATTR_NODEV : 0, 0, true);
        if (r >= 0)
                r = mount_set_propagation(fd, MS_PRIVATE, true);
        if (r < 0)
                return error_errno(error, -r, "Failed to set up the mount of tree '%s'",
                                   a->plan->directory);
        return TAKE_FD(fd);
}

static int clone_tree(const Assembly *a, int dirfd, Error *error)
{
        return assembly_clone_mapped(a, dirfd, "", a->tree_map_fd, error);
}

static int set_string(int fs_fd, const char *key, const char *value)
{
        return fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

int assembly_overlay(Assembly *a, const int *lower, size_t n_lower, int upper, int work,
                     Error *error)
{
        _cleanup_buffer_ Buffer layers = BUFFER_NULL;
        _cleanup_close_ int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
        int fd = -EBADF, r = fs_fd < 0 ? -errno : 0;

        /* descriptors as paths: no file name needs escaping, and nobody can swap a component */
        for (size_t i = n_lower; i > 0; i--)
                buffer_printf(&layers, "%s%s", i == n_lower ? "" : ":", fd_path(lower[i - 1]).path);
        if (r >= 0)
                r = buffer_error(&layers);
        if (r >= 0 && fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", "overlay", 0) < 0)
                r = -errno;
        /* inside another machine overlayfs may only use attributes of the user namespace */
        if (r >= 0 && a->nested && fsconfig(fs_fd, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
                r = -errno;
        if (r >= 0)
                r = set_string(fs_fd, "lowerdir", layers.data);
        if (r >= 0 && upper >= 0)
                r = set_string(fs_fd, "upperdir", fd_path(upper).path);
        if (r >= 0 && upper >= 0)
                r = set_string(fs_fd, "workdir", fd_path(work).path);
        if (r >= 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                r = -errno;
        if (r >= 0) {
                fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, a->mapped ? MOUNT_ATTR_NODEV : 0);
                r = fd < 0 ? -errno : 0;
        }
        if (r < 0) {
                error_errno(error, -r, "Failed to make an overlay file system for machine '%s'",
                            a->plan->machine);
                error_hint(error, "modprobe overlay; dmesg | tail");
                return r;
        }
        return fd;
}

static int make_layer_directory(int dirfd, const char *name, uid_t owner)
{
        int fd;

        if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        if (fchown(fd, owner, owner) < 0) {
                int r = -errno;

                (void)close(fd);
                return r;
        }
        return fd;
}

/* The tree below an upper layer in @dirfd. */
static int root_overlay(Assembly *a, int dirfd, Error *error)
{
        _cleanup_close_ int lower = -EBADF, upper = -EBADF, work = -EBADF;
        struct stat st;
        int r;

        lower = clone_tree(a, a->tree_fd, error);
        if (lower < 0)
                return lower;
        r = assembly_scratch(a, lower, error);
        if (r < 0)
                return r;
        upper = make_layer_directory(dirfd, "upper", a->base);
        work = make_layer_directory(dirfd, "work", a->base);
        if (upper < 0 || work < 0 || fstat(lower, &st) < 0 || fchmod(upper, st.st_mode & 07777) < 0)
                return error_errno(error, errno, "Failed to make the upper layer of machine '%s'",
                                   a->plan->machine);
        return assembly_overlay(a, &lower, 1, upper, work, error);
}

static int root_volatile_overlay(Assembly *a, Error *error)
{
        _cleanup_close_ int tmpfs = mount_newf("tmpfs", MOUNT_ATTR_NOSUID, "mode=0700,size=25%%");
        int r;

        if (tmpfs < 0)
                return error_errno(error, -tmpfs, "Failed to make a tmpfs");
        r = assembly_scratch(a, tmpfs, error);
        return r < 0 ? r : root_overlay(a, tmpfs, error);
}

/* The throw-away directories of machines that were killed have nobody who holds their lock. */
static void remove_dead_ephemerals(void)
{
        _cleanup_closedir_ DIR *d = opendir(EPHEMERAL_DIRECTORY);

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_close_ int fd = -EBADF;

                if (e->d_name[0] == '.')
                        continue;
                fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) >= 0)
                        (void)remove_tree_at(dirfd(d), e->d_name); /* the next start tries again */
        }
}

/* Somebody who clears dead ones may take it for one of them until it is locked; then it is made
 * again. */
static int make_locked_directory(const char *path)
{
        for (;;) {
                _cleanup_close_ int fd = -EBADF;
                struct stat st;
                int r = mkdir_parents_at(AT_FDCWD, path, 0700);

                if (r < 0)
                        return r;
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 && errno == ENOENT)
                        continue;
                if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
                        return -errno;
                if (st.st_nlink > 0)
                        return TAKE_FD(fd);
        }
}

static int root_ephemeral(Assembly *a, Error *error)
{
        _cleanup_free_ char *path = NULL;

        if (a->ephemeral_fd < 0) { /* kept over reboots of the machine */
                remove_dead_ephemerals();
                if (asprintf(&path, EPHEMERAL_DIRECTORY "/%s", a->plan->machine) < 0) {
                        path = NULL;
                        return error_set(error, ENOMEM, "Out of memory");
                }
                a->ephemeral_fd = make_locked_directory(path);
                if (a->ephemeral_fd < 0)
                        return error_errno(error, -a->ephemeral_fd, "Failed to make '%s'", path);
                a->ephemeral = TAKE_PTR(path);
        }
        return root_overlay(a, a->ephemeral_fd, error);
}

/* A tmpfs with the tree's /usr, read-only. The rest the init makes itself. */
static int root_volatile_yes(Assembly *a, Error *error)
{
        _cleanup_close_ int root = -EBADF, usr = -EBADF, tree_usr = -EBADF;
        struct stat st;
        int r;

        if (fstatat(a->tree_fd, "bin", &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISDIR(st.st_mode)) {
                error_set(error, EINVAL,
                          "--volatile=yes needs a tree with a merged /usr, but '%s/bin' is a "
                          "directory",
                          a->plan->directory);
                error_hint(error, "--volatile=overlay  (works with every tree)");
                return -EINVAL;
        }
        tree_usr = path_open(a->tree_fd, "/usr", O_PATH | O_DIRECTORY, 0);
        if (tree_usr < 0)
                return error_errno(error, -tree_usr, "Failed to open '%s/usr'", a->plan->directory);
        usr = clone_tree(a, tree_usr, error);
        if (usr < 0)
                return usr;
        root = mount_newf("tmpfs", 0, "mode=0755,size=25%%,uid=%u,gid=%u", a->base, a->base);
        if (root < 0)
                return error_errno(error, -root, "Failed to make a tmpfs");
        r = assembly_scratch(a, root, error);
        if (r < 0)
                return r;
        if (mkdirat(root, "usr", 0755) < 0 || fchownat(root, "usr", a->base, a->base, 0) < 0)
                return error_errno(error, errno, "Failed to make /usr");
        r = mount_set_attributes(usr, MOUNT_ATTR_RDONLY, 0, true);
        if (r >= 0)
                r = mount_attach(usr, root, "usr");
        return r < 0 ? error_errno(error, -r, "Failed to mount /usr") : TAKE_FD(root);
}

/* --pivot-root=NEW:OLD, as an OSTree system wants it: the whole tree, NEW too, is seen at OLD. */
int assembly_whole_tree(Assembly *a, Error *error)
{
        const BootPlan *plan = a->plan;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!plan->pivot_root_old)
                return 0;
        fd = assembly_clone_mapped(a, a->top_fd, "", a->tree_map_fd, error);
        if (fd < 0)
                return fd;
        /* a throw-away layer is only over NEW, and nobody may write below one */
        if (plan->read_only || plan->ephemeral) {
                r = mount_set_attributes(fd, MOUNT_ATTR_RDONLY, 0, true);
                if (r < 0)
                        return error_errno(error, -r, "Failed to make '%s' read-only",
                                           plan->pivot_root_old);
        }
        r = assembly_mkdir(a, plan->pivot_root_old, 0755, error);
        return r < 0 ? r : assembly_attach_consume(a, TAKE_FD(fd), plan->pivot_root_old, error);
}

/* A tree with mounts of API file systems in it is someone's chroot in use, or a crashed one
 * (CI-044). */
static int refuse_mounted(const Assembly *a, Error *error)
{
        static const char *const places[] = { "proc", "sys", "dev" };
        bool hidden = a->plan->ephemeral || a->plan->volatile_mode == VOLATILE_YES ||
                      a->plan->volatile_mode == VOLATILE_OVERLAY;

        if (hidden) /* an upper layer shows no mounts of the tree below it */
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                struct statx here;

                if (statx(a->tree_fd, places[i], AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &here) <
                    0)
                        continue;
                if (!(here.stx_attributes & STATX_ATTR_MOUNT_ROOT))
                        continue;
                error_set(
                        error, EBUSY,
                        "Something is mounted on '%s/%s' already: the tree is in use as a chroot, "
                        "or one was not cleaned up",
                        a->plan->directory, places[i]);
                error_hint(error, "umount -R %s/%s", a->plan->directory, places[i]);
                return -EBUSY;
        }
        return 0;
}

static int attach_root(Assembly *a, int root_fd_take, Error *error)
{
        int r;

        a->root_fd = root_fd_take;
        /* a throw-away layer takes what the tree does not */
        if (a->plan->read_only && a->plan->volatile_mode != VOLATILE_YES &&
            a->plan->volatile_mode != VOLATILE_OVERLAY && !a->plan->root_mount) {
                r = mount_set_attributes(a->root_fd, MOUNT_ATTR_RDONLY, 0, true);
                if (r < 0)
                        return error_errno(error, -r, "Failed to make '%s' read-only",
                                           a->plan->directory);
        }
        if (a->plan->volatile_mode == VOLATILE_YES)
                return 0; /* its tmpfs had to be attached to be filled */
        r = mount_attach(a->root_fd, AT_FDCWD, STEAD_RUN_DIRECTORY);
        return r < 0 ? error_errno(error, -r,
                                   "Failed to mount the root on '" STEAD_RUN_DIRECTORY "'")
                     : 0;
}

int assembly_root(Assembly *a, Error *error)
{
        int fd, r;

        r = refuse_mounted(a, error);
        if (r < 0)
                return r;
        if (a->plan->root_mount)
                fd = assembly_custom_root(a, error);
        else if (a->plan->volatile_mode == VOLATILE_YES)
                fd = root_volatile_yes(a, error);
        else if (a->plan->volatile_mode == VOLATILE_OVERLAY)
                fd = root_volatile_overlay(a, error);
        else if (a->plan->ephemeral)
                fd = root_ephemeral(a, error);
        else
                fd = clone_tree(a, a->tree_fd, error);
        if (fd < 0)
                return fd;
        r = attach_root(a, fd, error);
        if (r < 0)
                return r;
        if (a->plan->volatile_mode == VOLATILE_STATE)
                return assembly_mount(a, "/var", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                                      error, "mode=0755,size=25%%,uid=%u,gid=%u", a->base, a->base);
        return 0;
}
