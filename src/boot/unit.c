/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's end of the talk with stead-unit (machine/unit-message.h). Whatever fails here is
 * one warning, unless the machine was to be registered by all means. */

#include "boot/unit.h"

#include "base/fd.h"
#include "base/strv.h"
#include "machine/unit-message.h"
#include "os/cgroup.h"
#include "os/own-program.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PROGRAM "stead-unit"
#define SCOPE_PATIENCE_MS 60000 /* a host that starts forty machines answers late */
#define PATIENCE_MS 15000       /* machined may have to be started first */
#define END_PATIENCE_MS 1000    /* end of file ends it at once, unless a bus holds it */

bool unit_host_runs_systemd(void)
{
        struct stat st;

        return lstat("/run/systemd/system", &st) >= 0 && S_ISDIR(st.st_mode); /* sd_booted(3) */
}

static _noreturn_ void become(int program, int socket)
{
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)setsid(); /* signals of our terminal are for us */
        (void)unsetenv("NOTIFY_SOCKET");
        if (dup2(socket, STDIN_FILENO) >= 0)
                (void)fexecve(program, (char *const[]){ (char *)PROGRAM, NULL }, environ);
        _exit(EXIT_FAILURE);
}

/* Starts the program unless it runs. */
static int begin(Boot *b, Error *error)
{
        _cleanup_close_ int program = -EBADF, theirs = -EBADF, ours = -EBADF;
        int pair[2];
        pid_t pid;

        if (b->unit_fd >= 0)
                return 0;
        program = own_program_open("unit", PROGRAM);
        if (program < 0) {
                error_errno(error, -program,
                            "Failed to open '" STEAD_LIBEXECDIR "/" PROGRAM
                            "', which talks to systemd");
                error_hint(error, "install stead anew");
                return program;
        }
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(error, errno, "Failed to make a socket for " PROGRAM);
        ours = pair[0];
        theirs = pair[1];
        pid = fork();
        if (pid < 0)
                return error_errno(error, errno, "Failed to start " PROGRAM);
        if (pid == 0)
                become(program, theirs);
        b->unit_pid_fd = pidfd_open_process(pid);
        b->unit_fd = TAKE_FD(ours);
        return 0;
}

void unit_done(Boot *b)
{
        siginfo_t si;

        closep(&b->unit_fd);
        b->unit_fd = -EBADF;
        b->registering = false;
        if (b->unit_pid_fd >= 0 && pidfd_wait_end(b->unit_pid_fd, END_PATIENCE_MS) > 0)
                (void)waitid(P_PIDFD, (id_t)b->unit_pid_fd, &si, WEXITED | WNOHANG);
        closep(&b->unit_pid_fd);
        b->unit_pid_fd = -EBADF;
}

/* A scope lasts as long as stead-unit sits in it. */
static void unit_done_unless_scope(Boot *b)
{
        if (!b->scope)
                unit_done(b);
}

/* One request, one answer; what systemd may ask in between waits in b->unit_stop. */
static int wait_answer(Boot *b, int timeout_ms, char ***ret_fields, Error *error)
{
        for (;;) {
                _cleanup_strv_ char **fields = NULL;
                UnitVerb verb;
                int r = unit_message_receive(b->unit_fd, timeout_ms, &verb, &fields);

                if (r < 0) {
                        unit_done(b);
                        return r == -EAGAIN
                                       ? error_set(error, ETIMEDOUT, "systemd does not answer")
                                       : error_set(error, EPIPE, PROGRAM " ended without a word");
                }
                if (verb == UNIT_STOP) {
                        b->unit_stop = true;
                        continue;
                }
                if (verb == UNIT_FAILED)
                        return unit_message_error(fields, error);
                *ret_fields = TAKE_PTR(fields);
                return 0;
        }
}

static int ask(Boot *b, UnitVerb verb, char *const *fields, int timeout_ms, char ***ret_fields,
               Error *error)
{
        int r = begin(b, error);

        if (r < 0)
                return r;
        r = unit_message_send(b->unit_fd, verb, fields);
        if (r < 0)
                return error_errno(error, -r, "Failed to talk to " PROGRAM);
        return wait_answer(b, timeout_ms, ret_fields, error);
}

/* Default devices as in container-interface CI-060, and bound nodes as in CI-062. */
static int add_device_properties(const Boot *b, bool defaults, char ***fields)
{
        static const char *const known[] = {
                "DevicePolicy=closed",
                "DeviceAllow=/dev/net/tun rwm",
                "DeviceAllow=char-pts rw",
                "DeviceAllow=/dev/fuse rwm",
        };
        int r = 0;

        for (size_t i = 0; defaults && r >= 0 && i < ELEMENTSOF(known); i++)
                r = strv_pushf(fields, "property=%s", known[i]);
        for (size_t i = 0; r >= 0 && i < b->plan->n_mounts; i++) {
                const MountSetting *m = &b->plan->mounts[i];
                struct stat st;

                if (m->kind == MOUNT_BIND && m->sources[0][0] == '/' &&
                    stat(m->sources[0], &st) >= 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
                        r = strv_pushf(fields, "property=DeviceAllow=%s %s", m->sources[0],
                                       m->read_only ? "r" : "rw");
        }
        return r;
}

static int add_properties(char *const *properties, char ***fields)
{
        int r = 0;

        for (char *const *p = properties; r >= 0 && p && *p; p++)
                r = strv_pushf(fields, "property=%s", *p);
        return r;
}

static int scope_fields(const Boot *b, char ***fields)
{
        const BootPlan *plan = b->plan;
        int r = strv_pushf(fields, "name=%s", plan->machine);

        if (r >= 0)
                r = strv_pushf(fields, "slice=%s", plan->slice ?: "machine.slice");
        if (r >= 0)
                r = strv_pushf(fields, "description=Machine %s", plan->machine);
        if (r >= 0)
                r = strv_pushf(fields, "stop-timeout-usec=%" PRIu64, plan->stop_timeout_usec);
        if (r >= 0)
                r = add_device_properties(b, true, fields);
        if (r >= 0)
                r = add_properties(plan->resources, fields);
        return r < 0 ? r : add_properties(plan->unit_properties, fields); /* the last one wins */
}

int unit_take_scope(Boot *b, Error *error)
{
        _cleanup_strv_ char **fields = NULL, **answer = NULL;
        const char *mount_point, *unit, *cgroup;
        int r = scope_fields(b, &fields);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = ask(b, UNIT_SCOPE, fields, SCOPE_PATIENCE_MS, &answer, error);
        if (r < 0) {
                unit_done(b);
                return r;
        }
        b->scope = true;
        unit = unit_message_field(answer, "unit");
        cgroup = unit_message_field(answer, "cgroup");
        r = cgroup_mount_point(&mount_point);
        if (r < 0)
                return error_errno(error, -r, "There is no cgroup2 mount");
        b->unit = unit ? strdup(unit) : NULL;
        if (!b->unit || !cgroup || asprintf(&b->cgroup, "%s%s", mount_point, cgroup) < 0) {
                b->cgroup = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return 0;
}

void unit_allow_devices(Boot *b)
{
        _cleanup_strv_ char **fields = NULL, **answer = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        int r = add_device_properties(b, false, &fields);

        if (r >= 0 && !fields)
                return;
        if (r >= 0)
                r = strv_pushf(&fields, "unit=%s", b->unit);
        r = r < 0 ? error_set(&error, ENOMEM, "Out of memory")
                  : ask(b, UNIT_SET, fields, PATIENCE_MS, &answer, &error);
        unit_done_unless_scope(b);
        if (r >= 0)
                return;
        fprintf(stderr,
                "Device nodes of machine '%s' may not work, unit %s cannot allow them: %s\n",
                b->plan->machine, b->unit, error.message);
}

static int register_fields(const Boot *b, char ***fields)
{
        const BootPlan *plan = b->plan;
        char id[33];
        int r = strv_pushf(fields, "name=%s", plan->machine);

        if (r >= 0)
                r = strv_pushf(fields, "id=%s", id128_to_string(&plan->uuid, id));
        if (r >= 0)
                r = strv_pushf(fields, "service=%s", plan->container_service);
        if (r >= 0)
                r = strv_pushf(fields, "root=%s", plan->directory);
        if (r >= 0)
                r = strv_pushf(fields, "leader=%d", (int)b->pid);
        if (r >= 0 && plan->network.veth)
                r = strv_pushf(fields, "interface=%u",
                               if_nametoindex(network_host_link(&plan->network)));
        return r;
}

static void warn_unregistered(const Boot *b, const Error *error)
{
        fprintf(stderr, "Machine '%s' is not registered, machinectl will not know it: %s\n",
                b->plan->machine, error->message ?: "no reason given");
}

static int register_now(Boot *b, Error *error)
{
        _cleanup_strv_ char **fields = NULL, **answer = NULL;
        int r = register_fields(b, &fields);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (b->plan->register_mode == REGISTER_YES) {
                r = ask(b, UNIT_REGISTER, fields, PATIENCE_MS, &answer, error);
                unit_done_unless_scope(b);
                return r;
        }
        r = begin(b, error);
        if (r < 0)
                return r;
        r = unit_message_send(b->unit_fd, UNIT_REGISTER, fields);
        b->registering = r >= 0;
        return r < 0 ? error_errno(error, -r, "Failed to talk to " PROGRAM) : 0;
}

/* machined ends the unit that it finds the leader in. */
static bool is_in_session(const Boot *b)
{
        return b->unit && b->cgroup && !b->delegated && strstr(b->cgroup, "/user.slice/");
}

int unit_register(Boot *b, Error *error)
{
        _cleanup_error_ Error cause = ERROR_NULL;
        int r;

        if (b->plan->register_mode == REGISTER_NO)
                return 0;
        if (!unit_host_runs_systemd()) {
                if (b->plan->register_mode == REGISTER_TRY)
                        return 0;
                r = error_set(&cause, ENXIO, "this host does not run systemd");
        } else if (is_in_session(b)) {
                r = error_set(&cause, EPERM,
                              "unit %s is a user's, and would be ended together with the machine",
                              b->unit);
                error_hint(&cause, "drop --keep-unit, or add --register=no");
        } else {
                r = register_now(b, &cause);
        }
        if (r >= 0) {
                b->registered = true;
                return 0;
        }
        if (b->plan->register_mode == REGISTER_YES) {
                (void)error_prefix(&cause, "Machine '%s' cannot be registered", b->plan->machine);
                if (!cause.hint)
                        error_hint(&cause, "--register=no");
                return error_move(error, &cause);
        }
        warn_unregistered(b, &cause);
        return 0;
}

void unit_unregister(Boot *b)
{
        _cleanup_strv_ char **fields = NULL, **answer = NULL;

        if (!b->registered)
                return;
        b->registered = false;
        if (b->registering) { /* the answers come in order */
                b->registering = false;
                if (b->unit_fd >= 0 && wait_answer(b, PATIENCE_MS, &answer, NULL) < 0)
                        return;
        }
        if (strv_pushf(&fields, "name=%s", b->plan->machine) >= 0)
                (void)ask(b, UNIT_UNREGISTER, fields, PATIENCE_MS, &answer,
                          NULL); /* machined forgets it with its unit, too */
        unit_done_unless_scope(b);
}

UnitNews unit_on_message(Boot *b)
{
        _cleanup_strv_ char **fields = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        UnitVerb verb;
        int r = unit_message_receive(b->unit_fd, 0, &verb, &fields);

        if (r == -EAGAIN)
                return UNIT_NEWS_NONE;
        if (r < 0) {
                unit_done(b);
                return UNIT_NEWS_GONE;
        }
        if (verb == UNIT_STOP)
                return UNIT_NEWS_STOP;
        b->registering = false;
        if (verb == UNIT_FAILED) {
                b->registered = false;
                (void)unit_message_error(fields, &error);
                warn_unregistered(b, &error);
        }
        unit_done_unless_scope(b);
        return UNIT_NEWS_REGISTERED;
}
