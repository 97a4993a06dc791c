/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Environment, definition and command line brought together into the Settings of one launch. */

#include "config/launch-settings.h"

#include "config/command-line.h"
#include "config/later-option.h"
#include "config/nspawn.h"
#include "config/resource-lines.h"

#include <string.h>

/* Where a .nspawn file beside the tree would be looked for. */
static int tree_path(const Settings *s, char **ret)
{
        const char *path = s->directory ?: s->image ?: s->template_path;

        if (!path && asprintf(ret, "/var/lib/machines/%s", s->machine ?: "") < 0)
                return -ENOMEM;
        if (path)
                *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

/* Where nothing says which tree is meant, it is the one that we stand in. */
static int use_current_directory(Assignments *command, Error *error)
{
        static const char *const names[] = { "directory", "image", "machine", "template",
                                             "layers" };
        _cleanup_free_ char *here = NULL;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (assignments_find(command, option_by_name(names[i])))
                        return 0;
        here = getcwd(NULL, 0);
        if (!here)
                return error_errno(error, errno, "Failed to find the current directory");
        return assignments_add(command, option_by_name("directory"), here, "the current directory",
                               true);
}

/* Reads the definition that the command line alone points to. */
static int load_definition(const char *root, const Settings *s, Definition **ret,
                           Diagnostics *diagnostics, Error *error)
{
        _cleanup_free_ char *name = NULL, *tree = NULL;
        DefinitionTrust trust = s->settings_mode == SETTINGS_TRUSTED ? DEFINITION_TRUST_ALL
                                                                     : DEFINITION_TRUST_BY_PLACE;
        int r = tree_path(s, &tree);

        if (r >= 0 && s->machine) {
                name = strdup(s->machine);
                r = name ? 0 : -ENOMEM;
        } else if (r >= 0 && (s->image ? machine_name_from_image(tree, &name)
                                       : machine_name_from_path(tree, &name)) < 0) {
                return 0; /* no name, no definition; the plan will ask for a name */
        }
        if (r >= 0)
                r = definition_load(root, name, tree, trust, ret, diagnostics, error);
        if (r == -ENOENT) {
                error_done(error);
                return 0;
        }
        return r;
}

/* Of a single value only the last one, and an empty one not at all: it takes back what the
 * definition said before, not what the command line says. */
static int append_copy(Assignments *to, const Assignments *from)
{
        size_t last[SETTINGS_OPTIONS_MAX] = {};

        for (size_t i = 0; i < from->n; i++)
                last[option_index(from->items[i].option)] = i;
        for (size_t i = 0; i < from->n; i++) {
                const Assignment *item = &from->items[i];
                bool empty = item->value && *item->value == '\0';
                bool counts =
                        item->option->list || (i == last[option_index(item->option)] && !empty);
                int r = counts ? assignments_add(to, item->option, item->value, item->origin,
                                                 item->trusted)
                               : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static bool says(const Assignments *a, const char *name)
{
        const Assignment *item = assignments_find(a, option_by_name(name));

        return item && (!item->value || parse_boolean(item->value) > 0);
}

/* Init, stub and command are one decision: where the definition wins and does not want the init
 * that a unit's command line asks for (--boot), it takes it whole. A command does not tell when it
 * is ready either, unless the definition says so. */
static void yield_start(const Assignments *definition, Assignments *command)
{
        static const char *const names[] = { "boot", "as-pid2", "notify-ready" };

        if (!says(definition, "as-pid2") &&
            (says(definition, "boot") || !assignments_find(definition, option_by_name("boot"))))
                return;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assignments_remove(command, option_by_name(names[i]));
}

static int merge(const Settings *told, Assignments *command, const Definition *definition,
                 Assignments *all)
{
        bool override = told->settings_mode == SETTINGS_OVERRIDE;
        int r;

        if (override && definition)
                yield_start(&definition->assignments, command);
        r = override ? assignments_append_take(all, command) : 0;
        if (r >= 0 && definition)
                r = append_copy(all, &definition->assignments);
        return r >= 0 && !override ? assignments_append_take(all, command) : r;
}

void launch_settings_done(LaunchSettings *l)
{
        settings_free(l->settings);
        definition_free(l->definition);
        assignments_done(&l->all);
        diagnostics_done(&l->diagnostics);
        *l = LAUNCH_SETTINGS_NULL;
}

int launch_settings_read(const char *root, int argc, char **argv, char *const *environment,
                         LaunchSettings *ret, Error *error)
{
        _cleanup_assignments_ Assignments command = ASSIGNMENTS_NULL, all = ASSIGNMENTS_NULL;
        _cleanup_assignments_ Assignments variables = ASSIGNMENTS_NULL;
        _cleanup_settings_ Settings *told = NULL, *settings = NULL;
        _cleanup_definition_ Definition *definition = NULL;
        int r = command_line_parse(argc, argv, &command, error);

        if (r != 0)
                return r;
        r = use_current_directory(&command, error);
        if (r >= 0 && nspawn_is_meant(argv[0]))
                r = nspawn_defaults(&all);
        if (r >= 0)
                r = command_line_environment(environment, &variables, error);
        if (r >= 0)
                r = assignments_append_take(&all, &variables);
        if (r >= 0)
                r = settings_from_assignments(&command, &told, error);
        if (r >= 0 && told->settings_mode != SETTINGS_NO)
                r = load_definition(root, told, &definition, &ret->diagnostics, error);
        if (r < 0)
                return r;
        r = merge(told, &command, definition, &all);
        if (r >= 0)
                r = settings_from_assignments(&all, &settings, error);
        if (r >= 0)
                r = later_refuse(&all, error);
        if (r >= 0 && definition)
                r = resource_lines(definition, &settings->resources);
        if (r < 0)
                return r;
        settings->as_nspawn = nspawn_is_meant(argv[0]);
        ret->all = all;
        all = ASSIGNMENTS_NULL;
        ret->definition = TAKE_PTR(definition);
        ret->settings = TAKE_PTR(settings);
        return 0;
}
