/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root: the tree shown through the machine's user range, whole, below a tmpfs, or as the /usr
 * of one. The tree itself is never changed here. Layers are mapped one by one, since the kernel
 * maps layers but not a finished overlay; so nothing is ever copied to fit. */

#include "boot/assembly.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/mount.h"
#include "os/overlay.h"
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
        int fd = mount_clone(dirfd, path, true);

        if (fd < 0)
                return error_errno(error, -fd, "Failed to clone the mount of tree '%s'",
                                   a->plan->directory);
        return assembly_map_consume(a, fd, map_fd, error);
}

int assembly_map_consume(const Assembly *a, int mount_fd, int map_fd, Error *error)
{
        _cleanup_close_ int fd = mount_fd;
        int r;

        if (map_fd >= 0) {
                r = mount_set_idmap(fd, map_fd, true);
                if (r < 0) {
                        error_errno(error, -r,
                                    "The file system of tree '%s' cannot be shown through the user "
                                    "range %u of machine '%s' (idmapped mount)",
                                    a->plan->directory, a->base, a->plan->machine);
                        error_hint(error,
                                   a->disk ? "an image of ext4, xfs or btrfs in place of '%s', or "
                                             "give up the user namespace: --private-users=no"
                                           : "findmnt -T %s; then move the tree to ext4, xfs or "
                                             "btrfs, or give up the user namespace: "
                                             "--private-users=no",
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

int assembly_overlay(Assembly *a, const int *lower, size_t n_lower, int upper, int work,
                     Error *error)
{
        int fd = overlay_new(
                &(OverlayLayers){ .lowers = lower,
                                  .n_lowers = n_lower,
                                  .upper = upper,
                                  .work = work,
                                  .user_xattr = a->nested,
                                  .attributes = a->mapped || a->disk ? MOUNT_ATTR_NODEV : 0 });

        if (fd >= 0)
                return fd;
        if (fd == -E2BIG) {
                error_hint(error, "stead layer squash  (makes one of several)");
                return error_set(error, E2BIG,
                                 "Machine '%s' has %zu layers, and this kernel takes no more than "
                                 "%d",
                                 a->plan->machine, n_lower, OVERLAY_LOWERS_MAX);
        }
        if (fd == -EROFS)
                (void)error_set(error, EROFS,
                                "The kernel cannot write to the upper layer of machine '%s'",
                                a->plan->machine);
        else
                (void)error_errno(error, -fd,
                                  "Failed to make an overlay file system for machine '%s'",
                                  a->plan->machine);
        error_hint(error, "modprobe overlay; dmesg | tail");
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

/* A plain tree as the only lower layer. */
static int tree_lower(Assembly *a, Lowers *ret, Error *error)
{
        int r;

        ret->fds = malloc(sizeof(int));
        if (!ret->fds)
                return error_set(error, ENOMEM, "Out of memory");
        r = ret->fds[0] = clone_tree(a, a->tree_fd, error);
        if (r < 0)
                return r;
        ret->n = 1;
        return assembly_scratch(a, ret->fds[0], error);
}

int assembly_overlay_in(Assembly *a, const Lowers *lowers, int dirfd, const char *upper_name,
                        const char *work_name, Error *error)
{
        _cleanup_close_ int upper = make_layer_directory(dirfd, upper_name, a->base),
                            work = make_layer_directory(dirfd, work_name, a->base);
        struct stat st;

        if (upper < 0 || work < 0 || fstat(lowers->fds[lowers->n - 1], &st) < 0 ||
            fchmod(upper, st.st_mode & 07777) < 0)
                return error_errno(error, errno, "Failed to make the upper layer of machine '%s'",
                                   a->plan->machine);
        return assembly_overlay(a, lowers->fds, lowers->n, upper, work, error);
}

/* The tree below an upper layer in @dirfd. */
static int root_overlay(Assembly *a, int dirfd, Error *error)
{
        _cleanup_lowers_ Lowers lowers = LOWERS_NULL;
        int r;

        r = a->layers ? assembly_lowers(a, true, &lowers, error) : tree_lower(a, &lowers, error);
        if (r < 0)
                return r;
        a->upper_fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
        if (a->upper_fd < 0)
                return error_errno(error, errno, "Failed to keep a descriptor");
        return assembly_overlay_in(a, &lowers, dirfd, "upper", "work", error);
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
                /* of a disk image each file system is what it is to be already */
                r = mount_set_attributes(a->root_fd, MOUNT_ATTR_RDONLY, 0, !a->disk);
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

/* A plain tree in the place of layers, for what is only taken from it. */
static int layers_as_tree(Assembly *a, Error *error)
{
        int r = a->tree_fd = assembly_layered_root(a, false, error);

        if (r < 0)
                return r;
        closep(&a->tree_map_fd); /* it is mapped already */
        a->tree_map_fd = -EBADF;
        return assembly_scratch(a, a->tree_fd, error);
}

/* Mounts of the definition may be of the tree ("+/srv"): for them it is there once more, without
 * what comes to be mounted in it. */
static int show_tree(Assembly *a, Error *error)
{
        if (!a->layers || a->tree_fd >= 0 || !a->plan->mounts_of_tree)
                return 0;
        closep(&a->tree_map_fd); /* it is mapped already */
        a->tree_map_fd = -EBADF;
        a->tree_fd = assembly_clone_mapped(a, a->root_fd, "", -EBADF, error);
        return a->tree_fd < 0 ? a->tree_fd : assembly_scratch(a, a->tree_fd, error);
}

int assembly_root(Assembly *a, Error *error)
{
        bool throw_away = a->plan->volatile_mode == VOLATILE_OVERLAY || a->plan->ephemeral;
        int fd, r;

        r = !a->layers                               ? refuse_mounted(a, error)
            : a->plan->volatile_mode == VOLATILE_YES ? layers_as_tree(a, error)
                                                     : 0;
        if (r < 0)
                return r;
        if (a->layers && a->plan->volatile_mode != VOLATILE_YES && !throw_away)
                fd = assembly_layered_root(a, !a->plan->read_only, error);
        else if (a->plan->root_mount)
                fd = assembly_custom_root(a, error);
        else if (a->plan->volatile_mode == VOLATILE_YES)
                fd = root_volatile_yes(a, error);
        else if (a->plan->volatile_mode == VOLATILE_OVERLAY)
                fd = root_volatile_overlay(a, error);
        else if (a->plan->ephemeral)
                fd = root_ephemeral(a, error);
        else
                fd = clone_tree(a, a->tree_fd, error);
        if (fd >= 0 && !throw_away && a->plan->volatile_mode != VOLATILE_YES)
                fd = assembly_add_places_consume(a, fd, error);
        if (fd < 0)
                return fd;
        r = attach_root(a, fd, error);
        if (r >= 0 && a->disk && a->upper_fd >= 0)
                r = assembly_disk_overlays(a, a->upper_fd, error);
        if (r >= 0)
                r = show_tree(a, error);
        if (r < 0)
                return r;
        if (a->plan->volatile_mode == VOLATILE_STATE)
                return assembly_mount(a, "/var", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                                      error, "mode=0755,size=25%%,uid=%u,gid=%u", a->base, a->base);
        return 0;
}
