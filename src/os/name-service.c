/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One question, one process. Rare: for users that are brought in, and where other sources than
 * files are configured. */

#include "os/name-service.h"

#include "base/fd.h"
#include "base/strv.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define ANSWER_MAX ((size_t)1 << 20)

static int ask(const char *database, const char *key, char **ret)
{
        char *const argv[] = { (char *)"getent", (char *)"--", (char *)database, (char *)key,
                               NULL };
        _cleanup_close_ int out = -EBADF, in = -EBADF;
        posix_spawn_file_actions_t actions;
        int pair[2], status, r;
        ssize_t n;
        pid_t pid;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        out = pair[0];
        in = pair[1];
        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        r = posix_spawn_file_actions_adddup2(&actions, in, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawnp(&pid, "getent", &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;
        closep(&in);
        in = -EBADF;
        n = read_fd(out, ANSWER_MAX, ret);
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        if (n < 0)
                return (int)n;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 && n > 0;
}

int name_service_find(const char *database, const char *key, char ***ret_fields)
{
        _cleanup_strv_ char **fields = NULL;
        _cleanup_free_ char *answer = NULL;
        char *field, *rest;
        int r = ask(database, key, &answer);

        if (r <= 0)
                return r;
        answer[strcspn(answer, "\n")] = '\0';
        rest = answer;
        while ((field = strsep(&rest, ":"))) { /* empty ones count */
                r = strv_push(&fields, field);
                if (r < 0)
                        return r;
        }
        *ret_fields = TAKE_PTR(fields);
        return 1;
}
