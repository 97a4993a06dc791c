/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A whole operating system of one program: the smallest init that a machine may have. It says that
 * it is up, reaps what is handed to it, and powers off or reboots on the signals below. It must
 * need no library, no file and no other process.
 *
 * SIGTERM, SIGINT, SIGRTMIN+3, SIGRTMIN+4: power off.  SIGHUP, SIGRTMIN+5: reboot.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *text)
{
        int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                fd = dup(STDOUT_FILENO);
        if (fd < 0)
                return;
        if (write(fd, text, strlen(text)) < 0)
                (void)!write(STDERR_FILENO, text, strlen(text));
        close(fd);
}

static void leave(int how, const char *text)
{
        say(text);
        if (reboot(how) < 0)
                _exit(errno);
}

int main(void)
{
        sigset_t set;
        int fd;

        sigfillset(&set);
        if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
                return 1;

        say("static-init: up\n");
        fd = open("/run/booted", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0)
                close(fd);

        for (;;) {
                int sig = sigwaitinfo(&set, NULL);

                if (sig == SIGCHLD)
                        while (waitpid(-1, NULL, WNOHANG) > 0)
                                ;
                else if (sig == SIGHUP || sig == SIGRTMIN + 5)
                        leave(RB_AUTOBOOT, "static-init: reboot\n");
                else if (sig == SIGTERM || sig == SIGINT || sig == SIGRTMIN + 3 ||
                         sig == SIGRTMIN + 4)
                        leave(RB_POWER_OFF, "static-init: down\n");
        }
}
