/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead set: limits of a machine, at once and if wanted for ever. */

#include "base/parse.h"
#include "base/strv.h"
#include "bus/systemd.h"
#include "bus/unit-control.h"
#include "cli/arguments.h"
#include "cli/life-systemd.h"
#include "cli/limit-place.h"
#include "cli/names.h"
#include "config/definition.h"
#include "config/drop-in.h"
#include "config/option.h"
#include "config/resource-format.h"
#include "image/state-disk.h"

#include <stdio.h>
#include <string.h>

#define DISK_MAX "DiskMax"

static const Flag flags[] = {
        { "persist", 'p', NULL, "Also write it into the definition" },
        { "runtime", 0, NULL, "Only for now (the default)" },
        { "quiet", 'q', NULL, "Do not print what was set" },
};

/* What a set consists of, and what it was before. */
typedef struct Change {
        const char *name;
        char *const *words;       /* "KEY=VALUE" */
        ResourceValues all, live; /* live: those that can change while the machine runs */
        char **before;            /* of live, in its order; "" where it is not known */
        Machine *machine;         /* NULL: it does not run */
        uint64_t disk_max;        /* 0: not to be changed */
        LimitPlace place;
} Change;

static void change_done(Change *c)
{
        resource_values_done(&c->all);
        resource_values_done(&c->live);
        strv_free(c->before);
        machine_free(c->machine);
        limit_place_done(&c->place);
}

/* A key of the definition that is none of [Resources]. */
static int refuse_option(const char *name, const char *key, Error *error)
{
        for (size_t i = 0; i < option_count; i++)
                if (option_table[i].key && strcmp(option_table[i].key, key) == 0) {
                        error_hint(error, "stead edit %s; stead apply %s", name, name);
                        return error_set(error, EINVAL,
                                         "%s= is no limit but a key of section [%s] of the "
                                         "definition",
                                         key, option_table[i].section);
                }
        return 0;
}

/* DiskMax= is no key of systemd's, and kept by the file system. */
static int assign_disk_max(Change *c, const char *value, Error *error)
{
        _cleanup_settings_ Settings *scratch = NULL;
        const Option *o = option_by_key("Resources", DISK_MAX);
        int r = *value ? settings_new(&scratch) : 0;

        if (r >= 0 && *value)
                r = o->parse(o, value, "DiskMax=", scratch, error);
        if (r < 0)
                return error_prefix(error, DISK_MAX "=%s", value);
        c->disk_max = *value ? scratch->disk_max : DISK_MAX_INFINITY;
        return 0;
}

static int assign(Change *c, const char *word, Error *error)
{
        const char *equals = strchr(word, '=');
        _cleanup_free_ char *key = strndup(word, strcspn(word, "="));
        const ResourceKey *row = key ? resource_key(key) : NULL;
        int r;

        if (!key)
                return error_set(error, ENOMEM, "Out of memory");
        if (!equals || equals == word) {
                error_hint(error, "stead set %s MemoryMax=1G", c->name);
                return error_set(error, EINVAL, "'%s' is not KEY=VALUE", word);
        }
        if (strcmp(key, DISK_MAX) == 0)
                return assign_disk_max(c, equals + 1, error);
        r = row ? 0 : refuse_option(c->name, key, error);
        if (r >= 0)
                r = resource_values_assign(&c->all, key, equals + 1, error);
        if (r < 0 && error && !error->hint)
                error_hint(error, "man systemd.resource-control");
        if (r >= 0 && !row->fixed)
                r = resource_values_assign(&c->live, key, equals + 1, error);
        return r;
}

static int refuse_fixed(const Change *c, Error *error)
{
        for (size_t i = 0; i < c->all.n; i++) {
                const ResourceKey *key = c->all.items[i].key;

                if (!key->fixed)
                        continue;
                error_hint(error, "stead set --persist %s %s=...; stead restart %s", c->name,
                           key->name, c->name);
                return error_set(error, EBUSY, "%s= cannot change while machine '%s' runs",
                                 key->name, c->name);
        }
        return 0;
}

static int text_of(const Change *c, const ResourceKey *key, char **ret)
{
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        if (limit_place_get(&c->place, key, &v, &error) >= 0)
                resource_format(&v, &text);
        *ret = buffer_steal(&text);
        return *ret ? 0 : -ENOMEM;
}

/* To systemd an empty TasksMax= is no limit; what is taken back here is what `set` has said. */
static void give_default(const Change *c, ResourceValue *v)
{
        STRV_FOREACH (w, (char **)c->words)
                if (v->key->type == RESOURCE_TASKS && strcmp(*w, "TasksMax=") == 0)
                        (void)parse_uint64(LIMIT_UNIT_TASKS_MAX, &v->number);
}

static int set_live(Change *c, Error *error)
{
        int r = limit_place_open(c->machine, &c->place, error);

        for (size_t i = 0; r >= 0 && c->place.unit && i < c->live.n; i++)
                give_default(c, &c->live.items[i]);

        for (size_t i = 0; r >= 0 && i < c->live.n; i++) {
                _cleanup_free_ char *text = NULL;

                r = text_of(c, c->live.items[i].key, &text);
                if (r >= 0)
                        r = strv_push(&c->before, text);
        }
        if (r >= 0 && c->live.n > 0)
                r = limit_place_set(&c->place, &c->live, error);
        return r < 0 ? error_errno(error, -r, "Failed to set limits of machine '%s'", c->name) : 0;
}

/* A drop-in of ours makes a definition of ours, which would hide one of systemd-nspawn's. */
static int check_definition(const char *name, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_definition_ Definition *d = NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_free_ char *tree = NULL;
        DefinitionPlace place = { .root = "", .trust = DEFINITION_TRUST_BY_PLACE };
        const char *suffix;
        int r;

        if (asprintf(&tree, TREES_DIRECTORY "/%s", name) < 0) {
                tree = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        place.tree = tree;
        r = definition_read(&place, name, &d, &diagnostics, &problem);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return error_move(error, &problem);
        suffix = d->path ? strrchr(d->path, '.') : NULL;
        if (!suffix || strcmp(suffix, ".nspawn") != 0)
                return 0;
        error_hint(error, "cp %s /etc/stead/%s.machine", d->path, name);
        return error_set(error, EEXIST,
                         "Machine '%s' is defined by '%s', which a definition of stead's would "
                         "hide",
                         name, d->path);
}

static int persist(const Change *c, Error *error)
{
        _cleanup_life_manager_ LifeManager *manager = NULL;
        _cleanup_free_ char *path = NULL, *unit = NULL;
        char *const names[] = { (char *)c->name, NULL };
        int r;

        if (drop_in_path(c->name, &path) < 0 || systemd_service_of(c->name, &unit) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = drop_in_set(path, c->words, error);
        if (r >= 0 && c->place.unit && strcmp(c->place.unit, unit) == 0)
                r = unit_forget_resources(unit, &c->live, error);
        if (r >= 0 && life_manager_open(&manager) > 0)
                r = life_manager_refresh(manager, names, error);
        return r;
}

/* What only a start can do is no failure if it is written down for that. */
static int set_disk_max(Change *c, bool for_ever, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = state_disk_change(c->name, c->disk_max, &problem);

        if (r == -EBUSY && for_ever) {
                fprintf(stderr, "%s: from the next start on.\n", problem.message);
                return 0;
        }
        return r < 0 ? error_move(error, &problem) : 0;
}

static void print_disk_max(const Change *c)
{
        char text[32];

        printf(DISK_MAX "=%s%s\n",
               c->disk_max == DISK_MAX_INFINITY ? "infinity"
                                                : size_to_string(c->disk_max, text, sizeof(text)),
               c->machine ? "" : " (from the next start on)");
}

static void print_change(const Change *c, size_t i)
{
        const ResourceKey *key = c->all.items[i].key;
        _cleanup_free_ char *now = NULL;
        _cleanup_buffer_ Buffer told = BUFFER_NULL;

        for (size_t k = 0; c->machine && k < c->live.n; k++) {
                const char *before = c->before[k];

                if (c->live.items[k].key != key || text_of(c, key, &now) < 0)
                        continue;
                printf("%s=%s", key->name, now);
                if (strcmp(before, now) != 0)
                        printf(" (was %s)", *before ? before : "empty");
                printf("\n");
                return;
        }
        resource_format(&c->all.items[i], &told);
        printf("%s=%s (from the next start on)\n", key->name, told.data ?: "");
}

static void warn_of_no_effect(const Change *c)
{
        for (size_t i = 0; c->machine && i < c->live.n; i++) {
                const ResourceKey *key = c->live.items[i].key;

                if (!limit_place_has_effect(&c->place, key))
                        fprintf(stderr,
                                "%s= has no effect: this host has no cgroup controller '%.*s'.\n",
                                key->name, (int)strcspn(key->file, "."), key->file);
        }
}

static int set(Change *c, const Arguments *a, Error *error)
{
        bool for_ever = arguments_has(a, "persist");
        int r = 0;

        for (char *const *w = c->words; r >= 0 && *w; w++)
                r = assign(c, *w, error);
        if (r >= 0)
                r = machine_open(c->name, &c->machine, error);
        if (r == -ENXIO && for_ever) {
                error_done(error);
                r = 0;
        } else if (r == -ENXIO) {
                error_hint(error, "stead set --persist %s %s", c->name, c->words[0]);
        }
        if (r >= 0)
                r = for_ever ? check_definition(c->name, error) : refuse_fixed(c, error);
        /* first, since the others are not refused for what is on a disk */
        if (r >= 0 && c->machine && c->disk_max > 0)
                r = set_disk_max(c, for_ever, error);
        if (r >= 0 && c->machine)
                r = set_live(c, error);
        if (r >= 0 && for_ever)
                r = persist(c, error);
        return r;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_(change_done) Change c = { .name = a->words[0],
                                            .words = a->words + 1,
                                            .place = LIMIT_PLACE_NULL };
        int r = names_check(NAMES_ALL, c.name, error);

        if (arguments_has(a, "persist") && arguments_has(a, "runtime"))
                return arguments_usage(a->verb, error,
                                       "--persist and --runtime exclude each other");
        if (r >= 0)
                r = set(&c, a, error);
        if (r < 0)
                return r;
        if (!arguments_has(a, "quiet") && c.disk_max > 0)
                print_disk_max(&c);
        for (size_t i = 0; !arguments_has(a, "quiet") && i < c.all.n; i++)
                print_change(&c, i);
        warn_of_no_effect(&c);
        return EXIT_SUCCESS;
}

const Verb verb_set = {
        .name = "set",
        .operands = "NAME KEY=VALUE...",
        .help = "Change limits of a machine while it runs",
        .text = "Keys are DiskMax= and those of systemd.resource-control(5), such as MemoryMax=1G; "
                "an empty "
                "value takes\na limit back. With --persist also for later starts, and for a "
                "machine that does not run.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
