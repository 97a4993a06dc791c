/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be told at once is answered at once, with an error of its own name; the rest is the
 * `stead` program's. */

#include "service/operation.h"

#include "base/strv.h"
#include "config/definition.h"
#include "os/cgroup.h"
#include "os/pidfd.h"
#include "service/job.h"
#include "service/registry.h"
#include "service/reply.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TREES_DIRECTORY "/var/lib/machines"

int operation_check_name(const char *name, Error *error)
{
        if (machine_name_is_valid(name))
                return 0;
        return error_set(error, EINVAL, "'%s' is not a machine name", name);
}

/* Or a disk image. */
static bool has_tree(const char *name)
{
        static const char *const endings[] = { "", ".raw" };

        for (size_t i = 0; i < ELEMENTSOF(endings); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, TREES_DIRECTORY "/%s%s", name, endings[i]) < 0)
                        path = NULL;
                if (path && access(path, F_OK) >= 0)
                        return true;
        }
        return false;
}

int operation_check_startable(const char *name, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_definition_ Definition *d = NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = operation_check_name(name, error);

        if (r < 0)
                return r;
        r = definition_load("", name, NULL, DEFINITION_TRUST_BY_PLACE, &d, &diagnostics, &problem);
        if (r == -ENOENT && has_tree(name))
                return 0;
        if (r == -ENOENT) {
                error_hint(error, "stead list --all");
                return error_set(error, ENOENT, "There is neither a definition nor a tree of '%s'",
                                 name);
        }
        if (r == -EINVAL)
                problem.number = EBADMSG;
        return r < 0 ? error_move(error, &problem) : 0;
}

int operation_check_running(Service *s, const char *name, Error *error)
{
        int r = operation_check_name(name, error);

        if (r < 0 || registry_find(s->registry, name))
                return r;
        if (operation_check_startable(name, NULL) == -ENOENT) {
                error_hint(error, "stead list --all");
                return error_set(error, ENXIO, "There is no machine '%s'", name);
        }
        error_hint(error, "stead start %s", name);
        return error_set(error, ENXIO, "Machine '%s' is not running", name);
}

/* "stead VERB [OPTION] NAME" as a job. */
static int begin(Service *s, sd_bus_message *m, JobVerb verb, const char *option, const char *name)
{
        char *argv[] = { (char *)"stead", (char *)job_verb_to_string(verb),
                         (char *)(option ?: name), option ? (char *)name : NULL, NULL };

        return job_begin(s, m, verb, name, argv);
}

int operation_start(Service *s, sd_bus_message *m, const char *name)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (operation_check_name(name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        if (registry_find(s->registry, name))
                return reply_errorf(m, EEXIST, "Machine '%s' is running already", name);
        if (operation_check_startable(name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        return begin(s, m, JOB_START, NULL, name);
}

int operation_stop(Service *s, sd_bus_message *m, const char *name, bool force)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (operation_check_running(s, name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        return begin(s, m, JOB_STOP, force ? "--force" : NULL, name);
}

int operation_reboot(Service *s, sd_bus_message *m, const char *name)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (operation_check_running(s, name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        return begin(s, m, JOB_REBOOT, NULL, name);
}

int operation_restart(Service *s, sd_bus_message *m, const char *name)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (operation_check_startable(name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        return begin(s, m, JOB_RESTART, NULL, name);
}

int operation_apply(Service *s, sd_bus_message *m, char *const *names, bool dry_run)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **argv = NULL;
        int r = strv_push(&argv, "stead");

        for (char *const *n = names; n && *n; n++)
                if (operation_check_startable(*n, &error) < 0)
                        return reply_error(m, REPLY_MACHINE, &error);
        if (r >= 0)
                r = strv_push(&argv, "apply");
        if (r >= 0)
                r = strv_push(&argv, "--json");
        if (r >= 0 && dry_run)
                r = strv_push(&argv, "--dry-run");
        if (r >= 0)
                r = strv_extend(&argv, names);
        return r < 0 ? r
                     : job_begin(s, m, JOB_APPLY, strv_length(names) == 1 ? names[0] : NULL, argv);
}

int operation_update(Service *s, sd_bus_message *m, const char *name, bool now)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (operation_check_startable(name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        return begin(s, m, JOB_UPDATE, now ? "--now" : NULL, name);
}

int operation_rollback(Service *s, sd_bus_message *m, const char *name, uint32_t number, bool now)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **argv = NULL;
        int r = strv_push(&argv, "stead");

        if (operation_check_startable(name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        if (r >= 0)
                r = strv_push(&argv, "rollback");
        if (r >= 0 && now)
                r = strv_push(&argv, "--now");
        if (r >= 0)
                r = strv_push(&argv, name);
        if (r >= 0 && number > 0)
                r = strv_pushf(&argv, "%u", number);
        return r < 0 ? r : job_begin(s, m, JOB_ROLLBACK, name, argv);
}

static int kill_all(const Machine *machine, int signal)
{
        _cleanup_close_ int fd = -EBADF;

        if (!machine->cgroup)
                /* without a cgroup only the end of the pid namespace reaches all */
                return signal == SIGKILL ? pidfd_signal(machine->leader_fd, signal) : -EOPNOTSUPP;
        fd = open(machine->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : cgroup_kill(fd, signal);
}

int operation_kill(Service *s, sd_bus_message *m, const char *name, const char *whom, int signal)
{
        _cleanup_error_ Error error = ERROR_NULL;
        bool all = strcmp(whom, "all") == 0;
        const Machine *machine;
        int r;

        if (!all && strcmp(whom, "leader") != 0)
                return reply_errorf(m, EINVAL, "Signals go to 'leader' or 'all', not to '%s'",
                                    whom);
        if (signal < 1 || signal > SIGRTMAX)
                return reply_errorf(m, EINVAL, "%d is no signal: 1 to %d are", signal, SIGRTMAX);
        if (operation_check_running(s, name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        machine = registry_find(s->registry, name);
        if (!machine)
                return reply_errorf(m, ENXIO, "Machine '%s' has ended", name);
        r = all ? kill_all(machine, signal) : pidfd_signal(machine->leader_fd, signal);
        if (r < 0)
                return reply_errorf(m, -r, "Failed to signal machine '%s': %s", name, strerror(-r));
        return sd_bus_reply_method_return(m, NULL);
}
