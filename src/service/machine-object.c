/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Properties come from the state file and the control group, which are the host's. What lies in the
 * machine itself is read by methods, in a process of their own: its files can be made to hang. */

#include "service/machine-object.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/strv.h"
#include "machine/addresses.h"
#include "machine/usage.h"
#include "os/path.h"
#include "service/call.h"
#include "service/names.h"
#include "service/operation.h"
#include "service/registry.h"
#include "service/reply.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OS_RELEASE_MAX 65536

/* A getter of the shape that the table below wants, for a machine @o. */
#define GETTER(function, type, ...)                                                      \
        static int function(sd_bus *bus, const char *path, const char *interface,        \
                            const char *property, sd_bus_message *reply, void *userdata, \
                            sd_bus_error *e)                                             \
        {                                                                                \
                const Machine *o = userdata;                                             \
                                                                                         \
                return sd_bus_message_append(reply, type, __VA_ARGS__);                  \
        }

#define TEXT_GETTER(function, value)                                                     \
        static int function(sd_bus *bus, const char *path, const char *interface,        \
                            const char *property, sd_bus_message *reply, void *userdata, \
                            sd_bus_error *e)                                             \
        {                                                                                \
                const Machine *o = userdata;                                             \
                                                                                         \
                return reply_append_text(reply, value);                                  \
        }

TEXT_GETTER(get_name, o->name)
TEXT_GETTER(get_state, machine_state_to_string(o->state))
TEXT_GETTER(get_status_text, o->status)
TEXT_GETTER(get_init, init_kind_to_string(o->init))
TEXT_GETTER(get_root_directory, o->root)
TEXT_GETTER(get_unit, o->unit)
TEXT_GETTER(get_control_group, o->cgroup)
TEXT_GETTER(get_service, o->container_service)
GETTER(get_leader, "u", (uint32_t)o->leader)
GETTER(get_launcher, "u", (uint32_t)o->launcher)
GETTER(get_uid_base, "u", o->uid_base)
GETTER(get_uid_size, "u", o->uid_size)
GETTER(get_private_network, "b", (int)o->private_network)
GETTER(get_no_new_privileges, "b", (int)o->no_new_privileges)
GETTER(get_started, "t", o->started_usec)
GETTER(get_ready, "t", o->ready_usec)

static int get_id(sd_bus *bus, const char *path, const char *interface, const char *property,
                  sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        const Machine *o = userdata;

        return sd_bus_message_append_array(reply, 'y', o->uuid.bytes,
                                           id128_is_null(&o->uuid) ? 0 : sizeof(o->uuid.bytes));
}

static int get_usage(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        Usage usage = USAGE_NULL;
        uint64_t value;

        usage_read(userdata, &usage);
        if (strcmp(property, "MemoryCurrent") == 0)
                value = usage.memory;
        else if (strcmp(property, "TasksCurrent") == 0)
                value = usage.tasks;
        else
                value = usage.cpu_usec == USAGE_UNKNOWN ? usage.cpu_usec : usage.cpu_usec * 1000;
        return sd_bus_message_append(reply, "t", value);
}

/* The service, and the machine's name as the caller's own: a look at the registry may replace the
 * machine. */
static Service *called(sd_bus_message *m, char **ret_name)
{
        sd_bus_slot *slot = sd_bus_get_current_slot(sd_bus_message_get_bus(m));

        if (sd_bus_path_decode(sd_bus_message_get_path(m), STEAD1_MACHINE_PREFIX, ret_name) <= 0)
                return NULL;
        return sd_bus_slot_get_userdata(slot);
}

static int method_stop(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_free_ char *name = NULL;
        Service *s = called(m, &name);
        int force, r = s ? sd_bus_message_read(m, "b", &force) : -ENOMEM;

        return r < 0 ? r : operation_stop(s, m, name, force);
}

static int method_reboot(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_free_ char *name = NULL;
        Service *s = called(m, &name);

        return s ? operation_reboot(s, m, name) : -ENOMEM;
}

static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_free_ char *name = NULL;
        Service *s = called(m, &name);
        const char *whom;
        int32_t number;
        int r = s ? sd_bus_message_read(m, "si", &whom, &number) : -ENOMEM;

        return r < 0 ? r : operation_kill(s, m, name, whom, number);
}

/* --- in a process of its own --------------------------------------------------------------- */

static int print_addresses(const void *argument)
{
        _cleanup_machine_ Machine *m = NULL;
        _cleanup_strv_ char **addresses = NULL;

        if (machine_open(argument, &m, NULL) < 0 || addresses_of(m, &addresses) < 0)
                return EXIT_FAILURE;
        STRV_FOREACH (a, addresses)
                puts(*a);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int print_os_release(const void *argument)
{
        _cleanup_machine_ Machine *m = NULL;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        char root[64];

        if (machine_open(argument, &m, NULL) < 0)
                return EXIT_FAILURE;
        (void)snprintf(root, sizeof(root), "/proc/%d/root", (int)m->leader);
        fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || (path_read(fd, "/etc/os-release", OS_RELEASE_MAX, &text) < 0 &&
                       path_read(fd, "/usr/lib/os-release", OS_RELEASE_MAX, &text) < 0))
                return EXIT_SUCCESS; /* a tree need not have one */
        return write_all(STDOUT_FILENO, text, strlen(text)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- and what becomes of it ----------------------------------------------------------------- */

static int answer_unreadable(sd_bus_message *m, const ChildEnd *end)
{
        return reply_errorf(m, end->timed_out ? ETIMEDOUT : ENXIO, "The machine %s",
                            end->timed_out ? "does not let its files be read" : "has ended");
}

static int answer_addresses(sd_bus_message *m, const ChildEnd *end)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_strv_ char **addresses = NULL;
        int r;

        if (end->status != 0)
                return answer_unreadable(m, end);
        r = strv_split(end->output, "\n", &addresses);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (char **a = addresses; r >= 0 && a && *a; a++)
                r = reply_append_text(reply, *a);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* KEY="value" of os-release(5); lines that are none are left out. */
static int append_assignment(sd_bus_message *reply, char *line)
{
        _cleanup_strv_ char **words = NULL;
        char *equal = strchr(line, '=');
        int r;

        if (!equal || equal == line || *line == '#')
                return 0;
        *equal = '\0';
        r = strv_split_quoted(equal + 1, &words);
        if (r < 0 || strv_length(words) > 1)
                return r == -ENOMEM ? r : 0;
        r = sd_bus_message_open_container(reply, 'e', "ss");
        if (r >= 0)
                r = reply_append_text(reply, line);
        if (r >= 0)
                r = reply_append_text(reply, words ? words[0] : "");
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int answer_os_release(sd_bus_message *m, const ChildEnd *end)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_strv_ char **lines = NULL;
        int r;

        if (end->status != 0)
                return answer_unreadable(m, end);
        r = strv_split(end->output, "\n", &lines);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (char **l = lines; r >= 0 && l && *l; l++)
                r = append_assignment(reply, *l);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_get_addresses(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_free_ char *name = NULL;
        Service *s = called(m, &name);

        return s ? call_function(s, m, print_addresses, name, answer_addresses) : -ENOMEM;
}

static int method_get_os_release(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_free_ char *name = NULL;
        Service *s = called(m, &name);

        return s ? call_function(s, m, print_os_release, name, answer_os_release) : -ENOMEM;
}

#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define SILENT 0

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, CONST),
        SD_BUS_PROPERTY("Id", "ay", get_id, 0, CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
        SD_BUS_PROPERTY("StatusText", "s", get_status_text, 0, CHANGES),
        SD_BUS_PROPERTY("Init", "s", get_init, 0, CONST),
        SD_BUS_PROPERTY("Service", "s", get_service, 0, CONST),
        SD_BUS_PROPERTY("Leader", "u", get_leader, 0, CHANGES),
        SD_BUS_PROPERTY("Launcher", "u", get_launcher, 0, CONST),
        SD_BUS_PROPERTY("RootDirectory", "s", get_root_directory, 0, CONST),
        SD_BUS_PROPERTY("Unit", "s", get_unit, 0, CHANGES),
        SD_BUS_PROPERTY("ControlGroup", "s", get_control_group, 0, CHANGES),
        SD_BUS_PROPERTY("UIDBase", "u", get_uid_base, 0, CONST),
        SD_BUS_PROPERTY("UIDSize", "u", get_uid_size, 0, CONST),
        SD_BUS_PROPERTY("PrivateNetwork", "b", get_private_network, 0, CONST),
        SD_BUS_PROPERTY("NoNewPrivileges", "b", get_no_new_privileges, 0, CONST),
        SD_BUS_PROPERTY("StartedTimestamp", "t", get_started, 0, CHANGES),
        SD_BUS_PROPERTY("ReadyTimestamp", "t", get_ready, 0, CHANGES),
        SD_BUS_PROPERTY("MemoryCurrent", "t", get_usage, 0, SILENT),
        SD_BUS_PROPERTY("TasksCurrent", "t", get_usage, 0, SILENT),
        SD_BUS_PROPERTY("CPUUsageNSec", "t", get_usage, 0, SILENT),
        SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_ARGS("b", force), SD_BUS_RESULT("o", job),
                                method_stop, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reboot", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_reboot,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Kill", SD_BUS_ARGS("s", whom, "i", signal), SD_BUS_NO_RESULT,
                                method_kill, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetAddresses", SD_BUS_NO_ARGS, SD_BUS_RESULT("as", addresses),
                                method_get_addresses, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetOSRelease", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{ss}", fields),
                                method_get_os_release, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_free_ char *name = NULL;
        const Machine *machine;

        if (sd_bus_path_decode(path, STEAD1_MACHINE_PREFIX, &name) <= 0)
                return 0;
        machine = registry_find(s->registry, name);
        *ret = (void *)machine;
        return machine != NULL;
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_strv_ char **paths = NULL;
        _cleanup_free_ const Machine **machines = NULL;
        size_t n = 0;
        int r = registry_list(s->registry, &machines, &n);

        for (size_t i = 0; r >= 0 && i < n; i++) {
                char *path = NULL;

                r = machine_object_path(machines[i]->name, &path);
                if (r >= 0)
                        r = strv_push_take(&paths, path);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

int machine_object_offer(Service *s, Error *error)
{
        int r = sd_bus_add_fallback_vtable(s->bus, NULL, STEAD1_MACHINE_PREFIX, STEAD1_MACHINE,
                                           vtable, find_object, s);

        if (r >= 0)
                r = sd_bus_add_node_enumerator(s->bus, NULL, STEAD1_MACHINE_PREFIX, enumerate, s);
        return r < 0 ? error_errno(error, -r, "Failed to offer machines") : 0;
}
