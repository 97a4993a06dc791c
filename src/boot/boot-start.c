/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One start of PID 1: the supervisor's side of the handshake. In between, and only then, the
 * supervisor is in a private mount namespace. */

#include "boot/boot.h"

#include "base/fd.h"
#include "base/strv.h"
#include "boot/child.h"
#include "boot/handshake.h"
#include "boot/stub.h"
#include "boot/unit.h"
#include "os/clone.h"
#include "os/mount.h"
#include "os/pidfd.h"
#include "os/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define UID_MAPPED_ROOT (INT32_MAX - 1U) /* the user that systemd has on disk for this */

static uint64_t namespaces(const BootPlan *plan)
{
        uint64_t flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;

        if (boot_plan_has_user_namespace(plan))
                flags |= CLONE_NEWUSER;
        return flags; /* cgroup and network namespace are the child's to make: see child-join.c */
}

static int explain_clone(const Boot *b, int number, Error *error)
{
        if (number == ENOSPC || number == EUSERS) {
                error_set(error, number,
                          "The kernel's limit of namespaces is used up: machine '%s' needs "
                          "one more of each kind",
                          b->plan->machine);
                error_hint(error,
                           "sysctl -w user.max_user_namespaces=32768  (see also user.max_*)");
        } else if (number == EPERM) {
                error_set(error, number, "The kernel refuses new namespaces for machine '%s'",
                          b->plan->machine);
                error_hint(error,
                           "id -u; sysctl kernel.unprivileged_userns_clone; inside another machine "
                           "start that one with --nesting");
        } else {
                error_errno(error, number, "Failed to make the namespaces of machine '%s'",
                            b->plan->machine);
        }
        return -number;
}

static int join_network(const Boot *b, Error *error)
{
        _cleanup_close_ int fd = -EBADF;

        if (!b->plan->network_namespace_path)
                return 0;
        fd = open(b->plan->network_namespace_path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) {
                error_errno(error, errno, "Failed to join the network namespace '%s'",
                            b->plan->network_namespace_path);
                error_hint(error, "ip netns list");
                return -error->number;
        }
        return 0;
}

/* An audit login of our caller's must not stay on everything that runs in the machine. */
static void reset_login_uid(void)
{
        (void)write_file_at(AT_FDCWD, "/proc/self/loginuid", "4294967295"); /* no audit: no file */
}

static int fork_first_process(Boot *b, int *ret_handshake, Error *error)
{
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF, stub = -EBADF;
        int r = handshake_new(&ours, &theirs);
        pid_t pid;

        if (r < 0)
                return error_errno(error, -r, "Failed to make the handshake socket");
        if (b->plan->start == START_STUB) {
                stub = stub_open(error);
                if (stub < 0)
                        return stub;
        }
        pid = clone_process(namespaces(b->plan), b->payload_fd, &b->pid_fd);
        if (pid < 0)
                return explain_clone(b, -pid, error);
        if (pid == 0) {
                ChildContext context = {
                        .plan = b->plan,
                        .handshake_fd = theirs,
                        .filter = b->filter,
                        .filter_is_custom = b->filter_own,
                        .stub_fd = stub,
                        .has_cgroup = b->cgroup,
                };

                (void)close(ours); /* or we would never see the supervisor's end */
                child_main(&context);
        }
        b->pid = pid;
        *ret_handshake = TAKE_FD(ours);
        return 0;
}

/* Users of the host are lines of their own in the machine's maps, but never on disk: then mounts
 * need a user namespace with the plain range. */
static int open_plain_map(const Boot *b)
{
        IdMap plain = { 0, b->range.base, b->range.size };
        char path[64];
        int fd;

        if (b->plan->n_bind_users > 0)
                return userns_new(&plain, 1);
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)b->pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Root of the host has no id in the machine's range, and the kernel refuses to let it make files
 * through the map (EOVERFLOW), as machinectl copy-to does before it gives them away. Where machined
 * may come, it has a line of its own; on disk that is nobody (UID_MAPPED_ROOT of systemd). */
static bool needs_host_root(const Boot *b)
{
        return b->range.base > 0 && b->plan->register_mode != REGISTER_NO &&
               unit_host_runs_systemd();
}

static int open_tree_map(const Boot *b, int plain_fd)
{
        IdMap maps[] = { { b->owners.base, b->range.base, b->range.size },
                         { UID_MAPPED_ROOT, 0, 1 } };
        bool host_root = needs_host_root(b);
        int fd;

        if (!b->owners.mapped)
                return -EBADF;
        if (b->owners.base != 0 || host_root)
                return userns_new(maps, host_root ? 2 : 1);
        fd = fcntl(plain_fd, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? -errno : fd;
}

static int write_maps(const Boot *b, Error *error)
{
        const BootPlan *plan = b->plan;
        IdMap uid[BIND_USER_MAPS_MAX], gid[BIND_USER_MAPS_MAX];
        unsigned n_uid = bind_users_map(plan->bind_users, plan->n_bind_users, false, b->range.base,
                                        b->range.size, uid);
        unsigned n_gid = bind_users_map(plan->bind_users, plan->n_bind_users, true, b->range.base,
                                        b->range.size, gid);
        int r = userns_write_maps(b->pid, uid, n_uid, gid, n_gid);

        return r < 0 ? error_errno(error, -r, "Failed to set up user range %u of machine '%s'",
                                   b->range.base, plan->machine)
                     : 0;
}

static int set_up_users(const Boot *b, Assembly *a, Error *error)
{
        int r;

        if (b->range.size == 0)
                return 0;
        r = write_maps(b, error);
        if (r < 0)
                return r;
        a->map_fd = open_plain_map(b);
        if (a->map_fd >= 0)
                a->tree_map_fd = open_tree_map(b, a->map_fd);
        r = a->map_fd < 0 ? a->map_fd : b->owners.mapped && a->tree_map_fd < 0 ? a->tree_map_fd : 0;
        return r < 0 ? error_errno(error, -r, "Failed to make the id map of machine '%s'",
                                   b->plan->machine)
                     : 0;
}

static int set_oom_score(const Boot *b, Error *error)
{
        char path[64], text[16];
        int r;

        if (!b->plan->oom_score_adjust_set)
                return 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)b->pid);
        (void)snprintf(text, sizeof(text), "%d", b->plan->oom_score_adjust);
        r = write_file_at(AT_FDCWD, path, text);
        return r < 0 ? error_errno(error, -r, "Failed to set the OOM score %d",
                                   b->plan->oom_score_adjust)
                     : 0;
}

/* Waits for @step, and turns the silent end of the process into an error. */
static int expect(const Boot *b, int fd, HandshakeStep step, Error *error)
{
        int r = handshake_wait(fd, step, error);
        siginfo_t si = {};

        if (r != 1)
                return r;
        if (waitid(P_PIDFD, (id_t)b->pid_fd, &si, WEXITED | WNOWAIT) >= 0 &&
            si.si_code != CLD_EXITED)
                return error_set(
                        error, EPROTO,
                        "The first process of machine '%s' was killed by signal %d before it "
                        "could run the tree's program",
                        b->plan->machine, si.si_status);
        return error_set(error, EPROTO, "The first process of machine '%s' ended without a word",
                         b->plan->machine);
}

/* A peer that is gone is noticed by the next expect(), which knows why. */
static int tell(int fd, HandshakeStep step, Error *error)
{
        int r = handshake_send(fd, step);

        return r < 0 && r != -EPIPE
                       ? error_errno(error, -r, "Failed to talk to the machine's first process")
                       : 0;
}

static int start_in_private_namespace(Boot *b, Assembly *a, int *ret_handshake, Error *error)
{
        int r = join_network(b, error);

        if (r < 0)
                return r;
        reset_login_uid();
        r = fork_first_process(b, ret_handshake, error);
        if (b->plan->network_namespace_path && setns(b->host_network_fd, CLONE_NEWNET) < 0 &&
            r >= 0)
                r = error_errno(error, errno, "Failed to return to the host's network");
        if (r < 0)
                return r;
        a->pid = b->pid;
        a->pid_fd = b->pid_fd;
        r = set_up_users(b, a, error);
        if (r >= 0)
                r = set_oom_score(b, error);
        if (r >= 0)
                r = assembly_begin(a, error);
        if (r >= 0)
                r = expect(b, *ret_handshake, HANDSHAKE_JOINED, error);
        if (r >= 0)
                r = boot_network_begin(b, error);
        if (r >= 0)
                r = assembly_finish(a, error);
        if (r < 0)
                return r;
        /* it keeps this mount namespace alive until it has its own copy: we need not wait for that
         */
        return tell(*ret_handshake, HANDSHAKE_ASSEMBLED, error);
}

/* Back among the host's mounts; the private namespace ends with this. */
static int return_to_host(const Boot *b, Error *error)
{
        if (setns(b->host_mounts_fd, CLONE_NEWNS) < 0)
                return error_errno(error, errno, "Failed to return to the host's mount namespace");
        if (b->working_directory_fd >= 0)
                (void)fchdir(b->working_directory_fd); /* "/" will do */
        return 0;
}

/* What the machine offers in /run/host/unix-export, at the place where ssh looks on the host
 * (CI-087). A link into it instead of a mount: the host's mount table stays as it is. */
static void link_unix_export(const Boot *b)
{
        _cleanup_free_ char *path = NULL, *target = NULL;

        if (b->plan->start != START_INIT ||
            asprintf(&path, UNIX_EXPORT_DIRECTORY "/%s", b->plan->machine) < 0 ||
            asprintf(&target, "/proc/%d/root/run/host/unix-export", (int)b->pid) < 0)
                return;
        (void)unlink(path); /* of the start before */
        if (mkdir_parents_at(AT_FDCWD, UNIX_EXPORT_DIRECTORY, 0755) >= 0)
                (void)symlink(target, path); /* only ssh from outside would miss it */
}

static int announce(Boot *b, Error *error)
{
        struct timespec now;
        int r;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        b->machine->leader = b->pid;
        b->machine->state = boot_plan_waits_for_ready(b->plan) ? MACHINE_STARTING : MACHINE_RUNNING;
        b->machine->started_usec =
                (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
        b->machine->ready_usec =
                b->machine->state == MACHINE_RUNNING ? b->machine->started_usec : 0;
        r = process_start_time(b->pid, &b->machine->leader_start);
        if (r >= 0)
                r = process_start_time(b->machine->launcher, &b->machine->launcher_start);
        if (r < 0)
                return error_errno(error, -r, "Failed to read start times from /proc");
        link_unix_export(b);
        return machine_save(b->machine, b->directory_fd, error);
}

static int set_going(Boot *b, int handshake_fd, Error *error)
{
        int r = announce(b, error);

        if (r >= 0)
                r = boot_restrict_devices(b, error);
        if (r >= 0)
                r = boot_network_await(b, error);
        if (r >= 0)
                r = unit_register(b, error); /* which tells machined of the links */
        if (r < 0)
                return r;
        r = expect(b, handshake_fd, HANDSHAKE_PREPARED, error);
        if (r >= 0)
                r = boot_network_finish(b, error);
        if (r >= 0)
                r = tell(handshake_fd, HANDSHAKE_GO, error);
        if (r < 0)
                return r;
        boot_network_abandon(b); /* its process may need time to end */
        r = handshake_wait(handshake_fd, HANDSHAKE_FAILED, error);
        return r == 1 ? 0 : r; /* end of file: exec closed it */
}

/* What the assembly made and the supervisor keeps. */
static void take_over(Boot *b, Assembly *a)
{
        b->console_fd = TAKE_FD(a->console_fd);
        b->notify_fd = TAKE_FD(a->notify_fd);
        b->kmsg_fd = TAKE_FD(a->kmsg_fd);
        b->network.network.machine_fd = TAKE_FD(a->namespaced.route_fd);
        b->limits_view = a->limits_view;
        a->limits_view = LIMITS_VIEW_NULL;
        b->ephemeral = TAKE_PTR(a->ephemeral);
        b->ephemeral_fd = TAKE_FD(a->ephemeral_fd);
        strv_free(b->work_directories);
        b->work_directories = TAKE_PTR(a->work_directories);
}

/* machined's bind on hosts before 257 passes mounts in through this directory (CI-084). Cloned from
 * the host's mount namespace, so that it follows what happens there. -EBADF: that verb alone will
 * not work. */
static int clone_incoming(const Boot *b)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (b->plan->start != START_INIT ||
            asprintf(&path, PROPAGATE_DIRECTORY "/%s", b->plan->machine) < 0)
                return -EBADF;
        if (mkdir_parents_at(AT_FDCWD, path, 0700) < 0 || chmod(path, 0600) < 0)
                return -EBADF;
        fd = mount_clone(AT_FDCWD, path, false);
        if (fd < 0 || mount_set_propagation(fd, MS_SLAVE, false) < 0 ||
            mount_set_attributes(fd, MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API, 0, false) < 0)
                return -EBADF;
        return TAKE_FD(fd);
}

int boot_start(Boot *b, Error *error)
{
        Assembly a = ASSEMBLY_NULL;
        _cleanup_close_ int handshake_fd = -EBADF;
        int r, back;

        a.plan = b->plan;
        a.layers = b->source.layers;
        a.disk = b->source.disk;
        a.network = boot_network(b);
        a.base = b->range.base;
        a.size = b->range.size;
        a.nested = !userns_is_initial();
        a.mapped = b->range.size > 0 && b->range.base > 0;
        a.locked_tree_fd = b->tree_fd;
        a.incoming_fd = clone_incoming(b);
        a.has_cgroup = b->cgroup;
        a.payload_fd = b->payload_fd;
        a.ephemeral = TAKE_PTR(b->ephemeral);
        a.ephemeral_fd = TAKE_FD(b->ephemeral_fd);

        if (unshare(CLONE_NEWNS) < 0) {
                int number = errno;

                error_errno(error, number, "Failed to make a private mount namespace%s",
                            number == ENOSPC ? " (the limit user.max_mnt_namespaces is used up)"
                                             : "");
                error_hint(error, number == ENOSPC ? "sysctl -w user.max_mnt_namespaces=32768"
                                                   : "run as root");
                r = -error->number;
        } else {
                r = start_in_private_namespace(b, &a, &handshake_fd, error);
                back = return_to_host(b, r < 0 ? NULL : error);
                if (r >= 0)
                        r = back;
        }
        take_over(b, &a);
        assembly_done(&a);
        if (r >= 0)
                r = set_going(b, handshake_fd, error);
        root_source_end_view(&b->source); /* the plan has long been made */
        if (r < 0)
                boot_end_start(b);
        return r;
}

void boot_end_start(Boot *b)
{
        siginfo_t si;

        if (b->pid_fd >= 0) {
                (void)pidfd_signal(b->pid_fd, SIGKILL); /* it may have ended by itself */
                (void)pidfd_reap(b->pid_fd, &si);
        }
        boot_network_end_start(b);
        closep(&b->pid_fd);
        closep(&b->console_fd);
        closep(&b->notify_fd);
        closep(&b->kmsg_fd);
        limits_view_done(&b->limits_view);
        b->pid = 0;
        b->pid_fd = b->console_fd = b->notify_fd = b->kmsg_fd = -EBADF;
}
