/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* setns() by pidfd, and the identity that goes with it. */

#include "machine/join.h"

#include "os/namespace.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int machine_open_root(const Machine *m, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)m->leader);
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        /* alive after the look-up: the number was still the leader's during it */
        if (fd >= 0 && pidfd_is_alive(m->leader_fd))
                return TAKE_FD(fd);
        error_hint(error, "stead start %s", m->name);
        return error_set(error, ENXIO, "Machine '%s' has ended", m->name);
}

/* Without a user namespace our rights are the host's, and may be more than the machine was given.
 */
static int limit_rights(const Machine *m)
{
        CapabilitySet held = 0;
        int r;

        if (m->uid_size > 0)
                return 0;
        r = capability_bounding_get(&held);
        return r < 0 ? r : capability_apply(m->bounding & held, 0);
}

int machine_join(const Machine *m, Error *error)
{
        _cleanup_close_ int root_fd = machine_open_root(m, error);
        int flags, r;

        if (root_fd < 0)
                return root_fd;
        r = namespace_difference(m->leader, &flags);
        if (r >= 0)
                r = namespace_join(m->leader_fd, flags & (CLONE_NEWNS | CLONE_NEWUSER));
        if (r >= 0 && (fchdir(root_fd) < 0 || chroot(".") < 0))
                r = -errno;
        /* what is made there must have an owner that the machine knows */
        if (r >= 0 && (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
                r = -errno;
        if (r >= 0)
                r = limit_rights(m);
        if (r >= 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                r = -errno;
        return r < 0 ? error_errno(error, -r, "Failed to join the namespaces of machine '%s'",
                                   m->name)
                     : 0;
}
