/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Overlays by the descriptor based mount interface. */

#include "os/overlay.h"

#include "base/buffer.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FSCONFIG_STRING_MAX 256 /* fs/fsopen.c, with the terminating zero */
#define DESCRIPTORS "/proc/self/fd"

static int set_string(int fs_fd, const char *key, const char *value)
{
        return fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

static int set_flag(int fs_fd, const char *key)
{
        return fsconfig(fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0) < 0 ? -errno : 0;
}

/* Kernels before 6.7 take all lower layers in one word, of which fsconfig() passes on few
 * characters. From within the directory of descriptors a number is a path. */
static int lowers_in_one(const OverlayLayers *l, Buffer *out)
{
        for (size_t i = l->n_lowers; i > 0; i--)
                buffer_printf(out, "%s%d", i == l->n_lowers ? "" : ":", l->lowers[i - 1]);
        return buffer_error(out);
}

/* Kernels before 6.5 would take this option, and only then the mount would fail. */
static int set_lowers_one_by_one(int fs_fd, const OverlayLayers *l)
{
        for (size_t i = l->n_lowers; i > 0; i--) {
                int r = set_string(fs_fd, "lowerdir+", fd_path(l->lowers[i - 1]).path);

                if (r < 0)
                        return i == l->n_lowers ? -E2BIG : r;
        }
        return 0;
}

static int set_options(int fs_fd, const OverlayLayers *l)
{
        /* whatever the module's parameters say: with any of these on, an upper layer could not be
         * put over other lower ones later */
        static const char *const off[] = { "index", "metacopy", "redirect_dir", "xino" };
        int r = set_string(fs_fd, "source", "overlay");

        for (size_t i = 0; r >= 0 && i < sizeof(off) / sizeof(*off); i++) {
                r = set_string(fs_fd, off[i], "off");
                if (r == -EINVAL)
                        r = 0; /* not built in */
        }
        if (r >= 0 && l->user_xattr)
                r = set_flag(fs_fd, "userxattr");
        if (r >= 0 && l->upper >= 0)
                r = set_string(fs_fd, "upperdir", fd_path(l->upper).path);
        if (r >= 0 && l->upper >= 0)
                r = set_string(fs_fd, "workdir", fd_path(l->work).path);
        return r;
}

static int create(int fs_fd, const OverlayLayers *l)
{
        _cleanup_close_ int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        bool in_one;
        int r = lowers_in_one(l, &text);

        if (r < 0 || here < 0)
                return r < 0 ? r : -errno;
        in_one = text.size < FSCONFIG_STRING_MAX;
        if (chdir(DESCRIPTORS) < 0)
                return -errno;
        r = in_one ? set_string(fs_fd, "lowerdir", text.data) : set_lowers_one_by_one(fs_fd, l);
        /* old kernels look the paths up only now */
        if (r >= 0 && fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                r = in_one ? -errno : errno == EINVAL ? -E2BIG : -errno;
        (void)fchdir(here); /* it was our directory a moment ago */
        return r;
}

int overlay_new(const OverlayLayers *l)
{
        _cleanup_close_ int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC), fd = -EBADF;
        struct statvfs st;
        int r = fs_fd < 0 ? -errno : set_options(fs_fd, l);

        if (r >= 0)
                r = create(fs_fd, l);
        if (r < 0)
                return r;
        fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)l->attributes);
        if (fd < 0 || fstatvfs(fd, &st) < 0)
                return -errno;
        /* without a place in the upper layer's map for whoever mounts, it mounts all the same */
        if (l->upper >= 0 && (st.f_flag & ST_RDONLY))
                return -EROFS;
        return TAKE_FD(fd);
}
