/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Check, tell, wait. The addresses are given to the kernel for little longer than until the next
 * check is done, so that they also go if this process is stopped or killed. */

#include "cli/pod-watch.h"

#include "base/parse.h"
#include "os/clock.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MARGIN_SEC 1 /* the kernel takes addresses away at full seconds */

typedef struct Watch {
        const PodNetwork *pod;
        int route_fd, signal_fd;
        unsigned failures; /* in a row */
        bool healthy, told;
        LockFile lock;
} Watch;

static _noreturn_ void run_check(const Watch *w)
{
        _cleanup_error_ Error error = ERROR_NULL;
        char **command = w->pod->definition->health.command;
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        sigset_t none;

        (void)setpgid(0, 0); /* what it starts is killed with it */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)dup2(null_fd, STDIN_FILENO);
        (void)dup2(null_fd, STDOUT_FILENO); /* what it complains of is read in our own log */
        if (pod_network_enter(w->pod->name, &error) >= 0) {
                (void)execvp(command[0], command);
                error_errno(&error, errno, "Failed to run '%s'", command[0]);
        }
        error_print(&error);
        _exit(EXIT_FAILURE);
}

/* 1: it ended well, 0: it failed or took too long, -EINTR: we are to end. */
static int wait_check(const Watch *w, pid_t pid, int pid_fd)
{
        int timeout = (int)(w->pod->definition->health.timeout_usec / 1000);
        struct pollfd fds[] = { { pid_fd, POLLIN, 0 }, { w->signal_fd, POLLIN, 0 } };
        siginfo_t si = {};
        int n = poll(fds, ELEMENTSOF(fds), timeout);

        if (n <= 0 || fds[1].revents)
                (void)kill(-pid, SIGKILL);   /* not reaped yet: the number is still its own */
        (void)pidfd_signal(pid_fd, SIGKILL); /* before it was leader of a group of its own */
        (void)pidfd_reap(pid_fd, &si);
        if (n > 0 && fds[1].revents)
                return -EINTR;
        return n > 0 && si.si_code == CLD_EXITED && si.si_status == 0;
}

static int check(const Watch *w, Error *error)
{
        _cleanup_close_ int pid_fd = -EBADF;
        pid_t pid;

        if (!w->pod->definition->health.command)
                return 1; /* we are here for an orderly end */
        pid = fork();
        if (pid == 0)
                run_check(w);
        if (pid > 0)
                pid_fd = pidfd_open_process(pid);
        if (pid < 0 || pid_fd < 0)
                return error_errno(error, errno, "Failed to run the check of pod '%s'",
                                   w->pod->name);
        return wait_check(w, pid, pid_fd);
}

static int tell(Watch *w, bool passed, Error *error)
{
        const HealthSetting *h = &w->pod->definition->health;
        uint32_t valid = (uint32_t)((h->interval_usec + h->timeout_usec) / USEC_PER_SEC) + 1;
        bool before = w->healthy;

        w->failures = passed ? 0 : w->failures + 1;
        w->healthy = passed || (before && w->failures < h->retries);
        if (w->healthy != before || !w->told)
                fprintf(stderr, "Pod '%s' is %s.\n", w->pod->name,
                        pod_health_to_string(w->healthy ? POD_HEALTH_GOOD : POD_HEALTH_BAD));
        w->told = true;
        return pod_network_tell(w->pod, w->route_fd, w->healthy,
                                w->healthy && h->command ? valid + MARGIN_SEC : 0, error);
}

/* Whether it is time for the next check, and not to end. */
static bool wait_for_next(const Watch *w, uint64_t begun_usec)
{
        uint64_t next = begun_usec + w->pod->definition->health.interval_usec,
                 now = clock_now_usec();
        struct pollfd fd = { w->signal_fd, POLLIN, 0 };
        struct stat st;

        if (poll(&fd, 1, next > now ? (int)((next - now) / 1000) + 1 : 0) > 0)
                return false;
        return fstat(w->lock.fd, &st) >= 0 && st.st_nlink > 0; /* or this pod is gone */
}

static int watch(Watch *w, Error *error)
{
        for (;;) {
                uint64_t now = clock_now_usec();
                int r = check(w, error);

                if (r == -EINTR)
                        return 0;
                if (r >= 0)
                        r = tell(w, r > 0, error);
                if (r < 0)
                        return r;
                if (!wait_for_next(w, now))
                        return 0;
        }
}

int pod_watch(const PodNetwork *p, Error *error)
{
        Watch w = { .pod = p, .lock = LOCK_FILE_NULL };
        struct stat st;
        sigset_t signals;
        int r;

        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGINT);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return error_errno(error, errno, "Failed to block signals");
        w.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        w.route_fd = pod_network_open_route(p->name);
        r = w.signal_fd < 0 || w.route_fd < 0
                    ? error_set(error, EIO, "Failed to enter the network of pod '%s'", p->name)
                    : pod_network_watch(p, &w.lock, error);
        if (r >= 0)
                r = watch(&w, error);
        if (w.lock.fd >= 0 && fstat(w.lock.fd, &st) >= 0 && st.st_nlink > 0) {
                int end = pod_network_tell(p, w.route_fd, false,
                                           w.healthy ? pod_network_linger(p) : 0,
                                           r < 0 ? NULL : error);

                r = r < 0 ? r : end;
                /* an orderly end: whoever comes to the addresses now shall hear of it */
                (void)usleep(r < 0 ? 0 : (useconds_t)p->definition->health.withdraw_usec);
        }
        lock_file_release(&w.lock);
        closep(&w.signal_fd);
        closep(&w.route_fd);
        return r;
}
