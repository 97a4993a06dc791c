/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file systems of a disk image together. */

#include "image/disk-root.h"

#include "image/disk-mount.h"
#include "image/private-mounts.h"
#include "os/mount.h"
#include "os/path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define VIEW_PLACE "/run" /* in a mount namespace that nobody else sees */

/* In the order in which they are mounted. */
static const struct {
        DiskRole role;
        const char *place;
} places[] = {
        { DISK_ROOT, "" },    { DISK_USR, "/usr" },       { DISK_HOME, "/home" },
        { DISK_SRV, "/srv" }, { DISK_VAR, "/var" },       { DISK_TMP, "/var/tmp" },
        { DISK_ESP, "/efi" }, { DISK_XBOOTLDR, "/boot" },
};

const char *disk_role_place(const DiskRoot *d, DiskRole role)
{
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (places[i].role == role)
                        return d->fs[role].used ? places[i].place : NULL;
        return NULL;
}

static int mount_role(const DiskRoot *d, DiskRole role, Error *error)
{
        const DiskFs *f = &d->fs[role];

        return disk_mount(d->layout.parts[role].type, f->device, f->read_only || d->look_only,
                          !d->block, disk_role_to_string(role), d->path, error);
}

int disk_root_mount(const DiskRoot *d, Error *error)
{
        int fd;

        if (!d->usr_only)
                return mount_role(d, DISK_ROOT, error);
        fd = mount_newf("tmpfs", MOUNT_ATTR_NODEV, "mode=0755,size=1m");
        return fd < 0 ? error_errno(error, -fd, "Failed to make a tmpfs") : fd;
}

static bool is_empty(int fd)
{
        _cleanup_closedir_ DIR *stream = NULL;
        int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        stream = own < 0 ? NULL : fdopendir(own);
        if (!stream)
                return false;
        for (struct dirent *e; (e = readdir(stream));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        return false;
        return true;
}

/* What the firmware starts from comes only where the tree keeps an empty place for it. -ENOENT: it
 * does not. */
static int open_system_place(int root_fd, const char *path)
{
        _cleanup_close_ int fd = path_open(root_fd, path, O_PATH | O_DIRECTORY, 0);

        if (fd < 0)
                return -ENOENT;
        return is_empty(fd) ? TAKE_FD(fd) : -ENOENT;
}

static int open_place(const DiskRoot *d, int root_fd, DiskRole role, const char *path)
{
        int fd, r;

        if (role == DISK_XBOOTLDR)
                return open_system_place(root_fd, path);
        if (role == DISK_ESP) {
                fd = open_system_place(root_fd, path);
                return fd >= 0 || d->fs[DISK_XBOOTLDR].used ? fd
                                                            : open_system_place(root_fd, "/boot");
        }
        fd = path_open(root_fd, path, O_PATH | O_DIRECTORY, 0);
        if (fd != -ENOENT)
                return fd;
        r = path_mkdirs(root_fd, path, 0755);
        return r < 0 ? r : path_open(root_fd, path, O_PATH | O_DIRECTORY, 0);
}

/* 1: it is left out. What the firmware starts from is of little use in a machine. */
static int leave_out(const DiskRoot *d, DiskRole role, int place)
{
        if (role != DISK_ESP && role != DISK_XBOOTLDR) /* a start makes it */
                return place == -EROFS && (d->look_only || role == DISK_TMP);
        return place < 0 || !disk_type_is_supported(d->layout.parts[role].type);
}

static int mount_at(const DiskRoot *d, int root_fd, DiskRole role, const char *path, Error *error)
{
        _cleanup_close_ int place = open_place(d, root_fd, role, path), fd = -EBADF;
        int r;

        if (leave_out(d, role, place))
                return 0;
        if (place < 0) {
                error_hint(error, "--image-policy=%s=ignore:=open  (leaves the partition out)",
                           disk_role_to_string(role));
                return place == -EROFS
                               ? error_set(error, EROFS,
                                           "Disk image '%s' has a partition for %s, but its root "
                                           "is read-only and has no such directory",
                                           d->path, path)
                               : error_errno(error, -place,
                                             "Failed to open '%s' of disk image '%s'", path,
                                             d->path);
        }
        fd = mount_role(d, role, error);
        if (fd < 0)
                return fd;
        r = mount_attach(fd, place, "");
        return r < 0 ? error_errno(error, -r, "Failed to mount '%s' of disk image '%s'", path,
                                   d->path)
                     : 0;
}

int disk_root_mount_below(const DiskRoot *d, int root_fd, Error *error)
{
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                int r = d->fs[places[i].role].used && places[i].role != DISK_ROOT
                                ? mount_at(d, root_fd, places[i].role, places[i].place, error)
                                : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static bool has_others(const DiskRoot *d)
{
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (d->fs[places[i].role].used && places[i].role != DISK_ROOT)
                        return true;
        return false;
}

typedef struct Joining {
        const DiskRoot *disk;
        int root_fd;
} Joining;

static int join(const void *argument, Error *error)
{
        const DiskRoot *d = ((const Joining *)argument)->disk;
        int root_fd = ((const Joining *)argument)->root_fd, fd, r;

        r = mount_attach(root_fd, AT_FDCWD, VIEW_PLACE);
        if (r < 0)
                return error_errno(error, -r, "Failed to mount on '" VIEW_PLACE "'");
        r = disk_root_mount_below(d, root_fd, error);
        if (r < 0)
                return r;
        fd = mount_clone(root_fd, "", true);
        return fd < 0 ? error_errno(error, -fd, "Failed to clone the mounts of disk image '%s'",
                                    d->path)
                      : fd;
}

int disk_root_view(DiskRoot *d, Error *error)
{
        _cleanup_close_ int root = -EBADF, view = -EBADF;
        int r;

        if (d->view_fd >= 0)
                return d->view_fd;
        root = disk_root_mount(d, error);
        if (root < 0)
                return root;
        view = has_others(d) ? private_mounts_run(join, &(Joining){ d, root }, error)
                             : TAKE_FD(root);
        if (view < 0)
                return view;
        r = mount_set_attributes(view, MOUNT_ATTR_RDONLY, 0, true);
        if (r < 0)
                return error_errno(error, -r, "Failed to make a view of disk image '%s'", d->path);
        d->view_fd = TAKE_FD(view);
        return d->view_fd;
}
