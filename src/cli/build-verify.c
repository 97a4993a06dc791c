/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The programs run as machines of our launcher. In each, stead-trace comes first and hands a
 * seccomp listener out: every call that looks up a path waits until we have looked it up ourselves,
 * in the machine and in the tree that it came from, and then runs as if nothing had been. */

#include "cli/build-verify.h"

#include "base/fd.h"
#include "base/strv.h"
#include "cli/launcher.h"
#include "os/clock.h"
#include "os/clone.h"
#include "os/own-program.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define TRACE "/run/stead-trace"
#define STOP_USEC UINT64_C(10000000) /* for an orderly end; then it is killed */
#define USEC_PER_MSEC 1000

typedef struct Run {
        BuildVerify *verify;
        int socket_fd, listener_fd, machine_fd, pid_fd;
        int guard_fd, guard_pid_fd; /* the process that outlives us, and what it waits for */
        uint64_t deadline_usec;
        unsigned stops; /* how often it was asked to end */
        int trace_errno;
        bool watched; /* the program was reached */
} Run;

#define RUN_NULL                       \
        ((Run){ .socket_fd = -EBADF,   \
                .listener_fd = -EBADF, \
                .machine_fd = -EBADF,  \
                .pid_fd = -EBADF,      \
                .guard_fd = -EBADF,    \
                .guard_pid_fd = -EBADF })

static void run_done(Run *r)
{
        siginfo_t info;

        closep(&r->listener_fd); /* whoever still waits for an answer goes on */
        closep(&r->guard_fd);
        if (r->guard_pid_fd >= 0)
                (void)pidfd_reap(r->guard_pid_fd, &info); /* its status says nothing */
        closep(&r->guard_pid_fd);
        closep(&r->socket_fd);
        closep(&r->machine_fd);
        closep(&r->pid_fd);
        *r = RUN_NULL;
}

void build_verify_done(BuildVerify *v)
{
        verification_done(&v->verification);
        free(v->failed);
        *v = BUILD_VERIFY_NULL;
}

/* In a process that becomes the launcher. */
static _noreturn_ void child(const char *program, char **argv, int socket_fd)
{
        int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        char number[16];

        (void)snprintf(number, sizeof(number), "%d", (int)getpid());
        /* what the program says is no part of our own output; and 3 is the first that it is given
         */
        if (dup2(null_fd, 0) < 0 || dup2(2, 1) < 0 || dup2(socket_fd, 3) < 0 ||
            (socket_fd == 3 && fcntl(3, F_SETFD, 0) < 0) || setenv("LISTEN_PID", number, 1) < 0 ||
            setenv("LISTEN_FDS", "1", 1) < 0)
                _exit(EXIT_FAILURE);
        (void)unsetenv("NOTIFY_SOCKET");
        (void)execv(program, argv);
        dprintf(2, "Failed to run '%s': %m\n", program);
        _exit(EXIT_FAILURE);
}

static int find_trace(char ret[static PATH_MAX], Error *error)
{
        _cleanup_close_ int fd = own_program_open("launch", "stead-trace");
        ssize_t n = fd < 0 ? fd : readlink(fd_path(fd).path, ret, PATH_MAX - 1);

        if (n < 0)
                return error_errno(error, fd < 0 ? -fd : errno, "Failed to find 'stead-trace'");
        ret[n] = '\0';
        return 0;
}

static int make_words(const BuildVerify *v, const char *path, char *const *command, char ***ret,
                      Error *error)
{
        char quiet[] = "--quiet", ephemeral[] = "--ephemeral", stub[] = "--as-pid2";
        char console[] = "--console=pipe", no_register[] = "--register=no";
        char *const options[] = { quiet, ephemeral, stub, console, no_register, NULL };
        _cleanup_strv_ char **argv = NULL;
        _cleanup_free_ char *calls = lookup_calls();
        char trace[PATH_MAX];
        int r = find_trace(trace, error);

        if (r < 0)
                return r;
        r = strv_push(&argv, "stead-launch");
        if (r >= 0)
                r = strv_pushf(&argv, "--machine=verify-%d", (int)getpid());
        if (r >= 0)
                r = strv_pushf(&argv, "--directory=%s", path);
        if (r >= 0)
                r = strv_pushf(&argv, "--bind-ro=%s:" TRACE, trace);
        if (r >= 0)
                r = strv_extend(&argv, options);
        if (r >= 0)
                r = strv_extend(&argv, v->options);
        if (r >= 0)
                r = strv_push(&argv, "--");
        if (r >= 0)
                r = strv_push(&argv, TRACE);
        if (r >= 0)
                r = calls ? strv_push(&argv, calls) : -ENOMEM;
        if (r >= 0)
                r = strv_extend(&argv, command);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        *ret = TAKE_PTR(argv);
        return 0;
}

/* However we end, the launcher is then asked to, and with it goes what it runs. A death signal
 * would not do: the kernel forgets it when a process changes its credentials. */
static int start_guard(Run *run)
{
        int ends[2];
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        pid = clone_process(0, -EBADF, &run->guard_pid_fd);
        if (pid == 0) {
                sigset_t all;
                char nothing;

                (void)sigfillset(&all);
                (void)sigprocmask(SIG_BLOCK, &all, NULL); /* Ctrl-C is for others */
                (void)close(ends[1]);
                while (read(ends[0], &nothing, 1) < 0 && errno == EINTR)
                        ;
                (void)pidfd_signal(run->pid_fd, SIGTERM); /* mostly it has ended by now */
                _exit(EXIT_SUCCESS);
        }
        (void)close(ends[0]);
        run->guard_fd = ends[1];
        return pid < 0 ? (int)pid : 0;
}

static int start(Run *run, const char *path, char *const *command, Error *error)
{
        _cleanup_free_ char *program = NULL;
        _cleanup_strv_ char **argv = NULL;
        int r = launcher_find(&program, error), pair[2];
        pid_t pid;

        if (r >= 0)
                r = make_words(run->verify, path, command, &argv, error);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(error, errno, "Failed to make a socket");
        run->socket_fd = pair[0];
        pid = fork();
        if (pid == 0)
                child(program, argv, pair[1]);
        (void)close(pair[1]);
        if (pid < 0)
                return error_errno(error, errno, "Failed to start '%s'", program);
        run->pid_fd = pidfd_open_process(pid);
        r = run->pid_fd < 0 ? run->pid_fd : start_guard(run);
        if (r < 0)
                return error_errno(error, -r, "Failed to hold '%s'", program);
        run->deadline_usec = clock_now_usec() + run->verify->limit_usec;
        return 0;
}

/* What stead-trace says: the listener, or why there is none. */
static void on_message(Run *run)
{
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        int status = 0, *received = (int *)CMSG_DATA(&control.head);
        struct iovec text = { &status, sizeof(status) };
        struct msghdr message = { .msg_iov = &text,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control) };

        if (recvmsg(run->socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <
            (ssize_t)sizeof(status)) {
                closep(&run->socket_fd);
                run->socket_fd = -EBADF;
                return;
        }
        run->trace_errno = status;
        if (message.msg_controllen < CMSG_LEN(sizeof(int)))
                return;
        closep(&run->listener_fd);
        run->listener_fd = *received;
        run->watched = true;
        /* what a machine needs to start is not the program's time */
        run->deadline_usec = clock_now_usec() + run->verify->limit_usec;
}

static int machine_root(Run *run, pid_t pid)
{
        char path[64];

        if (run->machine_fd >= 0)
                return 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
        run->machine_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return run->machine_fd < 0 ? -errno : 0;
}

/* One call: the process waits from before it until we have answered. */
static int on_call(Run *run)
{
        /* the kernel's may be longer than those of our headers */
        union {
                struct seccomp_notif n;
                char space[512];
        } call = {};
        union {
                struct seccomp_notif_resp a;
                char space[512];
        } answer = {};
        _cleanup_lookup_ Lookup l = LOOKUP_NULL;
        int r;

        if (ioctl(run->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
                return errno == ENOENT || errno == EINTR ? 0 : -errno; /* killed while it waited */
        r = lookup_read(run->listener_fd, &call.n, &l);
        if (r >= 0)
                r = machine_root(run, (pid_t)call.n.pid);
        if (r >= 0)
                r = verification_look(&run->verify->verification, run->machine_fd, &l);
        answer.a.id = call.n.id;
        answer.a.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        (void)ioctl(run->listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &answer); /* as above */
        return r == -ENOMEM ? r : 0;
}

/* A first SIGTERM asks for an orderly end, a second one kills. */
static void on_deadline(Run *run)
{
        (void)pidfd_signal(run->pid_fd, run->stops < 2 ? SIGTERM : SIGKILL);
        run->stops++;
        run->deadline_usec = clock_now_usec() + STOP_USEC;
}

static int poll_timeout(const Run *run)
{
        uint64_t now = clock_now_usec(), rest = run->deadline_usec - now;

        if (run->deadline_usec <= now)
                return 0;
        return rest / USEC_PER_MSEC > INT_MAX - 1 ? -1 : (int)(rest / USEC_PER_MSEC) + 1;
}

static int watch(Run *run)
{
        for (;;) {
                struct pollfd fds[] = {
                        { .fd = run->pid_fd, .events = POLLIN },
                        { .fd = run->socket_fd, .events = POLLIN },
                        { .fd = run->listener_fd, .events = POLLIN },
                };
                int r = poll(fds, ELEMENTSOF(fds), poll_timeout(run));

                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r < 0)
                        continue;
                if (fds[1].revents)
                        on_message(run);
                if (fds[2].revents & POLLIN) {
                        r = on_call(run);
                        if (r < 0)
                                return r;
                } else if (fds[2].revents) { /* nobody is left who could call */
                        closep(&run->listener_fd);
                        run->listener_fd = -EBADF;
                }
                if (fds[0].revents)
                        return 0;
                if (clock_now_usec() >= run->deadline_usec)
                        on_deadline(run);
        }
}

static int run_one(BuildVerify *v, const char *path, char *const *command, Error *error)
{
        _cleanup_(run_done) Run run = RUN_NULL;
        siginfo_t info = {};
        int r;

        run.verify = v;
        r = start(&run, path, command, error);
        if (r < 0)
                return r;
        r = watch(&run);
        if (r >= 0)
                r = pidfd_reap(run.pid_fd, &info);
        if (r < 0)
                return error_errno(error, -r, "Failed to watch '%s'", command[0]);
        if (!run.watched && run.trace_errno != 0)
                return error_errno(error, run.trace_errno, "Failed to watch '%s'", command[0]);
        if (!run.watched)
                return error_set(error, ECANCELED, "Its machine did not start, so '%s' did not run",
                                 command[0]);
        /* a file that is missing is in the report, but it may be missing everywhere */
        if (run.trace_errno != 0 && v->verification.n == 0)
                return error_errno(error, run.trace_errno, "Failed to run '%s'", command[0]);
        if (run.stops == 0 && !v->failed && (info.si_code != CLD_EXITED || info.si_status != 0)) {
                v->status = info.si_status;
                v->failed = strdup(command[0]);
                if (!v->failed)
                        return error_set(error, ENOMEM, "Out of memory");
        }
        return 0;
}

int build_verify_run(BuildVerify *v, const char *path, Error *error)
{
        int r = 0;

        if (v->command)
                r = run_one(v, path, v->command, error);
        for (char *const *word = v->programs; r >= 0 && !v->command && *word; word++)
                r = run_one(v, path, (char *const[]){ *word, NULL }, error);
        return r < 0 ? r : verification_explain(&v->verification, error);
}
