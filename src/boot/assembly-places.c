/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directories that a machine's file systems are mounted on. A tree needs none of its own: where
 * it can be written to they are made in it, and where not, a layer above it has those that are
 * missing. */

#include "boot/assembly.h"

#include "base/fd.h"
#include "os/mount-table.h"
#include "os/mount.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* The top-level directories that every boot needs (CI-045). */
static const struct {
        const char *path;
        mode_t mode;
} places[] = {
        { "/dev", 0755 },  { "/proc", 0555 }, { "/sys", 0555 }, { "/run", 0755 },
        { "/tmp", 01777 }, { "/root", 0750 }, { "/var", 0755 },
};

static bool is_there(int root_fd, size_t i)
{
        return faccessat(root_fd, places[i].path + 1, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

int assembly_make_places(Assembly *a, Error *error)
{
        static const char *const links[] = { "bin", "sbin", "lib", "lib64" };

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                const char *path = places[i].path;
                int r;

                if (is_there(a->root_fd, i))
                        continue;
                r = assembly_mkdir(a, path, places[i].mode, error);
                if (r < 0)
                        return r;
                if (places[i].mode & S_ISVTX)
                        (void)fchmodat(a->root_fd, path + 1, places[i].mode, 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                char target[16];

                (void)snprintf(target, sizeof(target), "usr/%s", links[i]);
                if (path_exists(a->root_fd, target) >= 0 &&
                    symlinkat(target, a->root_fd, links[i]) < 0 && errno != EEXIST &&
                    errno != EROFS)
                        return error_errno(error, errno, "Failed to link '/%s' in tree '%s'",
                                           links[i], a->plan->directory);
        }
        return 0;
}

static bool lacks_places(int root_fd)
{
        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (!is_there(root_fd, i))
                        return true;
        return false;
}

/* An overlay would not show them. */
static bool has_mounts_below(int tree_fd)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_NULL;
        char path[PATH_MAX];
        MountEntry entry;
        ssize_t n = tree_fd < 0 ? -1 : readlink(fd_path(tree_fd).path, path, sizeof(path) - 1);

        if (n <= 0 || mount_table_read(0, &table) < 0)
                return false;
        path[n] = '\0';
        while (mount_table_next(&table, &entry) > 0)
                if (strncmp(entry.path, path, (size_t)n) == 0 && entry.path[n] == '/')
                        return true;
        return false;
}

static int make_directory(int dirfd, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
        if (mkdirat(dirfd, name, 0700) < 0 || fchownat(dirfd, name, uid, gid, 0) < 0 ||
            fchmodat(dirfd, name, mode, 0) < 0)
                return -errno;
        return 0;
}

/* A tmpfs with what is missing; its top directory is the root that will be seen, and so looks like
 * the tree's. */
static int fill(const Assembly *a, int dirfd, int root_fd)
{
        struct stat st;
        int r;

        if (fstat(root_fd, &st) < 0)
                return -errno;
        r = make_directory(dirfd, "places", st.st_mode & 07777, st.st_uid, st.st_gid);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(places); i++) {
                char path[32];

                (void)snprintf(path, sizeof(path), "places%s", places[i].path);
                if (!is_there(root_fd, i))
                        r = make_directory(dirfd, path, places[i].mode, a->base, a->base);
        }
        if (r < 0)
                return r;
        r = openat(dirfd, "places", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return r < 0 ? -errno : r;
}

int assembly_add_places_consume(Assembly *a, int root_mount_fd, Error *error)
{
        _cleanup_close_ int root_fd = root_mount_fd, upper = -EBADF;
        struct statvfs f;
        int tmpfs, r;

        if (fstatvfs(root_fd, &f) < 0)
                return error_errno(error, errno, "Failed to examine tree '%s'", a->plan->directory);
        if ((!(f.f_flag & ST_RDONLY) && !a->plan->read_only) || !lacks_places(root_fd) ||
            has_mounts_below(a->tree_fd))
                return TAKE_FD(root_fd);
        tmpfs = mount_newf("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "mode=0700,size=1m");
        if (tmpfs < 0)
                return error_errno(error, -tmpfs, "Failed to make a tmpfs");
        r = assembly_scratch(a, tmpfs, error);
        if (r >= 0) {
                r = upper = fill(a, tmpfs, root_fd);
                if (r < 0)
                        (void)error_errno(error, -r, "Failed to make directories to mount on");
        }
        (void)close(tmpfs);
        if (r >= 0)
                r = assembly_scratch(a, root_fd, error);
        return r < 0 ? r
                     : assembly_overlay(a, (const int[]){ root_fd, upper }, 2, -EBADF, -EBADF,
                                        error);
}
