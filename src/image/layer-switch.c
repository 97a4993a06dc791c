/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One child, whose words come back. */

#include "image/layer-switch.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/own-program.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define PROGRAM "stead-switch"
#define WORDS_MAX ((size_t)64 * 1024)
#define STATUS_OLD_STACK 3 /* see switch/main.c */

_noreturn_ static void become_switch(int program, const int keep[2], int words_fd,
                                     char *const *argv)
{
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)unsetenv("NOTIFY_SOCKET");
        if (dup2(words_fd, STDERR_FILENO) < 0 || fcntl(keep[0], F_SETFD, 0) < 0 ||
            fcntl(keep[1], F_SETFD, 0) < 0)
                _exit(EXIT_FAILURE);
        (void)fexecve(program, argv, environ);
        _exit(EXIT_FAILURE);
}

/* "PROGRAM: message", and in a line of its own what to type. */
static void take_words(char *words, const char *machine, Error *error)
{
        static const char prefix[] = PROGRAM ": ";
        char *message = words, *hint = NULL, *end;

        for (char *p = words; (p = strstr(p, prefix)); p++)
                message = p + strlen(prefix); /* the last one: before it may be warnings */
        end = strchr(message, '\n');
        if (end && strncmp(end, "\n  ", 3) == 0) {
                hint = end + 1 + strspn(end + 1, " ");
                hint[strcspn(hint, "\n")] = '\0';
        }
        message[strcspn(message, "\n")] = '\0';
        if (hint && *hint)
                error_hint(error, "%s", hint);
        if (*message)
                (void)error_set(error, EIO, "Machine '%s' cannot get its layers: %s", machine,
                                message);
        else
                (void)error_set(error, EIO, PROGRAM " failed for machine '%s' without a word",
                                machine);
}

static int start(int program, const int keep[2], char *const *argv, int *ret_words, pid_t *ret)
{
        int words[2];
        pid_t pid;

        if (pipe2(words, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                become_switch(program, keep, words[1], argv);
        (void)close(words[1]); /* or the end would never be seen */
        if (pid < 0) {
                int r = -errno;

                (void)close(words[0]); /* nothing was written */
                return r;
        }
        *ret_words = words[0];
        *ret = pid;
        return 0;
}

static int make_argv(const char *machine, char *const *layers, const int keep[2], char ***ret)
{
        _cleanup_strv_ char **argv = NULL;
        int r = strv_push(&argv, PROGRAM);

        if (r >= 0)
                r = strv_pushf(&argv, "--lock-fd=%d", keep[0]);
        if (r >= 0)
                r = strv_pushf(&argv, "--data-fd=%d", keep[1]);
        if (r >= 0)
                r = strv_push(&argv, machine);
        if (r >= 0)
                r = strv_extend(&argv, layers);
        if (r >= 0)
                *ret = TAKE_PTR(argv);
        return r;
}

int layer_switch_run(const char *machine, char *const *layers, int lock_fd, int data_fd,
                     Error *error)
{
        _cleanup_close_ int program = own_program_open("switch", PROGRAM), words_fd = -EBADF;
        const int keep[2] = { lock_fd, data_fd };
        _cleanup_free_ char *words = NULL;
        _cleanup_strv_ char **argv = NULL;
        int status = -1, r;
        pid_t pid = 0;

        if (program < 0) {
                error_errno(error, -program,
                            "Failed to open '" STEAD_LIBEXECDIR "/" PROGRAM
                            "', which brings layers together");
                error_hint(error, "install stead anew");
                return program;
        }
        r = make_argv(machine, layers, keep, &argv);
        if (r >= 0)
                r = start(program, keep, argv, &words_fd, &pid);
        if (r < 0)
                return error_errno(error, -r, "Failed to start " PROGRAM);
        if (read_fd(words_fd, WORDS_MAX, &words) < 0) {
                closep(&words_fd); /* or it would wait for a reader */
                words_fd = -EBADF;
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (status == 0) {
                fputs(words ?: "", stderr);
                return 0;
        }
        take_words(words ?: (char[]){ "" }, machine, error);
        return WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OLD_STACK ? -ESTALE : -EIO;
}
