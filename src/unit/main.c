/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead-unit: speaks to systemd and machined for one launcher, its parent, over the socket on
 * descriptor 0 (machine/unit-message.h). Of a machine that was started by hand it also keeps the
 * scope: it sits in SCOPE/supervisor as long as the launcher lives, so that the scope lasts over
 * reboots of the machine and ends with a launcher that is killed. */

#include "base/cleanup.h"
#include "base/parse.h"
#include "base/strv.h"
#include "bus/machined-varlink.h"
#include "machine/unit-message.h"
#include "unit/scope.h"

#include <signal.h>
#include <string.h>
#include <systemd/sd-event.h>

typedef struct Agent {
        sd_event *event;
        int fd;
        Scope scope;
} Agent;

static int do_scope(Agent *a, char *const *fields, char ***answer, Error *error)
{
        const char *name = unit_message_field(fields, "name");
        int r;

        if (name)
                machined_forget_dead(NULL, name);
        r = scope_take(&a->scope, fields, a->event, a->fd, error);
        if (r >= 0)
                r = strv_pushf(answer, "unit=%s", a->scope.unit);
        return r < 0 ? r : strv_pushf(answer, "cgroup=%s", a->scope.cgroup);
}

static int do_register(char *const *fields, Error *error)
{
        _cleanup_bus_ sd_bus *bus = NULL;
        Registration g = {
                .name = unit_message_field(fields, "name"),
                .service = unit_message_field(fields, "service") ?: "",
                .root = unit_message_field(fields, "root") ?: "",
        };
        const char *id = unit_message_field(fields, "id");
        const char *leader = unit_message_field(fields, "leader");
        const char *interface = unit_message_field(fields, "interface");
        int32_t index;
        Id128 uuid;
        int pid, r;

        if (!g.name || !id || !leader || parse_id128(id, &uuid) < 0 || parse_int(leader, &pid) < 0)
                return error_set(error, EBADMSG, "A request without name, id or leader");
        memcpy(g.id, &uuid, sizeof(g.id));
        g.leader = pid;
        if (interface && parse_int(interface, &index) >= 0 && index > 0) {
                g.interfaces = &index;
                g.n_interfaces = 1;
        }
        r = bus_open_system(&bus, error);
        if (r >= 0)
                return machined_register(bus, &g, error);
        if (machined_varlink_register(&g, NULL) < 0)
                return r; /* the bus is what people look for */
        error_done(error);
        return 0;
}

static int do_unregister(char *const *fields, Error *error)
{
        _cleanup_bus_ sd_bus *bus = NULL;
        const char *name = unit_message_field(fields, "name");
        int r = name ? bus_open_system(&bus, error)
                     : error_set(error, EBADMSG, "A request without name");

        if (r == -ENXIO && machined_varlink_unregister(name, NULL) >= 0) {
                error_done(error);
                return 0;
        }
        return r < 0 ? r : machined_unregister(bus, name, error);
}

static int answer(Agent *a, UnitVerb verb, char *const *fields)
{
        _cleanup_strv_ char **words = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        switch (verb) {
        case UNIT_SCOPE:
                r = do_scope(a, fields, &words, &error);
                break;
        case UNIT_REGISTER:
                r = do_register(fields, &error);
                break;
        case UNIT_UNREGISTER:
                r = do_unregister(fields, &error);
                break;
        case UNIT_SET:
                r = scope_set(fields, &error);
                break;
        case UNIT_OK:
        case UNIT_FAILED:
        case UNIT_STOP:
        case _UNIT_VERB_MAX:
        case _UNIT_VERB_INVALID:
        default:
                r = error_set(&error, EBADMSG, "A message that is no request");
                break;
        }
        if (r < 0 && error.number == 0)
                (void)error_errno(&error, -r, "Failed to talk to systemd");
        return r < 0 ? unit_message_send_error(a->fd, &error)
                     : unit_message_send(a->fd, UNIT_OK, words);
}

static int on_request(sd_event_source *source, int fd, uint32_t events, void *data)
{
        _cleanup_strv_ char **fields = NULL;
        Agent *a = data;
        UnitVerb verb;
        int r = unit_message_receive(fd, 0, &verb, &fields);

        if (r == -EAGAIN)
                return 0;
        if (r >= 0)
                r = answer(a, verb, fields);
        /* the launcher is gone, or no longer makes sense */
        return r < 0 ? sd_event_exit(a->event, EXIT_SUCCESS) : 0;
}

/* `systemctl kill` and the like mean the machine. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *data)
{
        const Agent *a = data;

        (void)unit_message_send(a->fd, UNIT_STOP, NULL); /* gone: end of file follows */
        return 0;
}

static int run(Agent *a)
{
        static const int signals[] = { SIGTERM, SIGINT, SCOPE_STOP_SIGNAL };
        sigset_t set;
        int r = sd_event_default(&a->event);

        (void)sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaddset(&set, signals[i]);
        (void)sigaddset(&set, SIGPIPE);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++)
                r = sd_event_add_signal(a->event, NULL, signals[i], on_signal, a);
        if (r >= 0)
                r = sd_event_add_io(a->event, NULL, a->fd, EPOLLIN, on_request, a);
        return r < 0 ? r : sd_event_loop(a->event);
}

int main(void)
{
        Agent a = { .fd = STDIN_FILENO, .scope = SCOPE_NULL };
        int r;

        r = run(&a);
        scope_done(&a.scope);
        sd_event_unref(a.event);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
