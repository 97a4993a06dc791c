/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LOOP_CONFIGURE (Linux 5.8): device, file and flags at once, so that nobody sees it half made. */

#include "os/loop.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define TRIES 64 /* a free device may be somebody else's a moment later */

static int configure(const struct loop_config *config, int mode,
                     char device[static LOOP_DEVICE_MAX])
{
        _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

        if (control < 0)
                return errno == ENOENT ? -ENXIO : -errno;
        for (int try = 0; try < TRIES; try++) {
                _cleanup_close_ int fd = -EBADF;
                int number = ioctl(control, LOOP_CTL_GET_FREE);

                if (number < 0)
                        return -errno;
                (void)snprintf(device, LOOP_DEVICE_MAX, "/dev/loop%d", number);
                fd = open(device, mode | O_CLOEXEC);
                if (fd < 0)
                        return errno == ENOENT ? -ENXIO : -errno;
                if (ioctl(fd, LOOP_CONFIGURE, config) >= 0)
                        return TAKE_FD(fd);
                if (errno != EBUSY)
                        return -errno;
        }
        return -EBUSY;
}

int loop_attach_range(int file_fd, const LoopRange *range, char device[static LOOP_DEVICE_MAX])
{
        struct loop_config config = {
                .fd = (uint32_t)file_fd,
                .info = { .lo_offset = range->offset,
                          .lo_sizelimit = range->size,
                          .lo_flags = LO_FLAGS_AUTOCLEAR |
                                      (range->read_only ? (uint32_t)LO_FLAGS_READ_ONLY : 0) |
                                      (range->direct ? (uint32_t)LO_FLAGS_DIRECT_IO : 0) },
        };
        int mode = range->read_only ? O_RDONLY : O_RDWR, fd = configure(&config, mode, device);

        if (fd != -EINVAL || !range->direct)
                return fd;
        config.info.lo_flags &= ~(uint32_t)LO_FLAGS_DIRECT_IO;
        return configure(&config, mode, device);
}

int loop_attach(int file_fd, char device[static LOOP_DEVICE_MAX])
{
        return loop_attach_range(file_fd, &(LoopRange){}, device);
}

/* While it is open, an attached device stays what it is. */
static bool shows(int loop_fd, const struct stat *file, const LoopRange *range)
{
        const uint32_t wanted = LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY;
        struct loop_info64 info;

        return ioctl(loop_fd, LOOP_GET_STATUS64, &info) >= 0 && info.lo_inode == file->st_ino &&
               info.lo_device == file->st_dev && info.lo_offset == range->offset &&
               info.lo_sizelimit == range->size && (info.lo_flags & wanted) == wanted;
}

int loop_find_range(int file_fd, const LoopRange *range, char device[static LOOP_DEVICE_MAX])
{
        _cleanup_closedir_ DIR *d = opendir("/sys/block");
        struct stat st;

        if (fstat(file_fd, &st) < 0)
                return -errno;
        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_close_ int fd = -EBADF;
                char path[64];

                if (strncmp(e->d_name, "loop", 4) != 0 || strlen(e->d_name) > 12)
                        continue;
                (void)snprintf(path, sizeof(path), "/sys/block/%.12s/loop", e->d_name);
                if (access(path, F_OK) < 0)
                        continue; /* not in use */
                (void)snprintf(device, LOOP_DEVICE_MAX, "/dev/%.12s", e->d_name);
                fd = open(device, O_RDONLY | O_CLOEXEC);
                if (fd >= 0 && shows(fd, &st, range))
                        return TAKE_FD(fd);
        }
        return -ENXIO;
}

int loop_find(const char *file, char device[static LOOP_DEVICE_MAX])
{
        _cleanup_closedir_ DIR *d = opendir("/sys/block");

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_free_ char *text = NULL;
                char path[64];

                if (strncmp(e->d_name, "loop", 4) != 0 || strlen(e->d_name) > 12)
                        continue;
                (void)snprintf(path, sizeof(path), "/sys/block/%.12s/loop/backing_file", e->d_name);
                if (read_file_at(AT_FDCWD, path, 8192, &text) < 0)
                        continue;
                text[strcspn(text, "\n")] = '\0';
                if (strcmp(text, file) != 0)
                        continue;
                (void)snprintf(device, LOOP_DEVICE_MAX, "/dev/%.12s", e->d_name);
                int fd = open(device, O_RDWR | O_CLOEXEC);

                return fd < 0 ? -errno : fd;
        }
        return -ENXIO;
}

int loop_grow(int loop_fd)
{
        return ioctl(loop_fd, LOOP_SET_CAPACITY) < 0 ? -errno : 0;
}
