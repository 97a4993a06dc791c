/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a path to the disk behind it, by /sys/dev/block. */

#include "os/block-device.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MAPPINGS_MAX 8 /* on top of each other; more is a loop */

/* "8:16\n" */
static int read_number(const char *path, dev_t *ret)
{
        _cleanup_free_ char *text = NULL;
        unsigned high, low;
        ssize_t n = read_file_at(AT_FDCWD, path, 64, &text);

        if (n < 0)
                return (int)n;
        if (sscanf(text, "%u:%u", &high, &low) != 2)
                return -EINVAL;
        *ret = makedev(high, low);
        return 0;
}

/* The one device that a mapping lies on. 1 if there is one, 0 if it is no mapping. */
static int below(dev_t device, dev_t *ret)
{
        _cleanup_closedir_ DIR *stream = NULL;
        char path[384];
        int n = 0;

        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(device),
                       minor(device));
        stream = opendir(path);
        if (!stream)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *e; (e = readdir(stream));) {
                char number[384];

                if (e->d_name[0] == '.')
                        continue;
                (void)snprintf(number, sizeof(number), "/sys/dev/block/%u:%u/slaves/%s/dev",
                               major(device), minor(device), e->d_name);
                if (n++ == 0) {
                        int r = read_number(number, ret);

                        if (r < 0)
                                return r;
                }
        }
        return n > 1 ? -ENODEV : n;
}

/* The disk that a partition is part of; anything else stays what it is. */
static int whole_disk(dev_t *device)
{
        char path[96];

        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(*device),
                       minor(*device));
        if (access(path, F_OK) < 0)
                return errno == ENOENT ? 0 : -errno;
        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", major(*device),
                       minor(*device));
        return read_number(path, device);
}

int block_device_of(const char *path, dev_t *ret)
{
        struct stat st;
        dev_t device;

        if (stat(path, &st) < 0)
                return -errno;
        device = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
        if (major(device) == 0) /* a file system without a disk, or with several */
                return -ENODEV;
        for (int i = 0; i < MAPPINGS_MAX; i++) {
                dev_t lower = device;
                int r = whole_disk(&device);

                if (r >= 0)
                        r = below(device, &lower);
                if (r < 0)
                        return r;
                if (r == 0) {
                        *ret = device;
                        return 0;
                }
                device = lower;
        }
        return -ENODEV;
}
