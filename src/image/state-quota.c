/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A data directory as a project of its file system's quotas. The number is kept by the directory
 * itself; all that is made in it inherits that. */

#include "image/state-disk.h"

#include "base/fd.h"
#include "config/settings.h"
#include "os/quota.h"
#include "stack/stack.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Ours: high, since people count from 1, and below 2^31 for tools that read a signed number. */
#define PROJECT_FIRST UINT32_C(0x53540000)
#define PROJECT_COUNT UINT32_C(0x10000)
#define DEPTH_MAX 256

static bool is_ours(uint32_t project)
{
        return project >= PROJECT_FIRST && project - PROJECT_FIRST < PROJECT_COUNT;
}

/* Whether a machine has this number already. */
static bool is_taken(int states_fd, uint32_t project)
{
        int fd = openat(states_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_close_ int other = -EBADF;
                uint32_t number;

                if (e->d_name[0] == '.')
                        continue;
                other = openat(dirfd(d), e->d_name,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (other >= 0 && quota_get_project(other, &number, NULL) >= 0 && number == project)
                        return true;
        }
        return false;
}

/* One that nobody has and in which nothing is. */
static int find_project(int state_fd, const char *machine, uint32_t *ret)
{
        _cleanup_close_ int states_fd = open(stack_states(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        uint32_t start = 0;

        for (const char *p = machine; *p; p++)
                start = start * 31 + (unsigned char)*p; /* the same one again, most likely */
        if (states_fd < 0 || flock(states_fd, LOCK_EX) < 0)
                return -errno;
        for (uint32_t i = 0; i < PROJECT_COUNT; i++) {
                uint32_t project = PROJECT_FIRST + (start + i) % PROJECT_COUNT;
                uint64_t used, limit;
                int r;

                if (is_taken(states_fd, project))
                        continue;
                r = quota_get_usage(state_fd, project, &used, &limit);
                if (r < 0)
                        return r;
                if (used > 0)
                        continue;
                r = quota_set_project(state_fd, project); /* before the lock ends */
                if (r >= 0)
                        *ret = project;
                return r;
        }
        return -ENOSPC;
}

/* What was there before gets the number, too. Links, devices and fifos cannot be opened for it, and
 * hold nothing. */
static int mark_tree(int dirfd_take, uint32_t project, unsigned depth)
{
        _cleanup_closedir_ DIR *d = fdopendir(dirfd_take);

        if (!d) {
                (void)close(dirfd_take);
                return -errno;
        }
        for (struct dirent *e; (e = readdir(d));) {
                _cleanup_close_ int fd = -EBADF;
                uint32_t before;
                int r;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                    (e->d_type != DT_DIR && e->d_type != DT_REG))
                        continue;
                fd = openat(dirfd(d), e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                r = quota_get_project(fd, &before, NULL);
                if (r >= 0 && before != project)
                        r = quota_set_project(fd, project);
                if (r >= 0 && e->d_type == DT_DIR)
                        r = depth < DEPTH_MAX ? mark_tree(TAKE_FD(fd), project, depth + 1) : -ELOOP;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The directory's own project, found and given to all that is in it, unless it has one. The mark
 * that this is done is a file, so that one that was killed over it goes on. */
static int settle(int state_fd, const char *machine, uint32_t *ret)
{
        _cleanup_free_ char *text = NULL;
        char done[16];
        bool inherited;
        int r = quota_get_project(state_fd, ret, &inherited);

        if (r >= 0 && (!is_ours(*ret) || !inherited))
                r = find_project(state_fd, machine, ret);
        if (r < 0)
                return r;
        (void)snprintf(done, sizeof(done), "%" PRIu32 "\n", *ret);
        if (read_file_at(state_fd, "project", 64, &text) >= 0 && strcmp(text, done) == 0)
                return 0;
        r = openat(state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = r < 0 ? -errno : mark_tree(r, *ret, 0);
        return r < 0 ? r : write_file_synced_at(state_fd, "project", done, 0600);
}

int state_quota_set(int state_fd, const char *machine, uint64_t disk_max, Error *error)
{
        uint64_t used = 0, limit = 0;
        uint32_t project;
        int r = quota_get_project(state_fd, &project, NULL);

        if (disk_max == DISK_MAX_INFINITY && (r < 0 || !is_ours(project)))
                return 0;
        r = settle(state_fd, machine, &project);
        if (r >= 0)
                r = quota_get_usage(state_fd, project, &used, &limit);
        if (r >= 0 && used > disk_max)
                return state_disk_refuse(machine, used, error);
        if (r >= 0)
                r = quota_set_limit(state_fd, project,
                                    disk_max == DISK_MAX_INFINITY ? 0 : disk_max);
        return r < 0 ? error_errno(error, -r, "Failed to set the project quota of machine '%s'",
                                   machine)
                     : 0;
}
