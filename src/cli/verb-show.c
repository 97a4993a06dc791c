/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead show: KEY=VALUE for scripts. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "cli/properties.h"
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "property", 'p', "KEY", "Only this one; may be repeated, or KEY,KEY" },
        { "value", 0, NULL, "Print values without keys" },
        { "json", 0, NULL, "Print a JSON array" },
};

static int chosen_keys(const Arguments *a, char ***ret, Error *error)
{
        _cleanup_strv_ char **given = NULL, **keys = NULL;

        if (arguments_values(a, "property", &given) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        STRV_FOREACH (g, given) {
                _cleanup_strv_ char **words = NULL;

                if (strv_split(*g, ",", &words) < 0 || strv_extend(&keys, words) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        }
        STRV_FOREACH (k, keys)
                if (!property_find(*k)) {
                        const Property *p = property_nearest(*k);

                        return arguments_usage(a->verb, error, "There is no property '%s'%s%s%s",
                                               *k, p ? "; did you mean '" : "", p ? p->key : "",
                                               p ? "'?" : "");
                }
        *ret = TAKE_PTR(keys);
        return 0;
}

/* What takes time is found out only for those who ask. */
static void load_asked(Overview *o, char *const *keys)
{
        Overviews list = { .items = o, .n = 1 };

        if (strv_contains(keys, "CPUPercent"))
                overviews_measure(&list);
        if (strv_contains(keys, "SystemState") || strv_contains(keys, "FailedUnits"))
                overview_load_health(o);
}

static int print_one(const Overview *o, char *const *keys, bool value_only)
{
        for (size_t i = 0; i < property_count; i++) {
                const Property *p = &property_table[i];
                _cleanup_free_ char *text = NULL;
                json_t *value;

                if (keys && !strv_contains(keys, p->key))
                        continue;
                value = p->get(o);
                if (!value && !keys)
                        continue;
                text = value ? property_to_string(value) : strdup("");
                json_decref(value);
                if (!text)
                        return -ENOMEM;
                printf("%s%s%s\n", value_only ? "" : p->key, value_only ? "" : "=", text);
        }
        return 0;
}

static json_t *one_json(const Overview *o, char *const *keys)
{
        json_t *all = properties_to_json(o), *some;

        if (!keys || !all)
                return all;
        some = json_object();
        for (; *keys; keys++)
                (void)json_object_set_new(some, *keys,
                                          json_incref(json_object_get(all, *keys)) ?: json_null());
        json_decref(all);
        return some;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL, **keys = NULL;
        json_t *array = arguments_has(a, "json") ? json_array() : NULL;
        bool first = true;
        int r = chosen_keys(a, &keys, error);

        if (r >= 0)
                r = names_select(NAMES_ALL, a->words, &names, error);
        for (char **n = names; r >= 0 && *n; n++, first = false) {
                _cleanup_overview_ Overview o = OVERVIEW_NULL;

                r = overview_load(*n, &o);
                if (r < 0)
                        break;
                load_asked(&o, keys);
                if (array) {
                        r = json_array_append_new(array, one_json(&o, keys)) < 0 ? -ENOMEM : 0;
                        continue;
                }
                if (!first)
                        putchar('\n');
                r = print_one(&o, keys, arguments_has(a, "value"));
        }
        if (array && r >= 0)
                r = json_print_take(json_incref(array));
        json_decref(array);
        if (r < 0 && r != VERB_USAGE)
                return error_errno(error, -r, "Failed to show machines");
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_show = {
        .name = "show",
        .operands = "NAME...",
        .help = "Show what is known about machines, as KEY=VALUE",
        .group = VERB_GROUP_LOOK,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
