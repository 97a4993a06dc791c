/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's side of an entry: everything is looked up and decided here, in the host's
 * namespaces, so that the processes in the machine only carry it out. */

#include "machine/enter.h"

#include "base/fd.h"
#include "base/strv.h"
#include "machine/enter-child.h"
#include "os/cgroup.h"
#include "os/clone.h"
#include "os/namespace.h"
#include "os/path.h"
#include "os/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ENTER_CGROUP "stead-exec"
#define SECCOMP_FILE_MAX (BPF_MAXINSNS * sizeof(struct sock_filter))

/* What each step says when it fails, followed by the cause. */
static const struct {
        const char *text;
        bool path; /* takes the message's path */
} step_texts[_ENTER_STEP_MAX] = {
        [ENTER_PID] = { "Failed to start a process" },
        [ENTER_TERMINAL] = { "Failed to make a terminal from the machine's '%s'", true },
        [ENTER_LIMITS] = { "Failed to set the machine's resource limits" },
        [ENTER_NAMESPACES] = { "Failed to join the machine's namespaces" },
        [ENTER_ROOT] = { "Failed to change to the machine's root directory" },
        [ENTER_FORK] = { "Failed to start a process in the machine" },
        [ENTER_STDIO] = { "Failed to hand over standard input and output" },
        [ENTER_DIRECTORY] = { "Failed to change to directory '%s' of the machine", true },
        [ENTER_USER] = { "Failed to become user '%s' of the machine", true },
        [ENTER_PRIVILEGES] = { "Failed to set the machine's capabilities" },
        [ENTER_FILTER] = { "Failed to install the machine's system call filter" },
        [ENTER_INTERPRETER] = { "Failed to run '%s': its interpreter is missing in the machine",
                                true },
        [ENTER_EXEC] = { "Failed to run '%s' in the machine", true },
};

static void enter_plan_done(EnterPlan *plan)
{
        user_done(&plan->user);
        plan->argv = strv_free(plan->argv);
        plan->environment = strv_free(plan->environment);
        free(plan->filter_code);
        closep(&plan->root_fd);
}

static int machine_gone(const Machine *m, Error *error)
{
        error_hint(error, "stead start %s", m->name);
        return error_set(error, ENXIO, "Machine '%s' has ended", m->name);
}

/* The filter of PID 1: one of the build, or an array of instructions that the supervisor saved. */
static int load_filter(EnterPlan *plan, Error *error)
{
        const char *path = plan->machine->seccomp;
        SeccompProfile profile;
        char *data = NULL;
        ssize_t n;

        if (!path)
                return 0;
        profile = seccomp_profile_from_string(path);
        if ((int)profile >= 0) {
                plan->filter = *seccomp_builtin(profile);
                return 0;
        }
        n = read_file_at(AT_FDCWD, path, SECCOMP_FILE_MAX, &data);
        if (n >= 0 && (n == 0 || (size_t)n % sizeof(struct sock_filter) != 0)) {
                free(data);
                n = -EBADMSG;
        }
        /* without its filter a process would have more rights than PID 1 */
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read system call filter '%s'", path);
        plan->filter_code = data;
        plan->filter = (SeccompFilter){
                .code = plan->filter_code,
                .length = (unsigned short)((size_t)n / sizeof(struct sock_filter)),
        };
        return 0;
}

/* LANG as the machine's own configuration sets it, for every login. */
static int add_language(const EnterPlan *plan, char ***environment)
{
        static const char *const files[] = { "/etc/locale.conf", "/etc/default/locale" };

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *text = NULL;
                char *line;

                if (path_read(plan->root_fd, files[i], 65536, &text) <= 0)
                        continue;
                line = strncmp(text, "LANG=", 5) == 0 ? text : strstr(text, "\nLANG=");
                if (!line)
                        continue;
                line = strchr(line, '=') + 1;
                line += *line == '"';
                line[strcspn(line, "\"\n")] = '\0';
                return strv_pushf(environment, "LANG=%s", line);
        }
        return 0;
}

static int make_environment(EnterPlan *plan)
{
        const EnterRequest *request = plan->request;
        const User *u = &plan->user;
        char **e = NULL;
        int r;

        r = strv_push(&e, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        if (r >= 0)
                r = strv_pushf(&e, "HOME=%s", u->home);
        if (r >= 0)
                r = strv_pushf(&e, "USER=%s", u->name);
        if (r >= 0)
                r = strv_pushf(&e, "LOGNAME=%s", u->name);
        if (r >= 0)
                r = strv_pushf(&e, "SHELL=%s", u->shell);
        if (r >= 0)
                r = strv_pushf(&e, "container=%s", plan->machine->container_service ?: "stead");
        if (r >= 0 && request->pty)
                r = strv_pushf(&e, "TERM=%s", getenv("TERM") ?: "vt220");
        if (r >= 0)
                r = add_language(plan, &e);
        for (char *const *a = request->environment; r >= 0 && a && *a; a++)
                r = strv_env_set(&e, *a);
        plan->environment = e;
        return r;
}

/* A login shell has a '-' before its name; with a command it gets that as `-c`. */
static int make_argv(EnterPlan *plan, Error *error)
{
        const EnterRequest *request = plan->request;
        const char *shell = plan->user.shell, *slash = strrchr(shell, '/');
        int r;

        if (!request->login_shell) {
                if (!request->argv || !request->argv[0])
                        return error_set(error, EINVAL, "No command to run in machine '%s'",
                                         plan->machine->name);
                r = strv_copy(request->argv, &plan->argv);
                plan->file = r < 0 ? NULL : plan->argv[0];
        } else {
                r = strv_pushf(&plan->argv, "-%s", slash ? slash + 1 : shell);
                if (r >= 0 && request->argv && request->argv[0]) {
                        _cleanup_free_ char *command = strv_join(request->argv, " ");

                        r = strv_push(&plan->argv, "-c");
                        if (r >= 0)
                                r = command ? strv_push(&plan->argv, command) : -ENOMEM;
                }
                plan->file = shell;
        }
        return r < 0 ? error_errno(error, -r, "Failed to prepare the command") : 0;
}

static int check_user(const EnterPlan *plan, Error *error)
{
        const Machine *m = plan->machine;

        if (m->uid_size > 0 && (plan->user.uid >= m->uid_size || plan->user.gid >= m->uid_size))
                return error_set(
                        error, ERANGE, "User '%s' (%u:%u) is outside of the %u ids of machine '%s'",
                        plan->user.name, plan->user.uid, plan->user.gid, m->uid_size, m->name);
        return 0;
}

static int enter_plan_init(EnterPlan *plan, Error *error)
{
        const Machine *m = plan->machine;
        const EnterRequest *request = plan->request;
        char path[64];
        int r;

        r = namespace_difference(m->leader, &plan->namespaces);
        if (r < 0)
                return r == -ENOENT
                               ? machine_gone(m, error)
                               : error_errno(error, -r, "Failed to look at the namespaces of '%s'",
                                             m->name);
        (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)m->leader);
        plan->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        /* alive after the look-ups: the number was still the leader's during them */
        if (plan->root_fd < 0 || !pidfd_is_alive(m->leader_fd))
                return machine_gone(m, error);

        r = user_find(plan->root_fd, request->user, &plan->user, error);
        if (r >= 0)
                r = check_user(plan, error);
        if (r >= 0)
                r = load_filter(plan, error);
        if (r >= 0)
                r = make_argv(plan, error);
        if (r < 0)
                return r;
        r = make_environment(plan);
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare the environment");
        plan->directory = request->directory ?: request->login_shell ? plan->user.home : "/";
        return 0;
}

/* A cgroup of our own below the machine's: its root may hold controllers for its children, and then
 * no process. Another entry may remove the same directory at any moment. */
static int fork_in_cgroup(EnterPlan *plan, char **ret_cgroup, int *ret_pid_fd)
{
        _cleanup_free_ char *path = NULL;
        pid_t pid = -ENODEV;

        if (!plan->machine->cgroup)
                return clone_process(0, -EBADF, ret_pid_fd);
        if (asprintf(&path, "%s/" ENTER_CGROUP, plan->machine->cgroup) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        for (int i = 0; i < 16 && (pid == -ENODEV || pid == -ENOENT); i++) {
                _cleanup_close_ int fd = -EBADF;

                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        return -errno;
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                /* root of the machine may make cgroups below it, as everywhere in its own hierarchy
                 */
                if (fd >= 0 && plan->machine->uid_size > 0)
                        (void)cgroup_delegate(fd, plan->machine->uid_base, plan->machine->uid_base);
                pid = fd < 0 ? -errno : clone_process(0, fd, ret_pid_fd);
        }
        if (pid > 0)
                *ret_cgroup = TAKE_PTR(path);
        return pid;
}

/* One message with its descriptor; 0 at the end. */
static int receive(int fd, EnterMessage *ret, int *ret_fd)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec data = { .iov_base = ret, .iov_len = sizeof(*ret) };
        struct msghdr message = {
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *c;
        ssize_t n;

        do
                n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        c = CMSG_FIRSTHDR(&message);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
                memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
        if (n > 0 && (n != sizeof(*ret) || ret->step < 0 || ret->step >= _ENTER_STEP_MAX))
                return -EBADMSG;
        ret->path[sizeof(ret->path) - 1] = '\0';
        return n > 0;
}

static int step_error(const EnterPlan *plan, const EnterMessage *m, Error *error)
{
        _cleanup_free_ char *text = NULL;
        int number = m->number > 0 ? m->number : EPROTO;

        /* the formats are those of the table above */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (asprintf(&text, step_texts[m->step].text, m->path) < 0)
                text = NULL;
#pragma GCC diagnostic pop
        if (m->step == ENTER_EXEC && number == ENOENT)
                error_hint(error, "stead shell %s", plan->machine->name);
        if (m->step == ENTER_INTERPRETER)
                return error_set(error, number, "%s", text ?: "?");
        (void)error_errno(error, number, "%s", text ?: "?");
        /* only the command itself is "not found" or "not executable" */
        return m->step == ENTER_EXEC ? -number : -EPROTO;
}

/* Reads until the payload has become the command (the socket closes) or has failed. */
static int collect(const EnterPlan *plan, int socket_fd, EnteredProcess *p, Error *error)
{
        int failed = 0;

        for (;;) {
                EnterMessage m = {};
                int r, fd = -EBADF;

                r = receive(socket_fd, &m, &fd);
                if (r < 0)
                        return error_errno(error, -r, "Failed to hear from machine '%s'",
                                           plan->machine->name);
                if (r == 0)
                        break;
                if (m.step == ENTER_PID) {
                        p->pid = m.pid;
                } else if (m.step == ENTER_TERMINAL && fd >= 0) {
                        p->pty_fd = fd;
                } else {
                        failed = step_error(plan, &m, error);
                }
        }
        if (failed < 0)
                return failed;
        if (p->pid <= 0)
                return machine_gone(plan->machine, error);
        return 0;
}

static void reap(pid_t pid)
{
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

int machine_enter(const Machine *machine, const EnterRequest *request, EnteredProcess *ret,
                  Error *error)
{
        _cleanup_(enter_plan_done)
                EnterPlan plan = { .machine = machine, .request = request, .root_fd = -EBADF };
        _cleanup_(entered_process_done) EnteredProcess p = ENTERED_PROCESS_NULL;
        _cleanup_close_ int ours = -EBADF, joiner_fd = -EBADF;
        int r, pair[2];
        pid_t joiner;

        r = enter_plan_init(&plan, error);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(error, errno, "Failed to make a socket");
        ours = pair[0];
        plan.socket_fd = pair[1];

        joiner = fork_in_cgroup(&plan, &p.cgroup, &joiner_fd);
        if (joiner == 0)
                enter_child(&plan);
        (void)close(pair[1]);
        if (joiner < 0)
                return error_errno(error, -joiner, "Failed to start a process in cgroup '%s/%s'",
                                   machine->cgroup ?: "", ENTER_CGROUP);
        r = collect(&plan, ours, &p, error);
        reap(joiner);
        if (r < 0) {
                reap(p.pid);
                return r;
        }
        p.pid_fd = pidfd_open_process(p.pid); /* our child, not reaped: the number is its own */
        if (p.pid_fd < 0)
                return error_errno(error, -p.pid_fd, "Failed to hold process %d", (int)p.pid);
        *ret = p;
        p = ENTERED_PROCESS_NULL;
        return 0;
}

void entered_process_done(EnteredProcess *p)
{
        closep(&p->pid_fd);
        closep(&p->pty_fd);
        if (p->cgroup)
                (void)rmdir(
                        p->cgroup); /* busy while another entry or a daemon left behind is in it */
        free(p->cgroup);
        *p = ENTERED_PROCESS_NULL;
}

int entered_process_wait(EnteredProcess *p)
{
        siginfo_t info = {};
        int r = pidfd_reap(p->pid_fd, &info);

        if (r < 0)
                return r;
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}
