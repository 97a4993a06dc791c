/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asked of the control group of its unit, since the files in /run outlive it and the launcher
 * speaks no bus. */

#include "network/networkd.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_DIRECTORY "/run/systemd/network"

bool networkd_runs(void)
{
        static const char *const hierarchies[] = { "", "/systemd", "/unified" };

        for (size_t i = 0; i < ELEMENTSOF(hierarchies); i++) {
                _cleanup_free_ char *text = NULL;
                char path[128];

                (void)snprintf(
                        path, sizeof(path),
                        "/sys/fs/cgroup%s/system.slice/systemd-networkd.service/cgroup.procs",
                        hierarchies[i]);
                if (read_file_at(AT_FDCWD, path, 4096, &text) > 0)
                        return true;
        }
        return false;
}

/* By its own tool, since nothing here speaks to a bus. Without the tool it hears of the file when
 * it is restarted, which is when it matters most. */
static void reload(void)
{
        char *const argv[] = { (char *)"networkctl", (char *)"reload", NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid = 0;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return;
        for (int fd = STDIN_FILENO; r == 0 && fd <= STDERR_FILENO; fd++)
                r = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        if (r == 0)
                r = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        while (r == 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

static int write_file(const char *path, const char *link)
{
        _cleanup_free_ char *text = NULL;
        int r = mkdir_parents_at(AT_FDCWD, FILES_DIRECTORY, 0755);

        if (asprintf(&text,
                     "# Written by stead: it looks after this link itself.\n"
                     "[Match]\nName=%s\n[Link]\nUnmanaged=yes\n",
                     link) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return r < 0 ? r : write_file_atomic_at(AT_FDCWD, path, text, 0644);
}

void networkd_leave_alone(const char *link, bool alone)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, FILES_DIRECTORY "/70-stead-%s.network", link) < 0) {
                path = NULL;
                return;
        }
        if (alone ? networkd_runs() && write_file(path, link) >= 0 : unlink(path) >= 0)
                if (networkd_runs())
                        reload();
}
