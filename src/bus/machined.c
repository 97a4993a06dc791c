/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registration, and what to do about an entry that is there already: machined keeps one as long as
 * its unit is active, not as long as its leader lives, and lags behind a quick restart. */

#include "bus/machined.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/parse.h"
#include "os/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXISTS "org.freedesktop.machine1.MachineExists"
#define NO_SUCH "org.freedesktop.machine1.NoSuchMachine"
#define TRIES 20
#define PAUSE_MSEC 50
#define NOTE_MAX 16384

static bool has_name(const sd_bus_error *e, const char *name)
{
        return sd_bus_error_has_name(e, name) > 0;
}

/* Neither running nor startable: the ladder's rows without machined. */
static bool is_missing(const sd_bus_error *e)
{
        return has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
               has_name(e, "org.freedesktop.systemd1.NoSuchUnit") ||
               has_name(e, "org.freedesktop.systemd1.UnitMasked") ||
               has_name(e, SD_BUS_ERROR_NO_REPLY) || has_name(e, SD_BUS_ERROR_TIMEOUT) ||
               has_name(e, "org.freedesktop.DBus.Error.Spawn.ChildExited");
}

static int set_error(Error *error, const sd_bus_error *e, int r, const char *name)
{
        if (is_missing(e)) {
                error_hint(error, "apt-get install systemd-container; systemctl status "
                                  "systemd-machined");
                (void)bus_error_set(error, e, r, "systemd-machined does not run on this host");
                return -ENXIO;
        }
        return bus_error_set(error, e, r, "systemd-machined does not take machine '%s'", name);
}

static int append(sd_bus_message *m, const Registration *g)
{
        int r = sd_bus_message_append(m, "s", g->name);

        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', g->id, sizeof(g->id));
        if (r >= 0)
                r = sd_bus_message_append(m, "ssus", g->service, "container", (uint32_t)g->leader,
                                          g->root ?: "");
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'i', g->interfaces,
                                                g->n_interfaces * sizeof(*g->interfaces));
        return r;
}

static int register_once(sd_bus *bus, const Registration *g, sd_bus_error *e)
{
        _cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, MACHINED_NAME, MACHINED_PATH,
                                               MACHINED_MANAGER, "RegisterMachineWithNetwork");

        if (r >= 0)
                r = append(m, g);
        /* the call may start machined first */
        return r < 0 ? r : sd_bus_call(bus, m, 10 * USEC_PER_SEC, e, &reply);
}

static bool is_alive(pid_t pid)
{
        _cleanup_close_ int fd = pidfd_open_process(pid);

        return fd >= 0 && pidfd_is_alive(fd);
}

/* Leader of a registered machine; -ENXIO when there is no such name. */
static int leader_of(sd_bus *bus, const char *name, pid_t *ret, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *path;
        uint32_t leader;
        int r = sd_bus_call_method(bus, MACHINED_NAME, MACHINED_PATH, MACHINED_MANAGER,
                                   "GetMachine", &e, &reply, "s", name);

        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                r = sd_bus_get_property_trivial(bus, MACHINED_NAME, path, MACHINED_MACHINE,
                                                "Leader", &e, 'u', &leader);
        if (r < 0 && has_name(&e, NO_SUCH))
                return error_set(error, ENXIO, "Machine '%s' is not registered", name);
        if (r < 0)
                return set_error(error, &e, r, name);
        *ret = (pid_t)leader;
        return 0;
}

static bool machined_runs(sd_bus *bus)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        int has_owner = false;

        if (sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                               MACHINED_NAME) >= 0)
                (void)sd_bus_message_read(reply, "b", &has_owner);
        return has_owner;
}

/* What machined wrote down about a machine; it is read when machined starts. */
static int note_of(const char *name, char **ret)
{
        if (asprintf(ret, "/run/systemd/machines/%s", name) >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}

static bool note_is_dead(const char *path)
{
        static const char key[] = "\nLEADER=";
        _cleanup_free_ char *text = NULL;
        char *leader;
        int pid;

        if (read_file_at(AT_FDCWD, path, NOTE_MAX, &text) < 0)
                return false;
        leader = strstr(text, key);
        if (!leader)
                return false;
        leader += strlen(key);
        leader[strcspn(leader, "\n")] = '\0';
        return parse_int(leader, &pid) >= 0 && !is_alive(pid);
}

/* A machined that does not run is not started to forget a machine: it would read that the leader is
 * dead and stop the unit, which is that of the next boot by then. */
static int unregister_asleep(const char *name, Error *error)
{
        _cleanup_free_ char *path = NULL;
        int r = note_of(name, &path);

        if (r >= 0 && unlink(path) < 0 && errno != ENOENT)
                r = -errno;
        return r < 0 ? error_errno(error, -r, "Failed to withdraw machine '%s'", name) : 0;
}

int machined_unregister(sd_bus *bus, const char *name, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        int r;

        if (!machined_runs(bus))
                return unregister_asleep(name, error);
        r = sd_bus_call_method(bus, MACHINED_NAME, MACHINED_PATH, MACHINED_MANAGER,
                               "UnregisterMachine", &e, NULL, "s", name);
        if (r >= 0 || has_name(&e, NO_SUCH))
                return 0;
        return set_error(error, &e, r, name);
}

void machined_forget_dead(sd_bus *bus, const char *name)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_bus_ sd_bus *own = NULL;

        if (note_of(name, &path) < 0 || !note_is_dead(path))
                return;
        if (!bus && bus_open_system(&own, NULL) < 0)
                return;
        (void)machined_unregister(bus ?: own, name, NULL); /* else registration will tell */
}

int machined_register(sd_bus *bus, const Registration *g, Error *error)
{
        machined_forget_dead(bus, g->name);
        for (unsigned i = 0;; i++) {
                _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
                struct timespec pause = { .tv_nsec = PAUSE_MSEC * 1000000L };
                pid_t leader = 0;
                int r = register_once(bus, g, &e);

                if (r >= 0)
                        return 0;
                if (!has_name(&e, EXISTS))
                        return set_error(error, &e, r, g->name);
                r = leader_of(bus, g->name, &leader, NULL);
                if (r >= 0 && leader != g->leader && is_alive(leader)) {
                        error_hint(error, "machinectl status %s", g->name);
                        return error_set(error, EEXIST,
                                         "systemd-machined knows another machine '%s', with leader "
                                         "%d",
                                         g->name, (int)leader);
                }
                if (r >= 0 && leader == g->leader)
                        return 0; /* the call came through, its answer did not */
                if (i >= TRIES)
                        return set_error(error, &e, -EBUSY, g->name);
                if (r >= 0)
                        (void)machined_unregister(bus, g->name, NULL); /* the next try tells */
                (void)nanosleep(&pause, NULL);
        }
}
