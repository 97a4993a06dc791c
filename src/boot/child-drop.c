/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the first process gives its privileges away: the system call filter, and in the stage before
 * the last the bounding set and the user of the plan. capability_apply() and seccomp_install() read
 * back what they did. */

#include "boot/child.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static int change_user(const BootPlan *plan, Error *error)
{
        if (plan->uid == 0)
                return 0;
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(plan->n_groups, plan->groups) < 0 ||
            setresgid(plan->gid, plan->gid, plan->gid) < 0 ||
            setresuid(plan->uid, plan->uid, plan->uid) < 0 ||
            prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) /* the change of ids cleared it */
                return error_errno(error, errno, "Failed to become user '%s'", plan->user);
        return 0;
}

int child_filter(const ChildContext *c, Error *error)
{
        int r;

        if (c->plan->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return error_errno(error, errno, "Failed to set no_new_privs");
        /* while CAP_SYS_ADMIN is there: without it the kernel wants no_new_privs first */
        if (c->plan->suppress_sync) {
                r = seccomp_install(seccomp_builtin(SECCOMP_SUPPRESS_SYNC));
                if (r < 0)
                        return error_errno(error, -r, "Failed to suppress sync calls");
        }
        r = c->filter ? seccomp_install(c->filter) : 0;
        return r < 0 ? error_errno(error, -r, "Failed to install the system call filter") : 0;
}

int child_drop(const ChildContext *c, Error *error)
{
        const BootPlan *plan = c->plan;
        CapabilitySet held;
        int r;

        if (plan->selinux_context) {
                r = write_file_at(AT_FDCWD, "/proc/self/attr/exec", plan->selinux_context);
                if (r < 0)
                        return error_errno(error, -r, "Failed to set the SELinux context '%s'",
                                           plan->selinux_context);
        }
        r = capability_bounding_get(&held);
        if (r < 0)
                return error_errno(error, -r, "Failed to read the bounding set");
        /* exec leaves a user other than root with the ambient set alone */
        r = change_user(plan, error);
        if (r < 0)
                return r;
        r = capability_apply(plan->bounding & held, plan->ambient & held);
        return r < 0 ? error_errno(error, -r, "Failed to set the machine's capabilities") : 0;
}
