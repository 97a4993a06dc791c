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

#define TRIES 64 /* a free device may be somebody else's a moment later */

int loop_attach(int file_fd, char device[static LOOP_DEVICE_MAX])
{
        struct loop_config config = { .fd = (uint32_t)file_fd,
                                      .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
        _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

        if (control < 0)
                return errno == ENOENT ? -ENXIO : -errno;
        for (int try = 0; try < TRIES; try++) {
                _cleanup_close_ int fd = -EBADF;
                int number = ioctl(control, LOOP_CTL_GET_FREE);

                if (number < 0)
                        return -errno;
                (void)snprintf(device, LOOP_DEVICE_MAX, "/dev/loop%d", number);
                fd = open(device, O_RDWR | O_CLOEXEC);
                if (fd < 0)
                        return errno == ENOENT ? -ENXIO : -errno;
                if (ioctl(fd, LOOP_CONFIGURE, &config) >= 0)
                        return TAKE_FD(fd);
                if (errno != EBUSY)
                        return -errno;
        }
        return -EBUSY;
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
