/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listing and finding; everything else is in its own file. */

#include "service/manager.h"

#include "base/strv.h"
#include "os/cgroup.h"
#include "service/job.h"
#include "service/manager-definition.h"
#include "service/manager-open.h"
#include "service/names.h"
#include "service/operation.h"
#include "service/registry.h"
#include "service/reply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int append_machine(sd_bus_message *reply, const Machine *machine)
{
        _cleanup_free_ char *path = NULL;
        int r = machine_object_path(machine->name, &path);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'r', "ssuso");
        if (r >= 0)
                r = sd_bus_message_append(reply, "ssu", machine->name,
                                          machine_state_to_string(machine->state),
                                          (uint32_t)machine->leader);
        if (r >= 0)
                r = reply_append_text(reply, machine->unit);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", path);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int method_list_machines(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ const Machine **machines = NULL;
        size_t n = 0;
        int r = registry_list(s->registry, &machines, &n);

        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssuso)");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_machine(reply, machines[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = job_table_append(s->jobs, reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int answer_path(sd_bus_message *m, const char *name)
{
        _cleanup_free_ char *path = NULL;
        int r = machine_object_path(name, &path);

        return r < 0 ? r : sd_bus_reply_method_return(m, "o", path);
}

static int method_get_machine(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_error_ Error error = ERROR_NULL;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (operation_check_running(s, name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        return answer_path(m, name);
}

static bool is_below(const char *path, const char *directory)
{
        size_t n = strlen(directory);

        return strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static int method_get_machine_by_pid(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_free_ const Machine **machines = NULL;
        _cleanup_free_ char *cgroup = NULL, *directory = NULL;
        const char *mount_point;
        size_t n = 0;
        uint32_t pid;
        int r = sd_bus_message_read(m, "u", &pid);

        if (r < 0)
                return r;
        if (pid == 0 || pid > INT32_MAX)
                return reply_errorf(m, EINVAL, "%" PRIu32 " is no process number", pid);
        r = cgroup_of((pid_t)pid, &cgroup);
        if (r < 0)
                return reply_errorf(m, ESRCH, "There is no process %" PRIu32, pid);
        r = cgroup_mount_point(&mount_point);
        if (r >= 0 && asprintf(&directory, "%s%s", mount_point, cgroup) < 0)
                directory = NULL;
        r = registry_list(s->registry, &machines, &n);
        if (r < 0 || !directory)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (machines[i]->leader == (pid_t)pid ||
                    (machines[i]->cgroup && is_below(directory, machines[i]->cgroup)))
                        return answer_path(m, machines[i]->name);
        return reply_errorf(m, ENXIO, "Process %" PRIu32 " is in no machine", pid);
}

static int method_start(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        return r < 0 ? r : operation_start(userdata, m, name);
}

static int method_stop(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        const char *name;
        int force, r = sd_bus_message_read(m, "sb", &name, &force);

        return r < 0 ? r : operation_stop(userdata, m, name, force);
}

static int method_reboot(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        return r < 0 ? r : operation_reboot(userdata, m, name);
}

static int method_restart(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        return r < 0 ? r : operation_restart(userdata, m, name);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        const char *name;
        int now, r = sd_bus_message_read(m, "sb", &name, &now);

        return r < 0 ? r : operation_update(userdata, m, name, now);
}

static int method_rollback(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        const char *name;
        uint32_t number;
        int now, r = sd_bus_message_read(m, "sub", &name, &number, &now);

        return r < 0 ? r : operation_rollback(userdata, m, name, number, now);
}

static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        const char *name, *whom;
        int32_t number;
        int r = sd_bus_message_read(m, "ssi", &name, &whom, &number);

        return r < 0 ? r : operation_kill(userdata, m, name, whom, number);
}

static int method_apply(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_strv_ char **names = NULL;
        int dry_run, r = sd_bus_message_read_strv(m, &names);

        if (r >= 0)
                r = sd_bus_message_read(m, "b", &dry_run);
        return r < 0 ? r : operation_apply(userdata, m, names, dry_run);
}

/* Signals reach everybody while we are there; a subscriber keeps us there. */
static int method_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        int r = 0;

        if (!s->subscribers)
                r = sd_bus_track_new(s->bus, &s->subscribers, NULL, NULL);
        if (r >= 0)
                r = sd_bus_track_add_sender(s->subscribers, m);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_unsubscribe(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;

        if (s->subscribers)
                (void)sd_bus_track_remove_sender(s->subscribers, m); /* it need not have been one */
        return sd_bus_reply_method_return(m, NULL);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        return sd_bus_message_append(reply, "s", STEAD_VERSION);
}

#define FREE SD_BUS_VTABLE_UNPRIVILEGED /* access.c decides */

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_METHOD_WITH_ARGS("ListDefinitions", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("a(ss)", definitions), manager_list_definitions,
                                FREE),
        SD_BUS_METHOD_WITH_ARGS("ListMachines", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssuso)", machines),
                                method_list_machines, FREE),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(usso)", jobs),
                                method_list_jobs, FREE),
        SD_BUS_METHOD_WITH_ARGS("GetMachine", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", machine),
                                method_get_machine, FREE),
        SD_BUS_METHOD_WITH_ARGS("GetMachineByPID", SD_BUS_ARGS("u", pid),
                                SD_BUS_RESULT("o", machine), method_get_machine_by_pid, FREE),
        SD_BUS_METHOD_WITH_ARGS("Start", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", job),
                                method_start, FREE),
        SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_ARGS("s", name, "b", force), SD_BUS_RESULT("o", job),
                                method_stop, FREE),
        SD_BUS_METHOD_WITH_ARGS("Reboot", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", job),
                                method_reboot, FREE),
        SD_BUS_METHOD_WITH_ARGS("Restart", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", job),
                                method_restart, FREE),
        SD_BUS_METHOD_WITH_ARGS("Update", SD_BUS_ARGS("s", name, "b", now), SD_BUS_RESULT("o", job),
                                method_update, FREE),
        SD_BUS_METHOD_WITH_ARGS("Rollback", SD_BUS_ARGS("s", name, "u", generation, "b", now),
                                SD_BUS_RESULT("o", job), method_rollback, FREE),
        SD_BUS_METHOD_WITH_ARGS("Kill", SD_BUS_ARGS("s", name, "s", whom, "i", signal),
                                SD_BUS_NO_RESULT, method_kill, FREE),
        SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_ARGS("s", name),
                                SD_BUS_RESULT("a(ssss)", diagnostics), manager_check, FREE),
        SD_BUS_METHOD_WITH_ARGS("Plan", SD_BUS_ARGS("s", name), SD_BUS_RESULT("s", plan),
                                manager_plan, FREE),
        SD_BUS_METHOD_WITH_ARGS("Diff", SD_BUS_ARGS("s", name), SD_BUS_RESULT("s", differences),
                                manager_diff, FREE),
        SD_BUS_METHOD_WITH_ARGS("Apply", SD_BUS_ARGS("as", names, "b", dry_run),
                                SD_BUS_RESULT("o", job), method_apply, FREE),
        SD_BUS_METHOD_WITH_ARGS("Set", SD_BUS_ARGS("s", name, "as", assignments, "b", persist),
                                SD_BUS_NO_RESULT, manager_set, FREE),
        SD_BUS_METHOD_WITH_ARGS("Exec",
                                SD_BUS_ARGS("s", name, "s", user, "as", argv, "as", environment,
                                            "s", directory, "h", stdin, "h", stdout, "h", stderr),
                                SD_BUS_RESULT("o", process, "u", pid), manager_exec, FREE),
        SD_BUS_METHOD_WITH_ARGS("OpenLogin", SD_BUS_ARGS("s", name),
                                SD_BUS_RESULT("h", pty, "o", process), manager_open_login, FREE),
        SD_BUS_METHOD_WITH_ARGS("OpenShell",
                                SD_BUS_ARGS("s", name, "s", user, "as", argv, "as", environment),
                                SD_BUS_RESULT("h", pty, "o", process), manager_open_shell, FREE),
        SD_BUS_METHOD_WITH_ARGS("OpenConsole", SD_BUS_ARGS("s", name), SD_BUS_RESULT("h", socket),
                                manager_open_console, FREE),
        SD_BUS_METHOD("Subscribe", NULL, NULL, method_subscribe, FREE),
        SD_BUS_METHOD("Unsubscribe", NULL, NULL, method_unsubscribe, FREE),
        SD_BUS_SIGNAL_WITH_ARGS("MachineNew", SD_BUS_ARGS("s", name, "o", machine), 0),
        SD_BUS_SIGNAL_WITH_ARGS("MachineRemoved", SD_BUS_ARGS("s", name, "o", machine), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("u", id, "o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved",
                                SD_BUS_ARGS("u", id, "o", job, "s", machine, "s", result), 0),
        SD_BUS_VTABLE_END,
};

int manager_offer(Service *s, Error *error)
{
        int r = sd_bus_add_object_vtable(s->bus, NULL, STEAD1_PATH, STEAD1_MANAGER, vtable, s);

        return r < 0 ? error_errno(error, -r, "Failed to offer the manager") : 0;
}
