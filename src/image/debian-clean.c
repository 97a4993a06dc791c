/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What to clean was found by building twice and comparing. Paths are resolved within the tree. */

#include "image/debian-clean.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "image/identity.h"
#include "os/path.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)64 * 1024 * 1024)
#define DAY INT64_C(86400)

/* The newest regular file below @fd that is older than @began. */
static int find_newest(int fd_take, int64_t began, int64_t *newest)
{
        _cleanup_closedir_ DIR *d = fdopendir(fd_take);
        int r = 0;

        if (!d) {
                (void)close(fd_take); /* it was only read */
                return -ENOMEM;
        }
        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                struct stat st;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return -errno;
                if (S_ISREG(st.st_mode) && st.st_mtime < began)
                        *newest = MAX_OF(*newest, (int64_t)st.st_mtime);
                if (S_ISDIR(st.st_mode)) {
                        int fd = openat(dirfd(d), e->d_name,
                                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                        r = fd < 0 ? -errno : find_newest(fd, began, newest);
                }
        }
        return r;
}

static int remove_matching(int tree_fd, const char *directory, const char *pattern)
{
        int fd = path_open(tree_fd, directory, O_RDONLY | O_DIRECTORY, 0);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d)
                return fd == -ENOENT ? 0 : fd;
        for (struct dirent *e; (e = readdir(d));)
                if (e->d_type == DT_REG && fnmatch(pattern, e->d_name, 0) == 0 &&
                    unlinkat(dirfd(d), e->d_name, 0) < 0)
                        return -errno;
        return 0;
}

/* Nodes of the builder's own /dev: every machine gets one at its start, and a layer that holds none
 * can give nothing away. */
static int empty_dev(int tree_fd)
{
        int fd = path_open(tree_fd, "/dev", O_RDONLY | O_DIRECTORY, 0), r = 0;
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d)
                return fd == -ENOENT ? 0 : fd;
        for (struct dirent *e; r >= 0 && (e = readdir(d));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        r = remove_tree_at(dirfd(d), e->d_name);
        return r;
}

static int remove_traces(int tree_fd)
{
        static const struct {
                const char *directory, *pattern;
        } traces[] = {
                { "/var/log", "*.log" },
                { "/var/log/apt", "*" },
                { "/var/cache/ldconfig", "aux-cache" }, /* inode numbers */
                { "/var/cache/debconf", "*-old" },
                { "/var/lib/dpkg", "*-old" },
                { "/etc", "*-" }, /* passwd- and its like: as before the last package */
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(traces); i++)
                r = remove_matching(tree_fd, traces[i].directory, traces[i].pattern);
        return r;
}

/* "name:password:LAST CHANGE:...": the day of the build becomes the one of the packages. */
static void write_shadow_line(Buffer *out, const char *line, int64_t day)
{
        const char *second = strchr(line, ':'), *third = second ? strchr(second + 1, ':') : NULL;
        const char *rest = third ? strchr(third + 1, ':') : NULL;

        if (!rest || rest == third + 1 || strtoll(third + 1, NULL, 10) <= day) {
                buffer_printf(out, "%s\n", line);
                return;
        }
        buffer_append(out, line, (size_t)(third + 1 - line));
        buffer_printf(out, "%lld%s\n", (long long)day, rest);
}

static int clamp_shadow(int tree_fd, int64_t newest)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;
        ssize_t n = path_read(tree_fd, "/etc/shadow", FILE_MAX, &text);
        _cleanup_close_ int fd = -EBADF;
        char *next;

        if (n < 0)
                return n == -ENOENT ? 0 : (int)n;
        for (char *line = text; *line; line = next) {
                next = strchrnul(line, '\n');
                if (*next)
                        *next++ = '\0';
                write_shadow_line(&out, line, newest / DAY);
        }
        if (buffer_error(&out) < 0)
                return -ENOMEM;
        /* in place: mode and group of the file matter */
        fd = path_open(tree_fd, "/etc/shadow", O_WRONLY | O_TRUNC, 0);
        return fd < 0 ? fd : write_all(fd, out.data ?: "", out.size);
}

static int count_packages(int tree_fd, unsigned *ret)
{
        static const char installed[] = "\nStatus: install ok installed\n";
        _cleanup_free_ char *text = NULL;
        ssize_t n = path_read(tree_fd, "/var/lib/dpkg/status", FILE_MAX, &text);

        if (n < 0)
                return (int)n;
        *ret = 0;
        for (const char *p = text; (p = strstr(p, installed)); p += strlen(installed) - 1)
                ++*ret;
        return 0;
}

int debian_clean(int tree_fd, int64_t began, DebianFacts *ret, Error *error)
{
        DebianFacts facts = { .newest = 0 };
        int fd = path_open(tree_fd, "/usr", O_RDONLY | O_DIRECTORY, 0);
        int r = fd < 0 ? fd : find_newest(fd, began, &facts.newest);

        if (r >= 0 && facts.newest == 0)
                facts.newest = began;
        if (r >= 0)
                r = remove_traces(tree_fd);
        if (r >= 0)
                r = empty_dev(tree_fd);
        if (r >= 0)
                r = clamp_shadow(tree_fd, facts.newest);
        if (r >= 0)
                r = count_packages(tree_fd, &facts.n_packages);
        if (r < 0)
                return error_errno(error, -r, "Failed to clean the new tree");
        r = identity_reset(tree_fd, NULL, error);
        if (r >= 0)
                *ret = facts;
        return r;
}
