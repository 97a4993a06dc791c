/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead-stub: PID 1 for a plain command (--as-pid2). Linked statically and run by descriptor, so
 * that it needs nothing of the tree and brings nothing of the launcher's memory or environment
 * along. Its one argument is the number of the command's process, a child of its. */

#include "base/cleanup.h"

#include <errno.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_SEC 90 /* container-interface CI-153 */

typedef enum Wish {
        WISH_NONE,
        WISH_POWER_OFF,
        WISH_REBOOT,
} Wish;

static Wish wish_of(int signal)
{
        if (signal == SIGRTMIN + 3 || signal == SIGRTMIN + 4 || signal == SIGRTMIN + 13 ||
            signal == SIGRTMIN + 14 || signal == SIGTERM)
                return WISH_POWER_OFF;
        if (signal == SIGINT || signal == SIGRTMIN + 5 || signal == SIGRTMIN + 6 ||
            signal == SIGRTMIN + 15 || signal == SIGRTMIN + 16)
                return WISH_REBOOT;
        return WISH_NONE;
}

static void block_signals(sigset_t *set)
{
        static const int offsets[] = { 3, 4, 5, 6, 13, 14, 15, 16 };

        (void)sigemptyset(set);
        (void)sigaddset(set, SIGCHLD);
        (void)sigaddset(set, SIGTERM);
        (void)sigaddset(set, SIGINT);
        for (size_t i = 0; i < ELEMENTSOF(offsets); i++)
                (void)sigaddset(set, SIGRTMIN + offsets[i]);
        (void)sigprocmask(SIG_BLOCK, set, NULL);
}

_noreturn_ static void finish(Wish wish, int status)
{
        if (wish == WISH_REBOOT)
                (void)reboot(LINUX_REBOOT_CMD_RESTART);
        else if (wish == WISH_POWER_OFF)
                (void)reboot(LINUX_REBOOT_CMD_POWER_OFF);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

_noreturn_ static void supervise(pid_t command)
{
        Wish wish = WISH_NONE;
        sigset_t set;

        block_signals(&set);
        for (;;) {
                struct timespec patience = { .tv_sec = PATIENCE_SEC };
                int signal, status;
                pid_t pid;

                while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                        if (pid == command)
                                finish(wish, status);
                signal = wish == WISH_NONE ? sigwaitinfo(&set, NULL)
                                           : sigtimedwait(&set, NULL, &patience);
                if (signal < 0 && errno == EAGAIN) /* its time is up */
                        (void)kill(command, SIGKILL);
                if (signal > 0 && signal != SIGCHLD && wish == WISH_NONE) {
                        wish = wish_of(signal);
                        (void)kill(command, SIGTERM);
                        (void)kill(command, SIGCONT); /* a stopped one would never hear it */
                        (void)kill(command, SIGHUP);
                }
        }
}

int main(int argc, char **argv)
{
        int command = argc == 2 ? atoi(argv[1]) : 0;

        if (command <= 1 || getpid() != 1)
                return EXIT_FAILURE; /* not for people */
        supervise(command);
}
