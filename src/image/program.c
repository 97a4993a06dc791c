/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One child, whose words come back. */

#include "image/program.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define WORDS_MAX ((size_t)1024 * 1024)

/* mkfs and its like are root's; a service may not have them in its path. */
static int find_program(const char *name)
{
        static const char *const places[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin",
                                              "/usr/local/sbin" };

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                char path[256];
                int fd;

                (void)snprintf(path, sizeof(path), "%s/%s", places[i], name);
                fd = open(path, O_PATH | O_CLOEXEC);
                if (fd >= 0)
                        return fd;
        }
        return -ENOENT;
}

_noreturn_ static void become(const ProgramRun *run, int program_fd, int words_fd)
{
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)unsetenv("NOTIFY_SOCKET");
        if (dup2(words_fd, STDOUT_FILENO) < 0 || dup2(words_fd, STDERR_FILENO) < 0)
                _exit(EXIT_FAILURE);
        for (size_t i = 0; i < run->n_keep; i++)
                if (fcntl(run->keep[i], F_SETFD, 0) < 0)
                        _exit(EXIT_FAILURE);
        (void)fexecve(program_fd, run->argv, environ);
        _exit(EXIT_FAILURE);
}

int program_run(const ProgramRun *run, int *ret_status, char **ret_words)
{
        _cleanup_close_ int found = run->program_fd < 0 ? find_program(run->argv[0]) : -EBADF,
                            words_fd = -EBADF;
        int words[2], program_fd = run->program_fd < 0 ? found : run->program_fd;
        pid_t pid;

        if (program_fd < 0)
                return program_fd;
        if (pipe2(words, O_CLOEXEC) < 0)
                return -errno;
        words_fd = words[0];
        pid = fork();
        if (pid == 0)
                become(run, program_fd, words[1]);
        (void)close(words[1]); /* or the end would never be seen */
        if (pid < 0)
                return -errno;
        if (read_fd(words_fd, WORDS_MAX, ret_words) < 0) {
                closep(&words_fd); /* or it would wait for a reader */
                words_fd = -EBADF;
        }
        while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
                ;
        return 0;
}
