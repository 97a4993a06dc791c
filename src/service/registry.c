/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An entry for each directory below /run/stead/machines: with a machine while it runs. The kernel
 * tells of new directories and changed files by inotify, of ended processes by their pidfds; the
 * latter because a killed launcher leaves its state file behind. */

#include "service/registry.h"

#include "base/fd.h"
#include "config/definition.h"
#include "service/job.h"
#include "service/names.h"

#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>

/* Before the bus: whoever calls after a change must see it. */
#define PRIORITY SD_EVENT_PRIORITY_IMPORTANT

typedef struct Entry {
        Registry *registry;
        char *name, *path;
        Machine *machine; /* NULL: a directory without a running machine */
        sd_event_source *files, *leader, *launcher;
} Entry;

struct Registry {
        Service *service;
        sd_event_source *directory;
        Entry **entries; /* sorted by name */
        size_t n;
        bool quiet;    /* the first look is no news */
        bool emitting; /* sd-bus asks back for the object whose change is being told */
};

int machine_object_path(const char *name, char **ret)
{
        return sd_bus_path_encode(STEAD1_MACHINE_PREFIX, name, ret);
}

static void entry_drop_machine(Entry *e)
{
        e->leader = sd_event_source_disable_unref(e->leader);
        e->launcher = sd_event_source_disable_unref(e->launcher);
        e->machine = machine_free(e->machine);
}

static Entry *entry_free(Entry *e)
{
        if (!e)
                return NULL;
        entry_drop_machine(e);
        sd_event_source_disable_unref(e->files);
        free(e->name);
        free(e->path);
        free(e);
        return NULL;
}
DEFINE_CLEANUP(Entry, entry_free)

Registry *registry_free(Registry *r)
{
        if (!r)
                return NULL;
        for (size_t i = 0; i < r->n; i++)
                entry_free(r->entries[i]);
        free(r->entries);
        sd_event_source_disable_unref(r->directory);
        free(r);
        return NULL;
}

/* Where @name is, or belongs. */
static size_t position(const Registry *r, const char *name, bool *ret_found)
{
        size_t low = 0, high = r->n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (strcmp(r->entries[middle]->name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = low < r->n && strcmp(r->entries[low]->name, name) == 0;
        return low;
}

static void announce(Entry *e, const char *signal)
{
        if (e->registry->quiet)
                return;
        /* a lost signal is all that can come of a failure */
        (void)sd_bus_emit_signal(e->registry->service->bus, STEAD1_PATH, STEAD1_MANAGER, signal,
                                 "so", e->name, e->path);
}

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Names of the properties that differ. */
static size_t compare(const Machine *a, const Machine *b, char *names[static 12])
{
        const struct {
                const char *name;
                bool same;
        } rows[] = {
                { "State", a->state == b->state },
                { "StatusText", same_text(a->status, b->status) },
                { "Leader", a->leader == b->leader },
                { "ControlGroup", same_text(a->cgroup, b->cgroup) },
                { "Unit", same_text(a->unit, b->unit) },
                { "StartedTimestamp", a->started_usec == b->started_usec },
                { "ReadyTimestamp", a->ready_usec == b->ready_usec },
        };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!rows[i].same)
                        names[n++] = (char *)rows[i].name;
        names[n] = NULL;
        return n;
}

static int on_process_end(sd_event_source *source, int fd, uint32_t events, void *userdata);

static void watch_processes(Entry *e)
{
        sd_event *event = e->registry->service->event;

        /* what cannot be watched is noticed with the next look */
        (void)sd_event_add_io(event, &e->leader, e->machine->leader_fd, EPOLLIN, on_process_end, e);
        (void)sd_event_add_io(event, &e->launcher, e->machine->launcher_fd, EPOLLIN, on_process_end,
                              e);
        if (e->leader)
                (void)sd_event_source_set_priority(e->leader, PRIORITY);
        if (e->launcher)
                (void)sd_event_source_set_priority(e->launcher, PRIORITY);
}

static void emit_changes(Entry *e, char **properties)
{
        Registry *r = e->registry;

        if (r->quiet)
                return;
        r->emitting = true;
        (void)sd_bus_emit_properties_changed_strv(r->service->bus, e->path, STEAD1_MACHINE,
                                                  properties); /* as announce() */
        r->emitting = false;
}

/* The machine as it is now takes the place of what was known. */
static void entry_refresh(Entry *e)
{
        _cleanup_machine_ Machine *now = NULL;
        char *changed[12];
        bool other;

        if (machine_open(e->name, &now, NULL) < 0)
                now = NULL;
        other = e->machine && now &&
                (e->machine->launcher != now->launcher ||
                 e->machine->launcher_start != now->launcher_start);
        if (e->machine && (!now || other)) {
                entry_drop_machine(e);
                announce(e, "MachineRemoved");
        }
        if (now && e->machine) {
                if (compare(e->machine, now, changed) == 0)
                        return;
                entry_drop_machine(e);
                e->machine = TAKE_PTR(now);
                watch_processes(e);
                emit_changes(e, changed);
        } else if (now) {
                e->machine = TAKE_PTR(now);
                watch_processes(e);
                announce(e, "MachineNew");
        }
        job_table_notice(e->registry->service->jobs, e->name, e->machine);
}

static int on_process_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        entry_refresh(userdata);
        return 0;
}

static int on_files(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        entry_refresh(userdata);
        return 0;
}

static void watch_files(Entry *e)
{
        _cleanup_free_ char *path = machine_path(e->name, ".");

        if (!path || sd_event_add_inotify(e->registry->service->event, &e->files, path,
                                          IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR,
                                          on_files, e) < 0)
                return; /* gone already, or out of watches: then the next look has to do */
        (void)sd_event_source_set_priority(e->files, PRIORITY);
}

static Entry *registry_add(Registry *r, const char *name, size_t at)
{
        _cleanup_(entry_freep) Entry *e = calloc(1, sizeof(Entry));
        Entry **grown;

        if (!e)
                return NULL;
        e->registry = r;
        e->name = strdup(name);
        if (!e->name || machine_object_path(name, &e->path) < 0)
                return NULL;
        grown = reallocarray(r->entries, r->n + 1, sizeof(*grown));
        if (!grown)
                return NULL;
        r->entries = grown;
        memmove(&grown[at + 1], &grown[at], (r->n - at) * sizeof(*grown));
        r->n++;
        watch_files(e); /* before the first look, so that nothing is missed between them */
        grown[at] = TAKE_PTR(e);
        return grown[at];
}

static void registry_remove(Registry *r, size_t at)
{
        Entry *e = r->entries[at];

        r->n--;
        memmove(&r->entries[at], &r->entries[at + 1], (r->n - at) * sizeof(*r->entries));
        if (e->machine) {
                entry_drop_machine(e);
                announce(e, "MachineRemoved");
                job_table_notice(r->service->jobs, e->name, NULL);
        }
        entry_free(e);
}

static bool has_directory(const char *name)
{
        _cleanup_free_ char *path = machine_path(name, ".");

        return path && access(path, F_OK) >= 0;
}

/* Looks at one name again. NULL: there is nothing of that name. */
static Entry *registry_look(Registry *r, const char *name)
{
        bool found;
        size_t at;
        Entry *e;

        if (!machine_name_is_valid(name))
                return NULL;
        at = position(r, name, &found);
        if (!has_directory(name)) {
                if (found)
                        registry_remove(r, at);
                return NULL;
        }
        e = found ? r->entries[at] : registry_add(r, name, at);
        if (e)
                entry_refresh(e);
        return e;
}

/* Everything again: at the start, and when the kernel has dropped events. */
static void registry_scan(Registry *r)
{
        _cleanup_closedir_ DIR *d = opendir(MACHINES_DIRECTORY);

        for (struct dirent *entry; d && (entry = readdir(d));)
                if (entry->d_name[0] != '.')
                        (void)registry_look(r, entry->d_name);
        for (size_t i = r->n; i > 0; i--)
                if (!has_directory(r->entries[i - 1]->name))
                        registry_remove(r, i - 1);
}

static int registry_watch(Registry *r);

static int on_directory(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Registry *r = userdata;

        if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
                int k = registry_watch(r);

                registry_scan(r); /* what came before the new watch */
                return k;
        }
        if (event->mask & IN_Q_OVERFLOW)
                registry_scan(r);
        else if (event->len > 0 && event->name[0] != '.')
                (void)registry_look(r, event->name);
        return 0;
}

static int registry_watch(Registry *r)
{
        int k;

        r->directory = sd_event_source_disable_unref(r->directory);
        /* as the first launcher would make it */
        k = mkdir_parents_at(AT_FDCWD, MACHINES_DIRECTORY, 0755);
        if (k >= 0)
                k = sd_event_add_inotify(r->service->event, &r->directory, MACHINES_DIRECTORY,
                                         IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
                                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
                                         on_directory, r);
        if (k >= 0)
                k = sd_event_source_set_priority(r->directory, PRIORITY);
        return k;
}

int registry_new(Service *service, Registry **ret, Error *error)
{
        _cleanup_(registry_freep) Registry *r = calloc(1, sizeof(Registry));
        int k;

        if (!r)
                return error_set(error, ENOMEM, "Out of memory");
        r->service = service;
        k = registry_watch(r);
        if (k < 0)
                return error_errno(error, -k, "Failed to watch '" MACHINES_DIRECTORY "'");
        r->quiet = true;
        registry_scan(r);
        r->quiet = false;
        *ret = TAKE_PTR(r);
        return 0;
}

const Machine *registry_find(Registry *r, const char *name)
{
        Entry *e = NULL;

        if (r->emitting) {
                bool found;
                size_t at = position(r, name, &found);

                e = found ? r->entries[at] : NULL;
        } else {
                e = registry_look(r, name);
        }
        return e ? e->machine : NULL;
}

int registry_list(Registry *r, const Machine ***ret, size_t *ret_n)
{
        const Machine **list;
        size_t n = 0;

        registry_scan(r);
        list = calloc(r->n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < r->n; i++)
                if (r->entries[i]->machine)
                        list[n++] = r->entries[i]->machine;
        *ret = list;
        *ret_n = n;
        return 0;
}
