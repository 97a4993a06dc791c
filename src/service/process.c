/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One fork for each process, and what it says. An object stays readable for a while after the end,
 * for callers that ask later than they could. */

#include "service/process.h"

#include "base/parse.h"
#include "os/pidfd.h"
#include "service/names.h"
#include "service/reply.h"
#include "service/waiters.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_PATIENCE_USEC (20 * USEC_PER_SEC) /* less than the 25 s of a method call */
#define KEEP_USEC (30 * USEC_PER_SEC)
#define KEEP_MAX 64

typedef struct Process {
        ProcessTable *table;
        uint32_t id;
        char *path, *machine, *user;
        uid_t uid;
        bool pty;
        bool started, ended;
        uint32_t pid;   /* of the command, on the host; 0: a session of the machine's own */
        int32_t status; /* -1: it runs */
        int pid_fd, socket_fd;
        sd_bus_message *call; /* that is to be answered when it runs */
        sd_event_source *messages, *child, *deadline, *expiry;
        Waiters waiters;
} Process;

struct ProcessTable {
        Service *service;
        uint32_t last_id;
        Process **processes; /* oldest first */
        size_t n;
        sd_bus_slot *slot, *enumerator;
};

static Process *process_free(Process *p)
{
        if (!p)
                return NULL;
        waiters_done(&p->waiters);
        sd_event_source_disable_unref(p->messages);
        sd_event_source_disable_unref(p->child);
        sd_event_source_disable_unref(p->deadline);
        sd_event_source_disable_unref(p->expiry);
        sd_bus_message_unref(p->call);
        closep(&p->pid_fd);
        closep(&p->socket_fd);
        free(p->path);
        free(p->machine);
        free(p->user);
        free(p);
        return NULL;
}
DEFINE_CLEANUP(Process, process_free)

static void process_table_remove(ProcessTable *t, Process *p)
{
        for (size_t i = 0; i < t->n; i++)
                if (t->processes[i] == p) {
                        t->n--;
                        memmove(&t->processes[i], &t->processes[i + 1],
                                (t->n - i) * sizeof(Process *));
                        break;
                }
        process_free(p);
}

/* Only those that run or ran are objects. */
static Process *process_find(const ProcessTable *t, const char *path)
{
        for (size_t i = 0; i < t->n; i++)
                if (t->processes[i]->started && strcmp(t->processes[i]->path, path) == 0)
                        return t->processes[i];
        return NULL;
}

int process_owner(const ProcessTable *t, const char *path, uid_t *ret, const char **ret_machine)
{
        const Process *p = process_find(t, path);

        if (!p)
                return -ENOENT;
        *ret = p->uid;
        *ret_machine = p->machine;
        return 0;
}

static int on_expiry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Process *p = userdata;

        process_table_remove(p->table, p);
        return 0;
}

/* Those that have ended make room, the oldest first. */
static void process_table_trim(ProcessTable *t)
{
        size_t ended = 0;

        for (size_t i = t->n; i > 0; i--)
                if (t->processes[i - 1]->ended && ++ended > KEEP_MAX)
                        process_table_remove(t, t->processes[i - 1]);
}

static int answer_waiter(sd_bus_message *m, const void *subject)
{
        const Process *p = subject;

        return sd_bus_reply_method_return(m, "i", p->status);
}

/* The end of the command, or of the attempt to start it. May free @p. */
static void process_finish(Process *p, int status)
{
        ProcessTable *t = p->table;
        Service *s = t->service;

        if (p->ended)
                return;
        p->ended = true;
        p->status = status;
        p->deadline = sd_event_source_disable_unref(p->deadline);
        p->messages = sd_event_source_disable_unref(p->messages);
        if (!p->started)
                return;
        (void)sd_bus_emit_properties_changed(s->bus, p->path, STEAD1_PROCESS, "Status", NULL);
        (void)sd_bus_emit_signal(s->bus, p->path, STEAD1_PROCESS, "Exited", "i", status);
        waiters_answer(&p->waiters, s, answer_waiter, p);
}

static void process_failed(Process *p, const Error *error)
{
        if (p->call)
                (void)reply_error(p->call, REPLY_PROCESS, error); /* or the caller is gone */
        p->call = sd_bus_message_unref(p->call);
        process_finish(p, 255);
}

/* The command runs. */
static void process_started(Process *p, pid_t pid, int pty_fd)
{
        int r;

        p->deadline = sd_event_source_disable_unref(p->deadline);
        p->started = true;
        p->pid = (uint32_t)pid;
        if (p->pty)
                r = sd_bus_reply_method_return(p->call, "ho", pty_fd, p->path);
        else
                r = sd_bus_reply_method_return(p->call, "ou", p->path, p->pid);
        if (r < 0)
                (void)sd_bus_reply_method_errno(p->call, r, NULL); /* or the caller is gone */
        p->call = sd_bus_message_unref(p->call);
}

/* One message with up to two descriptors. 0: the child has closed its end. */
static int receive(int fd, ProcessMessage *ret, int fds[static 2])
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(2 * sizeof(int))];
        } control = {};
        struct iovec data = { .iov_base = ret, .iov_len = sizeof(*ret) };
        struct msghdr message = {
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&message) : NULL;

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? -EAGAIN : 0;
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
                memcpy(fds, CMSG_DATA(c), MIN_OF(c->cmsg_len - CMSG_LEN(0), 2 * sizeof(int)));
        if (n != sizeof(*ret))
                return 0;
        ret->text[sizeof(ret->text) - 1] = ret->hint[sizeof(ret->hint) - 1] = '\0';
        return 1;
}

/* Reads one message; false when there is none. */
static bool process_read(Process *p)
{
        ProcessMessage m;
        int fds[2] = { -EBADF, -EBADF };
        _cleanup_close_ int pid_fd = -EBADF, pty_fd = -EBADF;
        int r = receive(p->socket_fd, &m, fds);

        pid_fd = fds[0];
        pty_fd = fds[1];
        if (r <= 0) {
                if (r == 0) /* its end follows */
                        p->messages = sd_event_source_disable_unref(p->messages);
                return false;
        }
        if (m.type == PROCESS_STARTED && p->call && pid_fd >= 0) {
                p->pid_fd = TAKE_FD(pid_fd);
                process_started(p, m.pid, pty_fd);
        } else if (m.type == PROCESS_FAILED) {
                Error error = { .number = m.number,
                                .message = m.text,
                                .hint = *m.hint ? m.hint : NULL };

                process_failed(p, &error);
        } else if (m.type == PROCESS_EXITED) {
                process_finish(p, m.number);
        }
        return !p->ended;
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        (void)process_read(userdata);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Process *p = userdata;
        Error error = { .number = ETIMEDOUT,
                        .message = (char *)"The machine did not let the process begin in time" };

        (void)sd_event_source_send_child_signal(p->child, SIGKILL, NULL, 0); /* or it has ended */
        process_failed(p, &error);
        return 0;
}

static int on_child_end(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        Process *p = userdata;
        ProcessTable *t = p->table;

        while (!p->ended && process_read(p))
                ;
        if (!p->ended && !p->started)
                process_failed(p,
                               &(Error){ .number = EIO,
                                         .message = (char *)"The process could not be started" });
        else
                process_finish(p, 255); /* unless it has told */
        p->child = sd_event_source_disable_unref(p->child);
        /* only now: one that a machine holds fast still counts */
        quota_give_back(&t->service->quota, p->uid, QUOTA_PROCESS);
        if (!p->started ||
            sd_event_add_time_relative(t->service->event, &p->expiry, CLOCK_MONOTONIC, KEEP_USEC,
                                       USEC_PER_SEC, on_expiry, p) < 0)
                process_table_remove(t, p);
        process_table_trim(t);
        return 0;
}

static int process_new(ProcessTable *t, sd_bus_message *m, const ProcessRequest *request,
                       Process **ret)
{
        _cleanup_(process_freep) Process *p = calloc(1, sizeof(Process));
        Process **grown = reallocarray(t->processes, t->n + 1, sizeof(*grown));

        if (grown)
                t->processes = grown;
        if (!grown || !p)
                return -ENOMEM;
        p->pid_fd = p->socket_fd = -EBADF;
        p->table = t;
        p->id = ++t->last_id ?: ++t->last_id;
        p->uid = t->service->caller;
        p->pty = request->pty;
        p->status = -1;
        p->machine = strdup(request->machine);
        p->user = strdup(request->user ?: "root");
        if (asprintf(&p->path, STEAD1_PROCESS_PREFIX "/%" PRIu32, p->id) < 0)
                p->path = NULL;
        if (!p->machine || !p->user || !p->path)
                return -ENOMEM;
        p->call = sd_bus_message_ref(m);
        *ret = TAKE_PTR(p);
        return 0;
}

static int process_fork(Process *p, const ProcessRequest *request)
{
        sd_event *event = p->table->service->event;
        int pair[2], r;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        p->socket_fd = pair[0];
        pid = fork();
        if (pid == 0)
                process_child(request, pair[1]);
        r = pid < 0 ? -errno : 0;
        (void)close(pair[1]);
        if (r < 0)
                return r;
        r = sd_event_add_child(event, &p->child, pid, WEXITED, on_child_end, p);
        if (r >= 0)
                r = sd_event_add_io(event, &p->messages, p->socket_fd, EPOLLIN, on_message, p);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &p->deadline, CLOCK_MONOTONIC,
                                               START_PATIENCE_USEC, 0, on_deadline, p);
        if (r < 0) {
                (void)kill(pid, SIGKILL); /* ours and not reaped */
                if (!p->child)
                        (void)waitpid(pid, NULL, 0);
        }
        return r;
}

int process_begin(Service *s, sd_bus_message *m, const ProcessRequest *request)
{
        Process *p = NULL;
        int r = service_take_quota(s, m, QUOTA_PROCESS);

        if (r != 0)
                return r;
        r = process_new(s->processes, m, request, &p);
        if (r >= 0)
                r = process_fork(p, request);
        if (r < 0) {
                process_free(p);
                quota_give_back(&s->quota, s->caller, QUOTA_PROCESS);
                return reply_errorf(m, -r, "Failed to start a process: %s", strerror(-r));
        }
        s->processes->processes[s->processes->n++] = p;
        return 1;
}

/* --- the object ---------------------------------------------------------------------------- */

static int get_terminal(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        const Process *p = userdata;

        return sd_bus_message_append(reply, "b", (int)p->pty);
}

static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Process *p = userdata;
        int32_t number;
        int r = sd_bus_message_read(m, "i", &number);

        if (r < 0)
                return r;
        if (number < 1 || number > SIGRTMAX)
                return reply_errorf(m, EINVAL, "%d is no signal: 1 to %d are", number, SIGRTMAX);
        if (p->pid == 0 && !p->ended)
                return reply_errorf(m, EOPNOTSUPP,
                                    "A session of the machine's own ends with its terminal");
        r = p->ended ? -ESRCH : pidfd_signal(p->pid_fd, number);
        if (r < 0)
                return reply_errorf(m, -r, "Failed to signal process %" PRIu32 ": %s", p->pid,
                                    strerror(-r));
        return sd_bus_reply_method_return(m, NULL);
}

static int method_wait(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Process *p = userdata;

        return p->ended ? answer_waiter(m, p) : waiters_add(&p->waiters, p->table->service, m);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", NULL, offsetof(Process, id), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Machine", "s", NULL, offsetof(Process, machine),
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("User", "s", NULL, offsetof(Process, user), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("UID", "u", NULL, offsetof(Process, uid), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("PID", "u", NULL, offsetof(Process, pid), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Terminal", "b", get_terminal, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Status", "i", NULL, offsetof(Process, status),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS("Kill", SD_BUS_ARGS("i", signal), SD_BUS_NO_RESULT, method_kill,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Wait", SD_BUS_NO_ARGS, SD_BUS_RESULT("i", status), method_wait,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Exited", SD_BUS_ARGS("i", status), 0),
        SD_BUS_VTABLE_END,
};

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret, sd_bus_error *e)
{
        ProcessTable *t = userdata;

        *ret = process_find(t, path);
        return *ret != NULL;
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        const ProcessTable *t = userdata;
        char **paths = calloc(t->n + 1, sizeof(char *));
        size_t n = 0;

        for (size_t i = 0; paths && i < t->n; i++)
                if (t->processes[i]->started)
                        paths[n++] = strdup(t->processes[i]->path); /* a missing one ends it */
        *ret = paths;
        return paths ? 0 : -ENOMEM;
}

ProcessTable *process_table_free(ProcessTable *t)
{
        if (!t)
                return NULL;
        sd_bus_slot_unref(t->slot);
        sd_bus_slot_unref(t->enumerator);
        for (size_t i = 0; i < t->n; i++)
                process_free(t->processes[i]);
        free(t->processes);
        free(t);
        return NULL;
}

int process_table_new(Service *service, ProcessTable **ret, Error *error)
{
        _cleanup_(process_table_freep) ProcessTable *t = calloc(1, sizeof(ProcessTable));
        int r;

        if (!t)
                return error_set(error, ENOMEM, "Out of memory");
        t->service = service;
        r = sd_bus_add_fallback_vtable(service->bus, &t->slot, STEAD1_PROCESS_PREFIX,
                                       STEAD1_PROCESS, vtable, find_object, t);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(service->bus, &t->enumerator, STEAD1_PROCESS_PREFIX,
                                               enumerate, t);
        if (r < 0)
                return error_errno(error, -r, "Failed to offer processes");
        *ret = TAKE_PTR(t);
        return 0;
}
