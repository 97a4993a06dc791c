/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stages 2 and 4 of the first process. Privileges: all, in the machine's user namespace. Stage 2
 * runs while the supervisor still builds the file systems and so touches none: host name, session,
 * keyring, limits. Stage 4 has them: the console. */

#include "boot/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

int child_console(const ChildContext *c, Error *error)
{
        int fd;

        if (c->plan->console == CONSOLE_PIPE)
                return 0; /* the supervisor's own descriptors, as they are */
        fd = open("/dev/console", O_RDWR | O_NOCTTY);
        if (fd < 0)
                return error_errno(error, errno, "Failed to open '/dev/console'");
        for (int i = 0; i < 3; i++)
                if (dup2(fd, i) < 0)
                        return error_errno(error, errno, "Failed to set up standard descriptors");
        if (fd > 2)
                (void)close(fd); /* it lives on as 0 to 2 */
        /* systemd and its kin take the terminal themselves; a plain command needs it for job
         * control */
        if (c->plan->start != START_INIT && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
                return error_errno(error, errno, "Failed to take the console as terminal");
        return 0;
}

static int set_limits(const BootPlan *plan, Error *error)
{
        for (int i = 0; i < RLIM_NLIMITS; i++) {
                struct rlimit wanted = plan->rlimits[i], now;

                if (setrlimit((__rlimit_resource_t)i, &wanted) >= 0)
                        continue;
                if (errno != EPERM || getrlimit((__rlimit_resource_t)i, &now) < 0)
                        return error_errno(error, errno, "Failed to set resource limit %d", i);
                /* as close as we may come: CI-121 */
                wanted.rlim_max = MIN_OF(wanted.rlim_max, now.rlim_max);
                wanted.rlim_cur = MIN_OF(wanted.rlim_cur, wanted.rlim_max);
                if (setrlimit((__rlimit_resource_t)i, &wanted) < 0)
                        return error_errno(error, errno, "Failed to set resource limit %d", i);
        }
        return 0;
}

int child_session(const ChildContext *c, Error *error)
{
        const BootPlan *plan = c->plan;

        if (setsid() < 0)
                return error_errno(error, errno, "Failed to start a session");
        if (sethostname(plan->hostname, strlen(plan->hostname)) < 0)
                return error_errno(error, errno, "Failed to set the host name '%s'",
                                   plan->hostname);
        /* a fresh session keyring instead of the caller's; kernels without keyrings have none to
         * leak */
        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) < 0 &&
            errno != ENOSYS && errno != EPERM)
                return error_errno(error, errno, "Failed to make a session keyring");
        if (plan->personality != PERSONALITY_INVALID && personality(plan->personality) < 0)
                return error_errno(error, errno, "Failed to set the personality");
        if (plan->cpu_affinity_set &&
            sched_setaffinity(0, sizeof(plan->cpu_affinity), &plan->cpu_affinity) < 0)
                return error_errno(error, errno, "Failed to set the CPU affinity");
        return set_limits(plan, error);
}
