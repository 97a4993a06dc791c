/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead cat: the definition in force, each value with the place that it comes from. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/color.h"
#include "cli/definition-view.h"
#include "cli/names.h"
#include "cli/table.h"
#include "config/definition.h"

#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { "SECTION", "section", false },
        { "KEY", "key", false },
        { "VALUE", "value", false },
        { "ORIGIN", "origin", false },
};

static int print_json(const DefinitionView *view)
{
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));

        for (size_t i = 0; i < view->n; i++) {
                table_add(t, view->lines[i].section, NULL);
                table_add(t, view->lines[i].key, NULL);
                table_add(t, view->lines[i].value ?: "", NULL);
                table_add(t, view->lines[i].origin, NULL);
        }
        return table_print(t, true);
}

/* As a definition that could be read again: origins are comments of their own column. */
static void print_text(const DefinitionView *view)
{
        const char *section = "";
        int width = 0;

        for (size_t i = 0; i < view->n; i++) {
                const ViewLine *l = &view->lines[i];

                width = MAX_OF(width, (int)(strlen(l->key) + strlen(l->value) + 1));
        }
        width = MIN_OF(width, 60);
        for (size_t i = 0; i < view->n; i++) {
                const ViewLine *l = &view->lines[i];
                int used = (int)(strlen(l->key) + strlen(l->value) + 1);

                if (strcmp(section, l->section) != 0)
                        printf("%s%s[%s]%s\n", i > 0 ? "\n" : "", color_on(stdout, COLOR_BOLD),
                               l->section, color_off(stdout, COLOR_BOLD));
                section = l->section;
                printf("%s=%s%*s  %s# %s%s\n", l->key, l->value, MAX_OF(width - used, 0), "",
                       color_on(stdout, COLOR_FAINT), l->origin, color_off(stdout, COLOR_FAINT));
        }
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_definition_ Definition *d = NULL;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_(definition_view_done) DefinitionView view = DEFINITION_VIEW_NULL;
        const char *name = a->words[0];
        int r = names_check(NAMES_ALL, name, error);

        if (r < 0)
                return r;
        r = definition_load("", name, NULL, DEFINITION_TRUST_BY_PLACE, &d, &diagnostics, error);
        diagnostics_print(&diagnostics, stderr);
        if (r == -ENOENT) {
                error_hint(error, "stead edit %s", name);
                return error_set(error, ENOENT, "Machine '%s' has no definition: defaults apply",
                                 name);
        }
        if (r >= 0)
                r = definition_view(d, &view);
        if (r < 0) {
                error_hint(error, "stead edit %s", name);
                return error_errno(error, -r, "Failed to read the definition of '%s'", name);
        }
        if (arguments_has(a, "json"))
                return print_json(&view) < 0 ? error_set(error, ENOMEM, "Out of memory")
                                             : EXIT_SUCCESS;
        print_text(&view);
        return EXIT_SUCCESS;
}

const Verb verb_cat = {
        .name = "cat",
        .operands = "NAME",
        .help = "Show the definition in force, with the origin of each value",
        .text = "Main file and drop-ins merged key by key: what was overridden is not shown.",
        .group = VERB_GROUP_DEFINITION,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .for_everyone = true,
        .run = run,
};
