/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File systems of disk images. */

#include "image/disk-mount.h"

#include "base/strv.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

typedef struct FileSystem {
        const char *type;
        const char *driver;
        bool fixed;          /* never written to */
        bool system;         /* of a partition of the firmware's */
        const char *always;  /* options */
        const char *writing; /* where it is discarded what is deleted */
        const char *looking; /* where nothing may be written, not even what a journal holds */
} FileSystem;

/* "errors=": an ext file system can ask the kernel to panic. "nouuid": a copy of an image is a file
 * system of its own. */
static const FileSystem file_systems[] = {
        { "ext4", "ext4", false, false, "errors=remount-ro", "discard", "noload" },
        { "ext3", "ext4", false, false, "errors=remount-ro", "discard", "noload" },
        { "ext2", "ext4", false, false, "errors=remount-ro", "discard", "noload" },
        { "xfs", "xfs", false, false, "nouuid", "discard", "norecovery" },
        { "btrfs", "btrfs", false, false, NULL, "discard", "rescue=nologreplay" },
        { "squashfs", "squashfs", true, false, NULL, NULL, NULL },
        { "erofs", "erofs", true, false, NULL, NULL, NULL },
        { "vfat", "vfat", false, true, "umask=0077,errors=remount-ro", NULL, NULL },
};

static const FileSystem *find(const char *type)
{
        for (size_t i = 0; i < ELEMENTSOF(file_systems); i++)
                if (strcmp(file_systems[i].type, type) == 0)
                        return &file_systems[i];
        return NULL;
}

bool disk_type_is_known(const char *type, bool system)
{
        const FileSystem *f = find(type);

        return f && f->system == system;
}

bool disk_type_is_fixed(const char *type)
{
        const FileSystem *f = find(type);

        return f && f->fixed;
}

bool disk_type_is_supported(const char *type)
{
        const FileSystem *f = find(type);
        _cleanup_close_ int fd = f ? fsopen(f->driver, FSOPEN_CLOEXEC) : -EBADF;

        return fd >= 0;
}

static int set_options(int fs_fd, const char *text)
{
        _cleanup_strv_ char **options = NULL;
        int r = text ? strv_split(text, ",", &options) : 0;

        STRV_FOREACH (o, options) {
                char *equal = strchr(*o, '=');

                if (r < 0)
                        return r;
                if (equal)
                        *equal++ = '\0';
                if (fsconfig(fs_fd, equal ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, *o, equal, 0) <
                    0)
                        return -errno;
        }
        return r;
}

static int configure(int fs_fd, const FileSystem *f, const char *device, bool read_only,
                     bool discard)
{
        int r;

        if (fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", device, 0) < 0)
                return -errno;
        if ((read_only || f->fixed) && fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
                return -errno;
        r = set_options(fs_fd, f->always);
        if (r >= 0)
                r = set_options(fs_fd, read_only ? f->looking : discard ? f->writing : NULL);
        return r >= 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : r;
}

/* What the kernel says about it, "e EXT4-fs: bad geometry": the first line, or nothing. */
static void read_words(int fs_fd, char *words, size_t size)
{
        ssize_t n = read(fs_fd, words, size - 1);

        words[n < 0 ? 0 : n] = '\0';
        words[strcspn(words, "\n")] = '\0';
        if (words[0] && words[1] == ' ')
                memmove(words, words + 2, strlen(words + 2) + 1);
}

static int explain(int fs_fd, const FileSystem *f, int number, const char *what, const char *path,
                   Error *error)
{
        char words[256] = "";

        if (fs_fd < 0 && number == ENODEV) {
                error_hint(error, "modprobe %s; grep %s /proc/filesystems", f->driver, f->driver);
                return error_set(error, EPROTONOSUPPORT,
                                 "This kernel has no %s file systems, and %s of disk image '%s' is "
                                 "one",
                                 f->type, what, path);
        }
        if (number == EEXIST && strcmp(f->type, "btrfs") == 0) {
                error_hint(error, "btrfstune -u %s  (while it is not in use)", path);
                return error_set(error, EEXIST,
                                 "The btrfs of disk image '%s' is a copy of one that is mounted, "
                                 "and this kernel takes no two of one id",
                                 path);
        }
        if (fs_fd >= 0)
                read_words(fs_fd, words, sizeof(words));
        error_hint(error,
                   strncmp(f->type, "ext", 3) == 0 ? "e2fsck -f %s; dmesg | tail"
                                                   : "file -s %s; dmesg | tail",
                   path);
        return *words ? error_errno(error, number, "Failed to mount %s (%s) of disk image '%s': %s",
                                    what, f->type, path, words)
                      : error_errno(error, number, "Failed to mount %s (%s) of disk image '%s'",
                                    what, f->type, path);
}

/* What an init has made read-only before it rebooted stays so, since whoever looks at it has it
 * mounted: it is written to again. -EROFS: not after an error that only a mount anew mends. */
static int mount_again(const FileSystem *f, const char *device)
{
        _cleanup_close_ int found_fd = fsopen(f->driver, FSOPEN_CLOEXEC), fd = -EBADF,
                            fs_fd = -EBADF;

        if (found_fd < 0 || fsconfig(found_fd, FSCONFIG_SET_STRING, "source", device, 0) < 0 ||
            fsconfig(found_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
            fsconfig(found_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = fsmount(found_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
        fs_fd = fd < 0 ? fd : fspick(fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
        if (fs_fd < 0 || fsconfig(fs_fd, FSCONFIG_SET_FLAG, "rw", NULL, 0) < 0 ||
            fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int disk_mount(const char *type, const char *device, bool read_only, bool discard, const char *what,
               const char *path, Error *error)
{
        const FileSystem *f = find(type);
        _cleanup_close_ int fs_fd = -EBADF;
        unsigned attributes = MOUNT_ATTR_NODEV;
        int r, fd;

        if (!f)
                return error_set(error, EPROTONOSUPPORT, "%s of disk image '%s' is %s", what, path,
                                 type);
        if (f->system)
                attributes |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
        fs_fd = fsopen(f->driver, FSOPEN_CLOEXEC);
        r = fs_fd < 0 ? -errno : configure(fs_fd, f, device, read_only, discard);
        if (r == -EBUSY && !read_only && !f->system) {
                fd = mount_again(f, device);
                if (fd >= 0)
                        return fd;
        }
        if (r < 0)
                return explain(fs_fd, f, -r, what, path, error);
        fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, attributes);
        return fd < 0 ? explain(fs_fd, f, errno, what, path, error) : fd;
}
