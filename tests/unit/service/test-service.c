/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The whole service with one peer instead of a bus: what it says of machines, and random calls. */

#include "../world.h"

#include "machine/machine.h"
#include "service/names.h"
#include "service/registry.h"
#include "service/service.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-id128.h>

typedef struct Peer {
        sd_bus *bus;
        pid_t service;
} Peer;

/* Until the peer hangs up. */
static int serve(int fd)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        _cleanup_service_ Service *service = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        sd_id128_t id = {};
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        if (sd_event_new(&event) < 0 || sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 ||
            sd_bus_set_server(bus, true, id) < 0 || sd_bus_negotiate_fds(bus, true) < 0 ||
            sd_bus_start(bus) < 0 || sd_bus_attach_event(bus, event, 0) < 0 ||
            sd_bus_set_exit_on_disconnect(bus, true) < 0 ||
            service_new(event, bus, &service, &error) < 0)
                return EXIT_FAILURE;
        /* the loop's status is that of a lost connection, which is as it should be */
        return sd_event_loop(event) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int peer_start(void **state)
{
        Peer *p = calloc(1, sizeof(Peer));
        int pair[2];

        *state = p;
        if (!p || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -1;
        p->service = fork();
        if (p->service == 0) {
                (void)close(pair[0]);
                exit(serve(pair[1])); /* with the checks of the sanitizers */
        }
        (void)close(pair[1]);
        if (sd_bus_new(&p->bus) < 0 || sd_bus_set_fd(p->bus, pair[0], pair[0]) < 0 ||
            sd_bus_negotiate_fds(p->bus, true) < 0)
                return -1;
        if (sd_bus_start(p->bus) < 0)
                return -1;
        /* answered when it has had its first look */
        return sd_bus_call_method(p->bus, NULL, STEAD1_PATH, "org.freedesktop.DBus.Peer", "Ping",
                                  NULL, NULL, NULL) < 0
                       ? -1
                       : 0;
}

static int peer_stop(void **state)
{
        Peer *p = *state;
        int status = -1;

        sd_bus_flush_close_unref(p->bus);
        (void)waitpid(p->service, &status, 0);
        free(p);
        return status == 0 ? 0 : -1;
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, peer_start, peer_stop)

/* A running machine: launcher and leader are the test itself. */
static void put_machine(const char *name, MachineState machine_state, const char *status)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_machine_ Machine *m = NULL;
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(machine_new(name, &m), 0);
        m->state = machine_state;
        m->leader = m->launcher = getpid();
        assert_int_equal(process_start_time(getpid(), &m->leader_start), 0);
        m->launcher_start = m->leader_start;
        m->status = status ? strdup(status) : NULL;
        assert_int_equal(machine_directory_create(name, &fd, &error), 0);
        assert_int_equal(machine_save(m, fd, &error), 0);
}

static int call(Peer *p, const char *path, const char *interface, const char *member,
                sd_bus_message **ret, const char *types, const char *argument)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        return sd_bus_call_method(p->bus, NULL, path, interface, member, &e, ret, types, argument);
}

/* The next signal, as "Member first-argument". */
static char *next_signal(Peer *p)
{
        char *text = NULL;

        while (!text) {
                _cleanup_message_ sd_bus_message *m = NULL;
                const char *first;
                int r = sd_bus_process(p->bus, &m);

                assert_true(r >= 0);
                if (r == 0)
                        assert_true(sd_bus_wait(p->bus, 10 * USEC_PER_SEC) > 0);
                if (!m || sd_bus_message_is_signal(m, NULL, NULL) <= 0)
                        continue;
                assert_true(sd_bus_message_read(m, "s", &first) > 0);
                assert_true(asprintf(&text, "%s %s", sd_bus_message_get_member(m), first) > 0);
        }
        return text;
}

static void assert_signal(Peer *p, const char *wanted)
{
        _cleanup_free_ char *text = next_signal(p);

        assert_string_equal(text, wanted);
}

static void test_machines_come_change_and_go(void **state)
{
        Peer *p = *state;
        _cleanup_message_ sd_bus_message *before = NULL, *after = NULL;
        _cleanup_free_ char *text = NULL;

        assert_true(call(p, STEAD1_PATH, STEAD1_MANAGER, "ListMachines", &before, NULL, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(before, 'a', "(ssuso)") >= 0);
        assert_true(sd_bus_message_at_end(before, false) > 0);

        put_machine("web", MACHINE_STARTING, NULL);
        assert_signal(p, "MachineNew web");
        put_machine("web", MACHINE_RUNNING, "J\xfcrgen");
        assert_signal(p, "PropertiesChanged " STEAD1_MACHINE);
        assert_true(sd_bus_get_property_string(p->bus, NULL, STEAD1_MACHINE_PREFIX "/web",
                                               STEAD1_MACHINE, "StatusText", NULL, &text) >= 0);
        assert_string_equal(text, "J\xef\xbf\xbdrgen");
        put_machine("web", MACHINE_RUNNING, "J\xfcrgen"); /* no news */
        put_machine("db.example-1", MACHINE_RUNNING, NULL);
        assert_signal(p, "MachineNew db.example-1");
        machine_directory_remove("web");
        assert_signal(p, "MachineRemoved web");
        assert_true(call(p, STEAD1_PATH, STEAD1_MANAGER, "GetMachine", &after, "s",
                         "db.example-1") >= 0);
        machine_directory_remove("db.example-1");
        assert_signal(p, "MachineRemoved db.example-1");
}

/* Somebody clears /run/stead while we look. */
static void test_the_directory_is_replaced(void **state)
{
        Peer *p = *state;

        put_machine("a", MACHINE_RUNNING, NULL);
        assert_signal(p, "MachineNew a");
        assert_int_equal(rename(MACHINES_DIRECTORY, MACHINES_DIRECTORY ".old"), 0);
        assert_signal(p, "MachineRemoved a");
        put_machine("b", MACHINE_RUNNING, NULL);
        assert_signal(p, "MachineNew b");
        assert_int_equal(remove_tree_at(AT_FDCWD, MACHINES_DIRECTORY), 0);
        assert_signal(p, "MachineRemoved b");
        put_machine("c", MACHINE_RUNNING, NULL);
        assert_signal(p, "MachineNew c");
        machine_directory_remove("c");
        assert_signal(p, "MachineRemoved c");
}

static uint32_t next_number(uint32_t *state, uint32_t below)
{
        *state = *state * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        return (*state >> 8) % below;
}

static int append_random(sd_bus_message *m, const char *type, uint32_t *seed)
{
        static const char *const words[] = { "",    "web", "nowhere", "../x",   "-x",
                                             "a=b", "\n",  "all",     "leader", STEAD1_MANAGER };
        static const char *const paths[] = { "/", STEAD1_PATH, "/org/stead1/job/1" };
        uint64_t number = (uint64_t)next_number(seed, 1 << 24) << next_number(seed, 40);

        switch (*type) {
        case 's':
                return sd_bus_message_append(m, "s", words[next_number(seed, ELEMENTSOF(words))]);
        case 'o':
                return sd_bus_message_append(m, "o", paths[next_number(seed, ELEMENTSOF(paths))]);
        case 'h':
                return sd_bus_message_append(m, "h", STDIN_FILENO);
        case 'a': {
                int r = sd_bus_message_open_container(m, 'a', "s");

                for (uint32_t n = next_number(seed, 5); r >= 0 && n > 0; n--)
                        r = append_random(m, "s", seed);
                return r < 0 ? r : sd_bus_message_close_container(m);
        }
        case 'b':
                return sd_bus_message_append(m, "b", (int)next_number(seed, 2));
        case 't':
                return sd_bus_message_append(m, "t", number);
        default:
                return sd_bus_message_append(m, type, (uint32_t)number);
        }
}

/* Each method with arguments that mean nothing or are none. Nobody answers with a crash. The one
 * machine that there is, is named by no argument: it is this process. */
static void test_random_calls(void **state)
{
        static const struct {
                const char *path, *interface, *member;
                const char *types[9];
        } calls[] = {
                { STEAD1_PATH, STEAD1_MANAGER, "ListDefinitions", {} },
                { STEAD1_PATH, STEAD1_MANAGER, "ListMachines", {} },
                { STEAD1_PATH, STEAD1_MANAGER, "ListJobs", {} },
                { STEAD1_PATH, STEAD1_MANAGER, "GetMachine", { "s" } },
                { STEAD1_PATH, STEAD1_MANAGER, "GetMachineByPID", { "u" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Start", { "s" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Restart", { "s" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Update", { "s", "b" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Rollback", { "s", "u", "b" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Check", { "s" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Plan", { "s" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Set", { "s", "as", "b" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Apply", { "as", "b" } },
                { STEAD1_PATH,
                  STEAD1_MANAGER,
                  "Exec",
                  { "s", "s", "as", "as", "s", "h", "h", "h" } },
                { STEAD1_PATH, STEAD1_MANAGER, "OpenShell", { "s", "s", "as", "as" } },
                { STEAD1_PATH, STEAD1_MANAGER, "OpenLogin", { "s" } },
                { STEAD1_PATH, STEAD1_MANAGER, "OpenConsole", { "s" } },
                { STEAD1_PATH, STEAD1_MANAGER, "Subscribe", {} },
                { STEAD1_PATH, STEAD1_MANAGER, "Unsubscribe", {} },
                { "/org/stead1/machine/db", STEAD1_MACHINE, "GetAddresses", {} },
                { "/org/stead1/machine/db", STEAD1_MACHINE, "GetOSRelease", {} },
                { "/org/stead1/job/1", STEAD1_JOB, "Wait", {} },
                { "/org/stead1/job/2", STEAD1_JOB, "Cancel", {} },
                { "/org/stead1/process/1", STEAD1_PROCESS, "Kill", { "i" } },
                { "/org/stead1/machine/db", "org.freedesktop.DBus.Properties", "GetAll", { "s" } },
                { "/org/stead1/job", "org.freedesktop.DBus.Introspectable", "Introspect", {} },
        };
        Peer *p = *state;
        uint32_t seed = 20;

        put_machine("db", MACHINE_RUNNING, NULL);
        for (unsigned i = 0; i < 1500; i++) {
                size_t k = next_number(&seed, ELEMENTSOF(calls));
                _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
                _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
                int r = sd_bus_message_new_method_call(p->bus, &m, NULL, calls[k].path,
                                                       calls[k].interface, calls[k].member);

                for (const char *const *t = calls[k].types; r >= 0 && *t; t++)
                        if (next_number(&seed, 40) > 0) /* now and then one is missing */
                                r = append_random(m, *t, &seed);
                assert_true(r >= 0);
                r = sd_bus_call(p->bus, m, 30 * USEC_PER_SEC, &e, &reply);
                if (r < 0 && (r == -ECONNRESET || r == -ETIMEDOUT || r == -ENOTCONN))
                        fail_msg("call %u, %s: %s", i, calls[k].member, strerror(-r));
        }
        machine_directory_remove("db");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_PEER(test_machines_come_change_and_go),
                WITH_PEER(test_the_directory_is_replaced),
                WITH_PEER(test_random_calls),
        };
        int r = world_enter();

        return r ?: cmocka_run_group_tests(tests, NULL, NULL);
}
