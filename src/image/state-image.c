/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A data directory as an ext4 file system in a sparse file, where the file system around it has no
 * quotas of projects. Its device and its mount are nobody else's, and end with their last user. */

#include "image/state-disk.h"

#include "base/fd.h"
#include "base/parse.h"
#include "image/program.h"
#include "os/mount.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#define IMAGE_NEW STATE_IMAGE ".new"
#define BLOCK UINT64_C(4096)
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t) /* fs/ext4/ext4.h */
#define GROUP_OVERHEAD (UINT64_C(4) << 20)
#define FSCK_REPAIRED 1 /* fsck(8): an error, and it was corrected */

/* Runs a program of e2fsprogs or coreutils. @accepted: the highest exit status that is no failure.
 */
static int tool(const char *const *argv, int keep_fd, int accepted, Error *error)
{
        _cleanup_free_ char *words = NULL;
        const char *last;
        int status = -1, r;

        r = program_run(&(ProgramRun){ -EBADF, (char *const *)argv, &keep_fd, keep_fd >= 0 },
                        &status, &words);
        if (r == -ENOENT) {
                error_hint(error, "apt-get install e2fsprogs");
                return error_set(error, ENOENT, "There is no program '%s'", argv[0]);
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to run %s", argv[0]);
        if (WIFEXITED(status) && WEXITSTATUS(status) <= accepted)
                return 0;
        for (char *end; words && (end = strrchr(words, '\n')) && end[1] == '\0';)
                *end = '\0';
        last = words ? strrchr(words, '\n') : NULL;
        return error_set(error, EIO, "%s failed: %s", argv[0],
                         last              ? last + 1
                         : words && *words ? words
                                           : "without a word");
}

static uint64_t round_size(uint64_t bytes)
{
        return bytes / BLOCK * BLOCK;
}

/* The feature of growing while mounted is on by default. Nothing is kept back for root: who writes
 * here is never root of the host. */
static int make_file_system(const char *file, Error *error)
{
        const char *const argv[] = { "mkfs.ext4",
                                     "-q",
                                     "-F",
                                     "-m",
                                     "0",
                                     "-E",
                                     "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
                                     "-L",
                                     "stead-state",
                                     file,
                                     NULL };

        return tool(argv, -EBADF, 0, error);
}

/* What the machine has written so far goes along. */
static int copy_data(int state_fd, const char *path, const StateDisk *disk, Error *error)
{
        static const char *const names[] = { STATE_UPPER, "saved" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *from = NULL, *to = NULL;
                int r;

                if (faccessat(state_fd, names[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (asprintf(&from, "%s/%s", path, names[i]) < 0 ||
                    asprintf(&to, "%s/%s", fd_path(disk->fd).path, names[i]) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                r = tool((const char *[]){ "cp", "-a", "--sparse=always", from, to, NULL },
                         disk->fd, 0, error);
                if (r < 0) {
                        error_hint(error, "du -sh %s", from);
                        return r;
                }
        }
        return syncfs(disk->fd) < 0
                       ? error_errno(error, errno, "Failed to write '%s/%s'", path, IMAGE_NEW)
                       : 0;
}

static int open_file(int state_fd, const char *path, const char *name, StateDisk *ret, Error *error)
{
        _cleanup_close_ int file = openat(state_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW),
                            loop = -EBADF, mount = -EBADF, fd = -EBADF;
        StateDisk disk = STATE_DISK_NULL;

        if (file < 0)
                return error_errno(error, errno, "Failed to open '%s/%s'", path, name);
        loop = loop_attach(file, disk.device);
        if (loop < 0) {
                error_hint(error, "modprobe loop; ls -l /dev/loop*");
                return error_errno(error, -loop, "Failed to make a loop device of '%s/%s'", path,
                                   name);
        }
        mount = state_image_mount(disk.device, path, error);
        if (mount < 0)
                return mount;
        fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(error, errno, "Failed to open the root of '%s/%s'", path, name);
        (void)unlinkat(fd, "lost+found", AT_REMOVEDIR); /* empty, or worth keeping */
        disk.fd = TAKE_FD(fd);
        disk.mount_fd = TAKE_FD(mount);
        disk.detached = true;
        *ret = disk;
        return 0;
}

int state_image_open(int state_fd, const char *path, StateDisk *ret, Error *error)
{
        return open_file(state_fd, path, STATE_IMAGE, ret, error);
}

int state_image_mount(const char *device, const char *path, Error *error)
{
        _cleanup_close_ int fs_fd = fsopen("ext4", FSOPEN_CLOEXEC);
        int fd = -EBADF;

        /* what is deleted inside is given back to the file system around it */
        if (fs_fd >= 0 && fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", device, 0) >= 0 &&
            fsconfig(fs_fd, FSCONFIG_SET_FLAG, "discard", NULL, 0) >= 0 &&
            fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) >= 0)
                fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
        if (fd >= 0)
                return fd;
        error_errno(error, errno, "Failed to mount the file system of '%s/" STATE_IMAGE "'", path);
        error_hint(error, "e2fsck -f %s/" STATE_IMAGE, path);
        return -error->number;
}

int state_image_make(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                     Error *error)
{
        _cleanup_(state_disk_close) StateDisk disk = STATE_DISK_NULL;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *file = NULL;
        int flags = FS_NOCOW_FL, r;

        (void)unlinkat(state_fd, IMAGE_NEW, 0); /* of one that was killed */
        fd = openat(state_fd, IMAGE_NEW, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_errno(error, errno, "Failed to make '%s/" IMAGE_NEW "'", path);
        (void)ioctl(fd, FS_IOC_SETFLAGS, &flags); /* of btrfs only */
        if (ftruncate(fd, (off_t)round_size(disk_max)) < 0)
                return error_errno(error, errno, "Failed to make '%s/" IMAGE_NEW "' so large",
                                   path);
        if (asprintf(&file, "%s/" IMAGE_NEW, path) < 0) {
                file = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = make_file_system(file, error);
        if (r >= 0)
                r = open_file(state_fd, path, IMAGE_NEW, &disk, error);
        if (r >= 0)
                r = copy_data(state_fd, path, &disk, error);
        if (r >= 0 && (fsync(fd) < 0 || renameat(state_fd, IMAGE_NEW, state_fd, STATE_IMAGE) < 0 ||
                       fsync(state_fd) < 0))
                r = error_errno(error, errno, "Failed to make '%s/" STATE_IMAGE "'", path);
        if (r < 0) {
                (void)unlinkat(state_fd, IMAGE_NEW, 0);
                return error_prefix(error, "DiskMax= of machine '%s'", machine);
        }
        return 0;
}

/* Brings the mounted file system to the size of its device. */
static int grow_file_system(const char *device, const char *path, uint64_t bytes, Error *error)
{
        _cleanup_close_ int mount = state_image_mount(device, path, error), fd = -EBADF;
        struct statfs st;
        uint64_t blocks;

        if (mount < 0)
                return mount;
        fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fstatfs(fd, &st) < 0)
                return error_errno(error, errno, "Failed to look at '%s/" STATE_IMAGE "'", path);
        blocks = bytes / (uint64_t)st.f_bsize;
        if (ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0)
                return error_errno(error, errno,
                                   "Failed to make the file system of '%s/" STATE_IMAGE "' larger",
                                   path);
        return 0;
}

/* While it is not mounted, and in both directions. */
static int resize_offline(const char *path, uint64_t bytes, Error *error)
{
        _cleanup_free_ char *file = NULL, *size = NULL;
        int r;

        if (asprintf(&file, "%s/" STATE_IMAGE, path) < 0 ||
            asprintf(&size, "%" PRIu64 "K", bytes / 1024) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = tool((const char *[]){ "e2fsck", "-f", "-p", file, NULL }, -EBADF, FSCK_REPAIRED,
                 error);
        if (r >= 0)
                r = tool((const char *[]){ "resize2fs", file, size, NULL }, -EBADF, 0, error);
        if (r >= 0 && truncate(file, (off_t)bytes) < 0)
                r = error_errno(error, errno, "Failed to bring '%s' to its size", file);
        return r;
}

static int shrink(const char *path, const char *machine, uint64_t bytes, Error *error)
{
        int r = resize_offline(path, bytes, error);

        if (r >= 0)
                return 0;
        error_hint(error, "a larger DiskMax= in /etc/stead/%s.machine", machine);
        return error_prefix(error, "The disk of machine '%s' cannot become smaller", machine);
}

/* A larger file first. Online this survives a power cut, but needs CAP_SYS_RESOURCE. */
static int grow(int state_fd, const char *path, uint64_t bytes, Error *error)
{
        _cleanup_(state_disk_close) StateDisk disk = STATE_DISK_NULL;
        _cleanup_close_ int fd = openat(state_fd, STATE_IMAGE, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_error_ Error problem = ERROR_NULL;
        int r;

        if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
                return error_errno(error, errno, "Failed to make '%s/" STATE_IMAGE "' larger",
                                   path);
        r = open_file(state_fd, path, STATE_IMAGE, &disk, error);
        if (r < 0)
                return r;
        r = grow_file_system(disk.device, path, bytes, &problem);
        if (r != -EPERM)
                return r < 0 ? error_move(error, &problem) : 0;
        state_disk_close(&disk);
        return resize_offline(path, bytes, error);
}

/* Of the superblock: Documentation/filesystems/ext4/super.rst. */
static int file_system_size(int fd, uint64_t *ret)
{
        uint8_t super[1024];
        uint32_t low, high, shift;

        if (pread(fd, super, sizeof(super), 1024) != (ssize_t)sizeof(super))
                return -EIO;
        memcpy(&low, super + 0x4, sizeof(low));
        memcpy(&high, super + 0x150, sizeof(high));
        memcpy(&shift, super + 0x18, sizeof(shift));
        shift = le32toh(shift);
        if (super[0x38] != 0x53 || super[0x39] != 0xef || shift > 6)
                return -EIO;
        *ret = ((uint64_t)le32toh(high) << 32 | le32toh(low)) << (10 + shift);
        return 0;
}

int state_image_resize(int state_fd, const char *path, const char *machine, uint64_t disk_max,
                       Error *error)
{
        _cleanup_close_ int fd = openat(state_fd, STATE_IMAGE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        uint64_t wanted = round_size(disk_max), now;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(error, errno, "Failed to open '%s/" STATE_IMAGE "'", path);
        if (file_system_size(fd, &now) < 0) {
                error_hint(error, "e2fsck -f %s/" STATE_IMAGE, path);
                return error_set(error, EIO, "There is no ext4 file system in '%s/" STATE_IMAGE "'",
                                 path);
        }
        /* mkfs leaves out a last group that would hold no more than its own tables */
        if ((uint64_t)st.st_size == wanted && now <= wanted && wanted - now < GROUP_OVERHEAD)
                return 0;
        return now > wanted ? shrink(path, machine, wanted, error)
                            : grow(state_fd, path, wanted, error);
}

int state_image_grow(const char *path, const char *machine, uint64_t disk_max, Error *error)
{
        _cleanup_free_ char *file = NULL, *real = NULL;
        _cleanup_close_ int loop = -EBADF;
        char device[LOOP_DEVICE_MAX];
        struct stat st;

        if (asprintf(&file, "%s/" STATE_IMAGE, path) < 0) {
                file = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        real = realpath(file, NULL);
        if (!real || stat(real, &st) < 0)
                return error_errno(error, errno, "Failed to look at '%s'", file);
        if (round_size(disk_max) < (uint64_t)st.st_size || disk_max > INT64_MAX) {
                error_hint(error, "stead set --persist %s DiskMax=...; stead restart %s", machine,
                           machine);
                return error_set(error, EBUSY,
                                 "The file system of machine '%s' can only become larger while it "
                                 "runs",
                                 machine);
        }
        loop = loop_find(real, device);
        if (loop < 0)
                return error_errno(error, -loop, "Failed to find the loop device of '%s'", real);
        if (truncate(real, (off_t)round_size(disk_max)) < 0 || loop_grow(loop) < 0)
                return error_errno(error, errno, "Failed to make '%s' larger", real);
        return grow_file_system(device, path, round_size(disk_max), error);
}
