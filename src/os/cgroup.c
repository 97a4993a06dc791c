/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control groups, v2 only. Must not know what a machine is, nor who owns the host's hierarchy. */

#include "os/cgroup.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "os/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

int cgroup_mount_point(const char **ret)
{
        static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                struct statfs s;

                if (statfs(places[i], &s) >= 0 && s.f_type == CGROUP2_SUPER_MAGIC) {
                        *ret = places[i];
                        return 0;
                }
        }
        return -ENODATA;
}

static int cgroup_from_file(const char *path, char **ret)
{
        _cleanup_free_ char *text = NULL;
        char *line, *end;
        ssize_t n = read_file_at(AT_FDCWD, path, 65536, &text);

        if (n < 0)
                return (int)n;
        line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
        if (!line)
                return -ENODATA;
        line = strchr(line, '/');
        if (!line)
                return -ENODATA;
        end = strchrnul(line, '\n');
        *end = '\0';
        *ret = strdup(line);
        return *ret ? 0 : -ENOMEM;
}

int cgroup_own(char **ret)
{
        return cgroup_from_file("/proc/self/cgroup", ret);
}

int cgroup_of(pid_t pid, char **ret)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
        return cgroup_from_file(path, ret);
}

int cgroup_delegate(int cgroup_fd, uid_t uid, gid_t gid)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **files = NULL;
        int r;

        if (read_file_at(AT_FDCWD, "/sys/kernel/cgroup/delegate", 4096, &text) < 0) {
                text = strdup("cgroup.procs cgroup.threads cgroup.subtree_control");
                if (!text)
                        return -ENOMEM;
        }
        r = strv_split(text, " \n", &files);
        if (r < 0)
                return r;
        STRV_FOREACH (f, files)
                if (fchownat(cgroup_fd, *f, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
                        return -errno;
        return fchown(cgroup_fd, uid, gid) < 0 ? -errno : 0;
}

static void change_controllers(int cgroup_fd, const char *from, char sign)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **names = NULL;

        if (read_file_at(cgroup_fd, from, 4096, &text) <= 0 || strv_split(text, " \n", &names) < 0)
                return;
        STRV_FOREACH (n, names) {
                char word[64];

                (void)snprintf(word, sizeof(word), "%c%s", sign, *n);
                /* one that is refused (busy, threaded) must not cost the others */
                (void)write_file_at(cgroup_fd, "cgroup.subtree_control", word);
        }
}

void cgroup_enable_controllers(int cgroup_fd)
{
        change_controllers(cgroup_fd, "cgroup.controllers", '+');
}

void cgroup_disable_controllers(int cgroup_fd)
{
        change_controllers(cgroup_fd, "cgroup.subtree_control", '-');
}

/* With the process pinned: is the number still one of this cgroup? */
static bool is_member(int cgroup_fd, pid_t pid)
{
        _cleanup_free_ char *text = NULL;
        char *line, *next;

        if (read_file_at(cgroup_fd, "cgroup.procs", 1 << 20, &text) < 0)
                return false;
        next = text;
        while ((line = strsep(&next, "\n")))
                if (atoi(line) == pid)
                        return true;
        return false;
}

static int kill_each(int cgroup_fd, int signal)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **pids = NULL;
        ssize_t n = read_file_at(cgroup_fd, "cgroup.procs", 1 << 20, &text);
        int r;

        if (n < 0)
                return (int)n;
        r = strv_split(text, "\n", &pids);
        if (r < 0)
                return r;
        STRV_FOREACH (p, pids) {
                int pid;

                _cleanup_close_ int pid_fd = -EBADF;

                if (parse_int(*p, &pid) < 0 || pid <= 0)
                        continue; /* 0: of a pid namespace that we do not see */
                pid_fd = pidfd_open_process(pid);
                if (pid_fd >= 0 && is_member(cgroup_fd, pid))
                        (void)pidfd_signal(pid_fd, signal); /* gone already is what we want */
        }
        return 0;
}

static int each_child(int cgroup_fd, int (*visit)(int child_fd, int argument), int argument)
{
        _cleanup_closedir_ DIR *d = NULL;
        int fd = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

        d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return -errno;
        for (struct dirent *e; (e = readdir(d));) {
                _cleanup_close_ int child = -EBADF;
                int r;

                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                child = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (child < 0)
                        continue; /* gone meanwhile */
                r = visit(child, argument);
                if (r < 0 && result == 0)
                        result = r;
        }
        return result;
}

static int kill_below(int cgroup_fd, int signal)
{
        int r = kill_each(cgroup_fd, signal), q;

        q = each_child(cgroup_fd, kill_below, signal);
        return r < 0 ? r : q;
}

int cgroup_kill(int cgroup_fd, int signal)
{
        if (signal == SIGKILL && write_file_at(cgroup_fd, "cgroup.kill", "1") >= 0)
                return 0;
        return kill_below(cgroup_fd, signal);
}

int cgroup_wait_empty(int cgroup_fd, int timeout_ms)
{
        for (;; timeout_ms -= 10) {
                _cleanup_free_ char *text = NULL;
                ssize_t n = read_file_at(cgroup_fd, "cgroup.events", 4096, &text);

                if (n < 0)
                        return n == -ENODEV || n == -ENOENT ? 0 : (int)n;
                if (strstr(text, "populated 0"))
                        return 0;
                if (timeout_ms <= 0)
                        return -ETIMEDOUT;
                (void)poll(NULL, 0, 10);
        }
}

static int remove_below(int dirfd, const char *name)
{
        _cleanup_closedir_ DIR *d = NULL;
        int fd;

        if (unlinkat(dirfd, name, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                return 0;
        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *e; (e = readdir(d));) {
                int r;

                if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 ||
                    strcmp(e->d_name, "..") == 0)
                        continue;
                r = remove_below(fd, e->d_name);
                if (r < 0)
                        return r;
        }
        return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(const char *path)
{
        return remove_below(AT_FDCWD, path);
}

int cgroup_attach(int cgroup_fd, pid_t pid)
{
        char text[16];

        (void)snprintf(text, sizeof(text), "%d", (int)pid);
        return write_file_at(cgroup_fd, "cgroup.procs", text);
}
