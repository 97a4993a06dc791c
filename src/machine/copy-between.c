/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two processes and one that waits for them. An interruption ends the sending one; the receiving
 * one sees that and removes what it has not finished. */

#include "machine/copy-between.h"

#include "image/errand.h"
#include "machine/join.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct Side {
        const CopyRequest *request;
        CopyOptions options;
        int other_fd; /* the socket of the other side */
} Side;

void copy_outcome_done(CopyOutcome *outcome)
{
        if (outcome->sent)
                (void)munmap(outcome->sent, sizeof(CopyTotals)); /* it was mapped */
        if (outcome->received)
                (void)munmap(outcome->received, sizeof(CopyTotals));
        *outcome = (CopyOutcome){};
}

static int enter_side(const CopyEnd *end, Error *error)
{
        int fd, r = end->machine ? machine_join(end->machine, error) : 0;

        if (r < 0)
                return r;
        fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? error_errno(error, errno, "Failed to open the root directory") : fd;
}

static int run_sender(void *argument, Error *error)
{
        const Side *side = argument;
        const CopyEnd *from = &side->request->from;
        CopySource source = { .options = side->options, .path = from->path };

        (void)close(side->other_fd); /* or its end would never be seen */
        source.root_fd = enter_side(from, error);
        if (source.root_fd < 0)
                return source.root_fd;
        /* if our caller is killed the other side then cleans up */
        (void)errand_die_with_caller();
        return copy_send(&source, error);
}

static int run_receiver(void *argument, Error *error)
{
        const Side *side = argument;
        const CopyRequest *request = side->request;
        const Machine *from = request->from.machine, *to = request->to.machine;
        CopyTarget target = {
                .options = side->options,
                .path = request->to.path,
                .name = request->name,
                .must_be_directory = request->must_be_directory,
                .devices = request->devices,
                .mode = request->mode,
                .uid = request->uid,
                .gid = request->gid,
                .size = to ? to->uid_size : 0,
        };

        if (from && !to) {
                target.source_base = from->uid_base;
                target.source_size = from->uid_size;
        }
        (void)close(side->other_fd); /* or its end would never be seen */
        target.root_fd = enter_side(&request->to, error);
        return target.root_fd < 0 ? target.root_fd : copy_receive(&target, error);
}

/* Until the receiver has ended. A second signal does not wait for its clean-up. */
static int wait_for(const Errand *sender, const Errand *receiver, int signal_fd)
{
        bool interrupted = false;

        for (;;) {
                struct pollfd fds[2] = {
                        { .fd = receiver->pid_fd, .events = POLLIN },
                        { .fd = signal_fd, .events = POLLIN },
                };
                struct signalfd_siginfo info;

                if (poll(fds, ELEMENTSOF(fds), -1) < 0 && errno != EINTR)
                        return -errno;
                if (fds[0].revents)
                        return interrupted;
                if (fds[1].revents && read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
                        (void)pidfd_signal(interrupted ? receiver->pid_fd : sender->pid_fd,
                                           SIGKILL);
                        interrupted = true;
                }
        }
}

static int finish(const CopyRequest *request, Errand *sender, Errand *receiver, int signal_fd,
                  Error *error)
{
        _cleanup_error_ Error theirs = ERROR_NULL;
        int interrupted = wait_for(sender, receiver, signal_fd), r;

        if (interrupted < 0)
                return error_errno(error, -interrupted, "Failed to wait for the copy");
        r = errand_wait(receiver, &theirs);
        if (interrupted)
                return error_set(error, ECANCELED, "Interrupted: '%s' was not copied completely",
                                 request->from.label);
        /* a sender that only lost its receiver has nothing to say */
        if (r >= 0 || r == -ECONNABORTED)
                r = errand_wait(sender, error);
        if (r < 0)
                (void)error_move(error, &theirs);
        return r;
}

static int start(const CopyRequest *request, const CopyOutcome *outcome, Errand *sender,
                 Errand *receiver, Error *error)
{
        char token[COPY_TOKEN_SIZE];
        CopyOptions options = { .on_failure = request->on_failure, .token = token };
        Side from, to;
        int r, pair[2];

        r = copy_token(token);
        if (r >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                r = -errno;
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare a copy");
        from = (Side){ .request = request, .options = options, .other_fd = pair[1] };
        from.options.label = request->from.label;
        from.options.totals = outcome->sent;
        from.options.socket_fd = pair[0];
        to = (Side){ .request = request, .options = options, .other_fd = pair[0] };
        to.options.label = request->to.label;
        to.options.totals = outcome->received;
        to.options.socket_fd = pair[1];
        r = errand_start(run_sender, &from, sender, error);
        if (r >= 0)
                r = errand_start(run_receiver, &to, receiver, error);
        (void)close(pair[0]);
        (void)close(pair[1]);
        return r;
}

int copy_between(const CopyRequest *request, CopyOutcome *ret, Error *error)
{
        _cleanup_(errand_done) Errand sender = ERRAND_NULL, receiver = ERRAND_NULL;
        _cleanup_(copy_outcome_done) CopyOutcome outcome = { copy_totals_new(), copy_totals_new() };
        _cleanup_close_ int signal_fd = -EBADF;
        sigset_t signals, before;
        int r;

        if (!outcome.sent || !outcome.received)
                return error_set(error, ENOMEM, "Out of memory");
        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGINT);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &signals, &before); /* children keep it */
        signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
        r = signal_fd < 0 ? error_errno(error, errno, "Failed to wait for signals")
                          : start(request, &outcome, &sender, &receiver, error);
        if (r >= 0)
                r = finish(request, &sender, &receiver, signal_fd, error);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        if (r < 0)
                return r;
        *ret = outcome;
        outcome = (CopyOutcome){};
        return 0;
}
