/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PID 1 for a plain command. Runs in the machine without exec, so it uses nothing of the tree. */

#include "boot/stub.h"

#include "base/strv.h"

#include <errno.h>
#include <linux/close_range.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
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

/* What /proc/1/environ shows is the memory in which our own caller's environment came: it is
 * overwritten, so that nothing of it leaks (CI-026, CI-028). */
static void hide_environment(const BootPlan *plan)
{
        static const char *const shown[] = { "container", "container_uuid" };
        char *start = NULL, *end = NULL, *p;

        for (char **e = environ; e && *e; e++) {
                if (!start)
                        start = end = *e;
                if (*e != end)
                        break; /* no longer the block the kernel made */
                end = *e + strlen(*e) + 1;
        }
        if (!start)
                return;
        explicit_bzero(start, (size_t)(end - start));
        p = start;
        for (size_t i = 0; i < ELEMENTSOF(shown); i++) {
                const char *value = strv_env_get(plan->environment, shown[i]);
                int n = snprintf(p, (size_t)(end - p), "%s=%s", shown[i], value ?: "");

                if (n < 0 || n >= end - p) {
                        explicit_bzero(p, (size_t)(end - p));
                        return;
                }
                p += n + 1;
        }
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

                /* before the first wait, too: the signal of an end before the block is lost */
                while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                        if (pid == command)
                                finish(wish, status);
                signal = wish == WISH_NONE ? sigwaitinfo(&set, NULL) :
                                             sigtimedwait(&set, NULL, &patience);
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

int stub_run(const BootPlan *plan, int handshake_fd, Error *error)
{
        pid_t pid = fork();

        if (pid < 0)
                return error_errno(error, errno, "Failed to start the command");
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* PID 1's end is the end of us all */
                (void)setsid();
                return 1;
        }
        hide_environment(plan);
        (void)prctl(PR_SET_NAME, "stead-stub");
        (void)close(handshake_fd);
        (void)close_range(0, ~0U, 0); /* the console belongs to the command */
        supervise(pid);
}
