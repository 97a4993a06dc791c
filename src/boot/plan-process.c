/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What PID 1 is: program, arguments, user, environment, limits. */

#include "boot/plan-parts.h"

#include "base/fd.h"
#include "base/strv.h"
#include "boot/init.h"
#include "machine/user.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

static int out_of_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

/* A systemd that boots for the first time asks for language, time zone and root's password at the
 * console, and waits for ever where nobody can answer. */
static bool would_ask(const BootPlan *plan)
{
        return plan->is_first_boot && plan->init == INIT_SYSTEMD &&
               plan->console != CONSOLE_INTERACTIVE;
}

static int plan_init(BootPlan *plan, Settings *s, int root_fd, Error *error)
{
        InitProgram init;
        StopMethod method;
        int signal, r;

        r = init_find(root_fd, plan->directory, &init, error);
        if (r < 0)
                return r;
        plan->init = init.kind;
        plan->argv0 = strdup(init.path);
        if (!plan->argv0 || strv_push(&plan->argv, init.path) < 0 ||
            (would_ask(plan) && strv_push(&plan->argv, "systemd.firstboot=no") < 0) ||
            strv_extend(&plan->argv, s->parameters) < 0)
                return out_of_memory(error);

        init_reboot_method(init.kind, &plan->reboot_method, &plan->reboot_signal);
        init_stop_method(init.kind, &method, &signal);
        plan->stop_method = s->stop_method == STOP_AUTO ? method : s->stop_method;
        plan->stop_signal = s->kill_signal ?: signal ?: SIGTERM;
        if (s->kill_signal && s->stop_method == STOP_AUTO)
                plan->stop_method = STOP_SIGNAL;
        return 0;
}

static bool is_executable(int root_fd, const char *path)
{
        _cleanup_close_ int fd = path_open(root_fd, path, O_PATH, 0);

        return fd >= 0 && faccessat(fd, "", X_OK, AT_EMPTY_PATH) >= 0;
}

/* No command given: the user's shell as a login shell, then bash, then sh (CI-152). */
static int plan_shell(BootPlan *plan, const User *user, int root_fd, Error *error)
{
        const char *const shells[] = { user->shell, "/bin/bash", "/bin/sh" };

        for (size_t i = 0; i < ELEMENTSOF(shells); i++) {
                const char *name = strrchr(shells[i], '/');

                if (!name || !is_executable(root_fd, shells[i]))
                        continue;
                if (strv_push(&plan->argv, shells[i]) < 0 ||
                    asprintf(&plan->argv0, "-%s", name + 1) < 0)
                        return out_of_memory(error);
                return 0;
        }
        error_set(error, ENOENT, "Tree '%s' has no shell: none of %s, %s and %s is executable",
                  plan->directory, shells[0], shells[1], shells[2]);
        error_hint(error, "name the program to run: stead run %s /path/to/program",
                   plan->directory);
        return -ENOENT;
}

int plan_program(BootPlan *plan, Settings *s, int root_fd, Error *error)
{
        plan->start = s->boot ? START_INIT : s->process_two ? START_STUB : START_COMMAND;
        plan->stop_timeout_usec = s->stop_timeout_usec;
        plan->stop_method = plan->reboot_method = STOP_SIGNAL;
        if (plan->start == START_INIT)
                return plan_init(plan, s, root_fd, error);
        if (plan->start == START_STUB)
                plan->stop_signal = plan->reboot_signal = SIGTERM; /* the stub passes it on */
        if (s->kill_signal)
                plan->stop_signal = s->kill_signal;
        plan->argv = TAKE_PTR(s->parameters);
        if (plan->argv) {
                plan->argv0 = strdup(plan->argv[0]);
                return plan->argv0 ? 0 : out_of_memory(error);
        }
        return 0; /* a shell: plan_user() knows whose */
}

int plan_user(BootPlan *plan, Settings *s, int root_fd, Error *error)
{
        _cleanup_user_ User user = USER_NULL;
        int r = user_find(root_fd, s->user, &user, error);

        if (r < 0)
                return error_prefix(error, "Tree '%s'", plan->directory);
        if (plan->start != START_INIT) {
                plan->uid = user.uid;
                plan->gid = user.gid;
                if (user.uid != 0) { /* root's supplementary groups are cleared: CI-009 */
                        plan->groups = TAKE_PTR(user.groups);
                        plan->n_groups = user.n_groups;
                }
        }
        if (!plan->argv) {
                r = plan_shell(plan, &user, root_fd, error);
                if (r < 0)
                        return r;
                if (!s->working_directory)
                        plan->working_directory = strdup(user.home);
        }
        if (s->working_directory)
                plan->working_directory = TAKE_PTR(s->working_directory);
        if (strv_pushf(&plan->environment, "HOME=%s", user.home) < 0 ||
            strv_pushf(&plan->environment, "USER=%s", user.name) < 0 ||
            strv_pushf(&plan->environment, "LOGNAME=%s", user.name) < 0)
                return out_of_memory(error);
        plan->user = TAKE_PTR(user.name);
        return 0;
}

/* container_host_id= and its three companions, from the host's os-release (CI-019). */
static int add_host_variables(char ***environment)
{
        static const char *const keys[] = { "ID", "VERSION_ID", "BUILD_ID", "VARIANT_ID" };
        _cleanup_free_ char *text = NULL;
        char *line, *rest;

        if (read_file_at(AT_FDCWD, "/etc/os-release", 65536, &text) < 0 &&
            read_file_at(AT_FDCWD, "/usr/lib/os-release", 65536, &text) < 0)
                return 0;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                char *value = strchr(line, '=');

                if (!value)
                        continue;
                *value++ = '\0';
                for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                        _cleanup_strv_ char **words = NULL;
                        char lower[16] = "";

                        if (strcmp(line, keys[i]) != 0 || strv_split_quoted(value, &words) < 0 ||
                            !words)
                                continue;
                        for (size_t c = 0; keys[i][c]; c++)
                                lower[c] = keys[i][c] == '_' ? '_' : (char)(keys[i][c] | 0x20);
                        if (strv_pushf(environment, "container_host_%s=%s", lower, words[0]) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

int plan_environment(BootPlan *plan, const Settings *s, Error *error)
{
        char uuid[37], ***env = &plan->environment;
        const char *term = getenv("TERM");
        int r = strv_push(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

        if (r >= 0)
                r = strv_pushf(env, "container=%s", plan->container_service);
        if (r >= 0)
                r = strv_pushf(env, "container_uuid=%s", id128_to_uuid(&plan->uuid, uuid));
        if (r >= 0)
                r = add_host_variables(env);
        if (r >= 0)
                r = strv_push(env, "NOTIFY_SOCKET=/run/host/notify");
        if (r >= 0 && term)
                r = strv_pushf(env, "TERM=%s", term);
        if (r >= 0 && plan->start != START_INIT)
                r = strv_push(env, "LANG=C.UTF-8");
        if (r >= 0 && plan->n_credentials > 0)
                r = strv_push(env, "CREDENTIALS_DIRECTORY=/run/host/credentials");
        if (r >= 0 && plan->n_listen > 0) {
                const char *names = getenv("LISTEN_FDNAMES");

                r = strv_pushf(env, "LISTEN_FDS=%u", plan->n_listen);
                if (r >= 0)
                        r = strv_push(env,
                                      plan->start == START_STUB ? "LISTEN_PID=2" : "LISTEN_PID=1");
                if (r >= 0 && names)
                        r = strv_pushf(env, "LISTEN_FDNAMES=%s", names);
        }
        STRV_FOREACH (e, s->environment)
                if (r >= 0)
                        r = strv_env_set(env, *e); /* the user's word wins: CI-027 */
        return r < 0 ? out_of_memory(error) : 0;
}

/* What the kernel gives to the first process of a host, not what our caller has (CI-120). */
static const struct rlimit boot_limits[RLIM_NLIMITS] = {
        [RLIMIT_CPU] = { RLIM_INFINITY, RLIM_INFINITY },
        [RLIMIT_FSIZE] = { RLIM_INFINITY, RLIM_INFINITY },
        [RLIMIT_DATA] = { RLIM_INFINITY, RLIM_INFINITY },
        [RLIMIT_STACK] = { 8 << 20, RLIM_INFINITY },
        [RLIMIT_CORE] = { 0, RLIM_INFINITY },
        [RLIMIT_RSS] = { RLIM_INFINITY, RLIM_INFINITY },
        [RLIMIT_NPROC] = { RLIM_INFINITY, RLIM_INFINITY }, /* replaced by the host's */
        [RLIMIT_NOFILE] = { 1024, 524288 },                /* hard one capped by fs.nr_open */
        [RLIMIT_MEMLOCK] = { 8 << 20, 8 << 20 },
        [RLIMIT_AS] = { RLIM_INFINITY, RLIM_INFINITY },
        [RLIMIT_LOCKS] = { RLIM_INFINITY, RLIM_INFINITY },
        [RLIMIT_SIGPENDING] = { RLIM_INFINITY, RLIM_INFINITY }, /* replaced by the host's */
        [RLIMIT_MSGQUEUE] = { 819200, 819200 },
        [RLIMIT_NICE] = { 0, 0 },
        [RLIMIT_RTPRIO] = { 0, 0 },
        [RLIMIT_RTTIME] = { RLIM_INFINITY, RLIM_INFINITY },
};

int plan_limits(BootPlan *plan, const Settings *s, Error *error)
{
        static const int from_host[] = { RLIMIT_NPROC, RLIMIT_SIGPENDING };
        _cleanup_free_ char *text = NULL;
        uint64_t nr_open;

        memcpy(plan->rlimits, boot_limits, sizeof(boot_limits));
        for (size_t i = 0; i < ELEMENTSOF(from_host); i++)
                if (prlimit(1, from_host[i], NULL, &plan->rlimits[from_host[i]]) < 0 &&
                    getrlimit(from_host[i], &plan->rlimits[from_host[i]]) < 0)
                        return error_errno(error, errno, "Failed to read the host's limits");
        if (read_file_at(AT_FDCWD, "/proc/sys/fs/nr_open", 64, &text) > 0) {
                text[strcspn(text, "\n")] = '\0';
                if (parse_uint64(text, &nr_open) >= 0)
                        plan->rlimits[RLIMIT_NOFILE].rlim_max =
                                MIN_OF(plan->rlimits[RLIMIT_NOFILE].rlim_max, (rlim_t)nr_open);
        }
        for (int i = 0; i < RLIM_NLIMITS; i++)
                if (s->rlimits_set & (1U << i))
                        plan->rlimits[i] = s->rlimits[i];
        return 0;
}
