/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts of the machine's own namespaces, with the host's rights. The helper shares memory and
 * descriptors with us (as vfork() does), so it costs some ten microseconds and hands over nothing.
 */

#include "boot/namespaced.h"

#include "boot/assembly.h"
#include "os/loopback.h"
#include "os/mount.h"
#include "os/namespace.h"
#include "os/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#define HELPER_STACK 65536

typedef struct Helper {
        const Assembly *assembly;
        Namespaced mounts;
        const char *failed; /* what did not work */
        int result;
} Helper;

static int make(Helper *h, const char *what, uint64_t attributes, int *ret)
{
        int fd = mount_newf(what, MOUNT_ATTRIBUTES_API | attributes, "%s", "");

        if (fd < 0) {
                h->failed = what;
                h->result = fd;
                return fd;
        }
        *ret = fd;
        return 0;
}

static bool set_up_network(Helper *h)
{
        bool links = network_plan_has_links(&h->assembly->plan->network);

        /* who makes links at this time (boot-network-make.c) also sets up this one, for which we
         * would wait: the kernel has one lock for all links */
        h->failed = links ? "the network" : "the loopback interface";
        h->result = links ? h->mounts.route_fd = netlink_open(NETLINK_ROUTE) : loopback_up();
        return h->result >= 0;
}

/* In the machine's pid namespace, since the caller set that for its children; joins the others. */
static int helper_main(void *argument)
{
        Helper *h = argument;
        const BootPlan *plan = h->assembly->plan;
        int flags = CLONE_NEWIPC | CLONE_NEWCGROUP;

        if (plan->private_network)
                flags |= CLONE_NEWNET;
        h->result = namespace_join(h->assembly->pid_fd, flags);
        if (h->result < 0) {
                h->failed = "the machine's namespaces";
                return 0;
        }
        if (plan->private_network && !plan->network_namespace_path && !set_up_network(h))
                return 0;
        if (make(h, "proc", 0, &h->mounts.proc_fd) < 0 ||
            /* read-only from the start: inside a machine the kernel allows no other */
            make(h, "sysfs", plan->api_vfs_writable ? 0 : MOUNT_ATTR_RDONLY, &h->mounts.sysfs_fd) <
                    0 ||
            make(h, "mqueue", 0, &h->mounts.mqueue_fd) < 0)
                return 0;
        if (h->assembly->has_cgroup)
                (void)make(h, "cgroup2", 0, &h->mounts.cgroup_fd);
        return 0;
}

static int run_helper(Helper *h)
{
        static char stack[HELPER_STACK] __attribute__((aligned(16)));
        int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_FS;
        pid_t pid = clone(helper_main, stack + sizeof(stack), flags, h);

        if (pid < 0)
                return -errno;
        while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
                ;
        return 0;
}

int namespaced_new(const Assembly *a, Namespaced *ret, Error *error)
{
        _cleanup_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
        Helper h = { .assembly = a, .mounts = NAMESPACED_NULL };
        int r;

        if (own < 0)
                return error_errno(error, errno, "Failed to open '/proc/self/ns/pid'");
        /* only for our next child: setns(2) never moves the caller to another pid namespace */
        r = namespace_join(a->pid_fd, CLONE_NEWPID);
        if (r >= 0)
                r = run_helper(&h);
        if (setns(own, CLONE_NEWPID) < 0 && r >= 0)
                r = -errno;
        if (r < 0)
                error_errno(error, -r, "Failed to enter the namespaces of machine '%s'",
                            a->plan->machine);
        else if (h.result < 0) {
                r = error_errno(error, -h.result, "Failed to set up %s of machine '%s'", h.failed,
                                a->plan->machine);
                if (h.result == -EPERM)
                        error_hint(error, "inside another machine, start that one with --nesting");
        }
        if (r < 0) {
                namespaced_done(&h.mounts);
                return r;
        }
        *ret = h.mounts;
        return 0;
}

void namespaced_done(Namespaced *n)
{
        closep(&n->proc_fd);
        closep(&n->sysfs_fd);
        closep(&n->mqueue_fd);
        closep(&n->cgroup_fd);
        closep(&n->route_fd);
        *n = NAMESPACED_NULL;
}
