/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collecting facts about a machine. */

#include "cli/overview.h"

#include "base/fd.h"
#include "base/strv.h"
#include "cli/names.h"
#include "cli/net-list.h"
#include "config/definition.h"
#include "machine/addresses.h"
#include "os/clock.h"
#include "os/path.h"
#include "stack/stack.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MEASURE_USEC (USEC_PER_SEC / 10)

void overview_done(Overview *o)
{
        free(o->name);
        o->machine = machine_free(o->machine);
        free(o->root);
        free(o->definition);
        free(o->os);
        free(o->os_id);
        free(o->os_version);
        health_done(&o->health);
        o->addresses = strv_free(o->addresses);
        o->links = strv_free(o->links);
        o->ports = strv_free(o->ports);
        *o = OVERVIEW_NULL;
}

const char *overview_state(const Overview *o)
{
        return o->machine ? machine_state_to_string(o->machine->state) : "stopped";
}

/* The value of KEY= in os-release's shell-like syntax. */
static char *os_release_value(const char *text, const char *key)
{
        size_t n = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                _cleanup_free_ char *value = NULL;
                _cleanup_strv_ char **words = NULL;

                line += *line == '\n';
                if (strncmp(line, key, n) != 0 || line[n] != '=')
                        continue;
                value = strndup(line + n + 1, strcspn(line + n + 1, "\n"));
                if (!value || strv_split_quoted(value, &words) < 0 || !words)
                        return NULL;
                return strdup(words[0]);
        }
        return NULL;
}

static void load_os(Overview *o)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        char live[64];

        if (o->machine) /* what it sees, not what lies below an overlay */
                (void)snprintf(live, sizeof(live), "/proc/%d/root", (int)o->machine->leader);
        else if (!o->root)
                return;
        fd = open(o->machine ? live : o->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (o->layered && !o->machine
                    ? stack_read_os_release(o->name, &text) < 0
                    : fd < 0 || (path_read(fd, "/etc/os-release", 65536, &text) < 0 &&
                                 path_read(fd, "/usr/lib/os-release", 65536, &text) < 0))
                return;
        o->os = os_release_value(text, "PRETTY_NAME") ?: os_release_value(text, "NAME");
        o->os_id = os_release_value(text, "ID");
        o->os_version = os_release_value(text, "VERSION_ID");
}

/* Where the tree or disk image of a machine that does not run is: as its definition says, or in its
 * usual place. What is in an image is not read as long as no machine does: nothing is mounted on
 * the host. */
static int load_definition(Overview *o)
{
        _cleanup_definition_ Definition *d = NULL;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_free_ char *place = NULL;

        if (definition_load("", o->name, NULL, DEFINITION_TRUST_BY_PLACE, &d, &diagnostics, NULL) >=
            0) {
                const char *path = d->path ?: d->files ? d->files[0] : NULL;

                o->definition = path ? strdup(path) : NULL;
                for (size_t i = 0; i < d->assignments.n; i++) {
                        const Assignment *a = &d->assignments.items[i];

                        if (!a->option->key || !a->value || !*a->value)
                                continue;
                        if (strcmp(a->option->key, "Layers") == 0)
                                o->layered = true;
                        if (strcmp(a->option->key, "Directory") != 0 &&
                            strcmp(a->option->key, "Image") != 0)
                                continue;
                        free(o->root);
                        o->root = strdup(a->value);
                }
        }
        if (o->root)
                return 0;
        if (o->layered)
                return asprintf(&o->root, "%s/%s", stack_states(), o->name) < 0 ? -ENOMEM : 0;
        if (asprintf(&place, TREES_DIRECTORY "/%s", o->name) < 0) {
                place = NULL;
                return -ENOMEM;
        }
        if (access(place, F_OK) >= 0)
                o->root = TAKE_PTR(place);
        return o->root ? 0 : MIN_OF(names_find_disk(o->name, &o->root), 0);
}

int overview_load(const char *name, Overview *ret)
{
        _cleanup_overview_ Overview o = OVERVIEW_NULL;
        int r;

        o.name = strdup(name);
        if (!o.name)
                return -ENOMEM;
        if (machine_open(name, &o.machine, NULL) >= 0 && o.machine->root) {
                o.root = strdup(o.machine->root);
                if (!o.root)
                        return -ENOMEM;
        }
        r = load_definition(&o);
        if (r < 0)
                return r;
        load_os(&o);
        if (o.machine) {
                usage_read(o.machine, &o.usage);
                (void)addresses_of(o.machine, &o.addresses); /* none is shown */
                net_describe(o.machine, &o.network, &o.links, &o.ports);
        }
        *ret = o;
        o = OVERVIEW_NULL;
        return 0;
}

void overview_load_health(Overview *o)
{
        if (o->machine)
                health_load(o->machine, &o->health);
}

void overviews_done(Overviews *list)
{
        for (size_t i = 0; i < list->n; i++)
                overview_done(&list->items[i]);
        free(list->items);
        *list = OVERVIEWS_NULL;
}

int overviews_load(char *const *names, Overviews *ret)
{
        _cleanup_overviews_ Overviews list = OVERVIEWS_NULL;

        list.items = calloc(strv_length(names) + 1, sizeof(Overview));
        if (!list.items)
                return -ENOMEM;
        for (char *const *n = names; n && *n; n++, list.n++) {
                int r = overview_load(*n, &list.items[list.n]);

                if (r < 0)
                        return r;
        }
        *ret = list;
        list = OVERVIEWS_NULL;
        return 0;
}

/* The first reading, then what else there was to find out, then the rest of the time. */
void overviews_measure(Overviews *list)
{
        uint64_t begin = USEC_INFINITY, now = clock_now_usec();

        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].machine)
                        begin = MIN_OF(begin, list->items[i].usage.taken_usec);
        if (begin == USEC_INFINITY)
                return; /* none runs */
        if (now < begin + MEASURE_USEC)
                (void)usleep((useconds_t)(begin + MEASURE_USEC - now));
        for (size_t i = 0; i < list->n; i++) {
                Overview *o = &list->items[i];
                Usage before = o->usage;

                if (!o->machine)
                        continue;
                usage_read(o->machine, &o->usage);
                o->cpu_percent = usage_cpu_percent(&before, &o->usage);
        }
}
