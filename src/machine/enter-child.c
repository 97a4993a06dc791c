/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Joiner and payload of an entry. The joiner starts with the caller's privileges in the host's
 * namespaces and ends with all capabilities in the machine's; the payload sheds what the machine
 * may not have. From setns() on the machine can see us, so nothing of the host is open any more but
 * what the payload gets and the descriptor of the machine's own root. */

#include "machine/enter-child.h"

#include "base/fd.h"
#include "os/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* Where descriptors are put before the rest is closed. */
enum {
        FD_SOCKET = 3,
        FD_ROOT,
        FD_LEADER,
        FD_FIRST_UNUSED,
};

static void send_message(int socket_fd, const EnterMessage *m, int fd)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec data = { .iov_base = (void *)m, .iov_len = sizeof(*m) };
        struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

        if (fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof(control);
                control.header = (struct cmsghdr){
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                        .cmsg_len = CMSG_LEN(sizeof(int)),
                };
                memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        }
        /* if nobody listens any more, there is nobody to tell */
        (void)sendmsg(socket_fd, &message, MSG_NOSIGNAL);
}

static _noreturn_ void fail(EnterStep step, int r, const char *path)
{
        EnterMessage m = { .step = (int)step, .number = -r };

        if (path)
                (void)snprintf(m.path, sizeof(m.path), "%s", path);
        send_message(FD_SOCKET, &m, -EBADF);
        _exit(127);
}

/* Limits of the machine's PID 1. One that cannot be raised to the wanted value (no
 * CAP_SYS_RESOURCE) comes as close as it may; raising is only possible before the user namespace is
 * joined. */
static void apply_limits(const Machine *m)
{
        for (int i = 0; i < RLIM_NLIMITS; i++) {
                struct rlimit now, wanted = m->rlimits[i];

                if (setrlimit((__rlimit_resource_t)i, &wanted) >= 0)
                        continue;
                if (getrlimit((__rlimit_resource_t)i, &now) < 0)
                        fail(ENTER_LIMITS, -errno, NULL);
                wanted.rlim_max = MIN_OF(wanted.rlim_max, now.rlim_max);
                wanted.rlim_cur = MIN_OF(wanted.rlim_cur, wanted.rlim_max);
                if (setrlimit((__rlimit_resource_t)i, &wanted) < 0)
                        fail(ENTER_LIMITS, -errno, NULL);
        }
}

/* The architecture that uname(2) shows. The other bits are what the kernel makes of each program.
 */
static void apply_personality(const char *text)
{
        unsigned long theirs = strtoul(text, NULL, 16) & PER_MASK;
        int ours = personality(0xffffffff);

        if (ours >= 0 && ((unsigned long)ours & PER_MASK) != theirs)
                (void)personality(theirs);
}

/* What else PID 1 was started with. Each is a convenience: where it is refused, ours stays. */
static void apply_inherited(const Machine *m)
{
        _cleanup_free_ char *persona = NULL;
        _cleanup_free_ char *text = NULL;
        char path[64];
        cpu_set_t cpus;

        if (sched_getaffinity(m->leader, sizeof(cpus), &cpus) >= 0)
                (void)sched_setaffinity(0, sizeof(cpus), &cpus);
        (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)m->leader);
        if (read_file_at(AT_FDCWD, path, 64, &text) > 0)
                (void)write_file_at(AT_FDCWD, "/proc/self/oom_score_adj", text);
        (void)snprintf(path, sizeof(path), "/proc/%d/personality", (int)m->leader);
        if (read_file_at(AT_FDCWD, path, 64, &persona) > 0)
                apply_personality(persona);
        (void)write_file_at(AT_FDCWD, "/proc/self/loginuid", "4294967295");
}

/* Moves @fd to the number @target; @target is free or may be overwritten. */
static void place(int fd, int target, int flags, EnterStep step)
{
        if (fd == target ? fcntl(fd, F_SETFD, flags) < 0
                         : dup3(fd, target, flags == FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
                fail(step, -errno, NULL);
}

/* Puts every descriptor in its place and closes all others, before the machine can look at them. */
static void arrange_descriptors(const EnterPlan *plan)
{
        int high[6] = { plan->socket_fd,         plan->root_fd,           plan->machine->leader_fd,
                        plan->request->stdio[0], plan->request->stdio[1], plan->request->stdio[2] };

        /* first out of the way of each other */
        for (size_t i = 0; i < ELEMENTSOF(high); i++) {
                if (high[i] < 0)
                        high[i] = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
                high[i] = fcntl(high[i], F_DUPFD_CLOEXEC, 16);
                if (high[i] < 0)
                        _exit(127); /* cannot be told: the socket may not be in its place */
        }
        place(high[0], FD_SOCKET, FD_CLOEXEC, ENTER_STDIO);
        place(high[1], FD_ROOT, FD_CLOEXEC, ENTER_STDIO);
        place(high[2], FD_LEADER, FD_CLOEXEC, ENTER_STDIO);
        for (int i = 0; i < 3; i++)
                place(high[i + 3], i, 0, ENTER_STDIO);
        if (syscall(SYS_close_range, FD_FIRST_UNUSED, ~0U, 0) < 0)
                for (int fd = FD_FIRST_UNUSED; fd < 4096; fd++)
                        (void)close(fd); /* most are not open */
}

/* A terminal of the machine's own devpts, so that tty(1) and ttyname() name it inside. */
static void open_terminal(const EnterPlan *plan)
{
        EnterMessage m = { .step = ENTER_TERMINAL };
        int master, slave, unlocked = 0;

        master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
                fail(ENTER_TERMINAL, -errno, "/dev/pts/ptmx");
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0)
                fail(ENTER_TERMINAL, -errno, "/dev/pts");
        if (fchown(slave, plan->user.uid, (gid_t)-1) < 0 || fchmod(slave, 0620) < 0)
                fail(ENTER_TERMINAL, -errno, "/dev/pts");
        if (ioctl(slave, TIOCSCTTY, 0) < 0)
                fail(ENTER_TERMINAL, -errno, "/dev/pts");
        send_message(FD_SOCKET, &m, master);
        for (int i = 0; i < 3; i++)
                place(slave, i, 0, ENTER_STDIO);
}

static void reset_process(void)
{
        sigset_t none;

        for (int s = 1; s <= SIGRTMAX; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL); /* the two of libc itself cannot be set */
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)umask(022);
        /* The caller's session keyring is not the machine's; where the call is filtered, so is use.
         */
        (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

static void become_user(const EnterPlan *plan)
{
        const Machine *m = plan->machine;
        const User *u = &plan->user;
        CapabilitySet held = 0;
        int r;

        /* The filter and the bounding set need capabilities after the change of user; exec takes
         * them from everyone but root. */
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                fail(ENTER_PRIVILEGES, -errno, NULL);
        if (setgroups(u->n_groups, u->groups) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
            setresuid(u->uid, u->uid, u->uid) < 0)
                fail(ENTER_USER, -errno, u->name);
        /* PID 1 got no more than its launcher had, and we may have less still */
        r = capability_bounding_get(&held);
        if (r >= 0)
                r = capability_apply(m->bounding & held, 0);
        if (r < 0)
                fail(ENTER_PRIVILEGES, r, NULL);
        if (m->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                fail(ENTER_PRIVILEGES, -errno, NULL);
}

/* The caller's death is ours, checked once for the time before the wish was in force, which may
 * have been long: the machine's cgroup may be frozen. In another pid namespace the caller has no
 * number, but its end of the socket is closed when it has gone. */
static void die_with_caller(void)
{
        struct pollfd peer = { .fd = FD_SOCKET };

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                fail(ENTER_PRIVILEGES, -errno, NULL);
        if (poll(&peer, 1, 0) != 0)
                _exit(127);
}

/* One candidate; returns only if it is not there. */
static void try_exec(const EnterPlan *plan, const char *path)
{
        struct stat st;

        (void)execve(path, plan->argv, plan->environment);
        if (errno == ENOENT && stat(path, &st) >= 0)
                fail(ENTER_INTERPRETER, -ENOENT, path);
        if (errno != ENOENT && errno != ENOTDIR)
                fail(ENTER_EXEC, -errno, path);
}

static _noreturn_ void execute(const EnterPlan *plan)
{
        const char *search = NULL;

        if (strchr(plan->file, '/')) {
                try_exec(plan, plan->file);
                fail(ENTER_EXEC, -ENOENT, plan->file);
        }
        for (char **e = plan->environment; *e; e++)
                if (strncmp(*e, "PATH=", 5) == 0)
                        search = *e + 5;
        while (search && *search) {
                size_t n = strcspn(search, ":");
                char path[PATH_MAX];

                if (snprintf(path, sizeof(path), "%.*s/%s", (int)n, search, plan->file) <
                    (int)sizeof(path))
                        try_exec(plan, path);
                search += n + (search[n] == ':');
        }
        fail(ENTER_EXEC, -ENOENT, plan->file);
}

/* Our host ids mean nobody in the machine's user namespace: what is made there must have an owner.
 */
static void become_root(void)
{
        if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                fail(ENTER_USER, -errno, "root");
}

static _noreturn_ void payload(const EnterPlan *plan)
{
        int r;

        (void)setsid(); /* fails only for a group leader, which a fresh fork is not */
        reset_process();
        become_root();
        if (plan->request->pty)
                open_terminal(plan);
        if (chdir(plan->directory) < 0) {
                if (plan->request->directory)
                        fail(ENTER_DIRECTORY, -errno, plan->directory);
                (void)chdir("/"); /* a home that does not exist */
        }
        become_user(plan);
        die_with_caller(); /* a change of user would undo it, the filter might forbid it */
        if (plan->filter.length > 0) {
                r = seccomp_install(&plan->filter);
                if (r < 0)
                        fail(ENTER_FILTER, r, NULL);
        }
        execute(plan);
}

void enter_child(EnterPlan *plan)
{
        EnterMessage m = { .step = ENTER_PID };
        int r;

        arrange_descriptors(plan);
        apply_limits(plan->machine);
        apply_inherited(plan->machine);
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* cannot fail */
        r = namespace_join(FD_LEADER, plan->namespaces);
        if (r < 0)
                fail(ENTER_NAMESPACES, r, NULL);
        if (fchdir(FD_ROOT) < 0 || chroot(".") < 0)
                fail(ENTER_ROOT, -errno, NULL);
        (void)close(FD_LEADER);
        (void)close(FD_ROOT);

        m.pid = (pid_t)syscall(SYS_clone, (unsigned long)CLONE_PARENT | SIGCHLD, NULL, NULL, NULL,
                               0UL);
        if (m.pid < 0)
                fail(ENTER_FORK, -errno, NULL);
        if (m.pid == 0)
                payload(plan);
        send_message(FD_SOCKET, &m, -EBADF);
        _exit(EXIT_SUCCESS);
}
