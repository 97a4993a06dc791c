/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stage 1 of the first process. Namespaces: all of the machine's but for mounts and cgroups; it
 * still sees the supervisor's private mount namespace, in which it may change nothing. Privileges:
 * all, in the machine's user namespace. At the end it has a mount namespace of its own, a copy
 * whose mounts are locked. */

#include "boot/child.h"

#include "boot/handshake.h"
#include "network/guest-sysctl.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void reset_signals(void)
{
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                if (i != SIGKILL && i != SIGSTOP)
                        (void)signal(i, SIG_DFL); /* numbers libc keeps to itself are refused */
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int explain_limit(const char *kind, const char *limit, Error *error)
{
        int number = errno;

        error_errno(error, number, "Failed to make the machine's %s namespace%s", kind,
                    number == ENOSPC ? " (a limit of user.max_*_namespaces is used up)" : "");
        if (number == ENOSPC)
                error_hint(error, "sysctl -w user.max_%s_namespaces=32768", limit);
        return -number;
}

int child_join(const ChildContext *c, Error *error)
{
        int flags = 0, r;

        reset_signals();
        (void)umask(0022);

        /* The cgroup namespace starts where we are, and clone3() would have taken the place where
         * the supervisor is (kernel: copy_cgroup_ns() looks at the parent). A network namespace
         * takes the kernel longer than all others together: it comes about while the supervisor
         * builds /dev. */
        if (c->has_cgroup)
                flags |= CLONE_NEWCGROUP;
        if (c->plan->private_network && !c->plan->network_namespace_path)
                flags |= CLONE_NEWNET;
        if (flags != 0 && unshare(flags) < 0)
                return explain_limit("network and cgroup", "net", error);
        r = handshake_send(c->handshake_fd, HANDSHAKE_JOINED);
        if (r < 0)
                return error_errno(error, -r, "Failed to report to the supervisor");
        return 0;
}

int child_isolate(const ChildContext *c, Error *error)
{
        int r = handshake_wait(c->handshake_fd, HANDSHAKE_ASSEMBLED, error);

        if (r == 1)
                _exit(EXIT_FAILURE); /* the supervisor failed or was killed */
        if (r < 0)
                return r;
        if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return error_errno(error, errno, "Failed to become root of the machine");
        /* after the change of ids, which clears it: if the supervisor dies, so does the machine */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return error_errno(error, errno, "Failed to tie the machine to its supervisor");
        /* by now the kernel knows our groups */
        if (network_plan_has_links(&c->plan->network))
                (void)network_guest_sysctls(NULL); /* without them ping is root's alone */
        if (unshare(CLONE_NEWNS) < 0)
                return explain_limit("mount", "mnt", error);
        /* not locked like the others, since inits unmount it at their end and would report a
         * failure */
        if (c->plan->tmpfs_tmp && !c->plan->mounts_in_tmp &&
            mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
                  "mode=1777,size=10%,nr_inodes=1m") < 0)
                return error_errno(error, errno, "Failed to mount /tmp");
        /* services with mount namespaces of their own see later mounts only through sharing */
        if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
                return error_errno(error, errno, "Failed to share the machine's mounts");
        /* but machined moves a mount on from where it arrives, and nothing moves out of a shared
         * one; there is none for plain commands */
        if (mount(NULL, "/run/host/incoming", NULL, MS_SLAVE, NULL) < 0 && errno != EINVAL &&
            errno != ENOENT)
                return error_errno(error, errno, "Failed to follow '/run/host/incoming'");
        return 0;
}
