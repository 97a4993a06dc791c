/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of what is known but not acted upon. Where the option table has a row for it, the value
 * is checked and printed all the same, and a start refused; when its row leaves this file, it is
 * acted upon. */

#include "config/later-option.h"

#include "base/parse.h"
#include "base/strv.h"

#include <string.h>

static const char *const options[] = {
        "oci-bundle",
        "root-hash-sig",
        "share-system",
        "bind-user-shell",
};

static const LaterKey keys[] = {
        { "Image", "OCI" },
};

bool later_option(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (strcmp(options[i], name) == 0)
                        return true;
        return false;
}

const LaterKey *later_key(const char *section, const char *key)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].key, key) == 0)
                        return &keys[i];
        return NULL;
}

/* Whether @item asks for what is not done yet. "VirtualEthernet=no" asks for what is the case; of
 * the environment only MACAddress= comes, which says nothing without a link. */
static bool asks_for_later(const Assignments *a, size_t i)
{
        const Assignment *item = &a->items[i];
        const Option *o = item->option;

        if (!o->key || !later_key(o->section, o->key) || item->origin[0] == '$' ||
            (item->value && !*item->value) || !assignments_is_in_force(a, i))
                return false;
        return o->metavar || !item->value || parse_boolean(item->value) > 0;
}

static int refuse(const Assignment *item, Error *error)
{
        bool command = item->origin[0] == '-';
        int r = command ? error_set(error, EOPNOTSUPP, "Option %s is not supported by this version",
                                    item->origin)
                        : error_set(error, EOPNOTSUPP, "%s= is not supported by this version",
                                    item->option->key);

        if (command)
                error_hint(error, "stead-launch --help");
        return r;
}

int later_refuse(const Assignments *a, Error *error)
{
        for (size_t i = 0; i < a->n; i++) {
                int r;

                if (!asks_for_later(a, i))
                        continue;
                r = refuse(&a->items[i], error);
                return a->items[i].origin[0] == '-' ? r
                                                    : error_prefix(error, "%s", a->items[i].origin);
        }
        return 0;
}

size_t later_count(const Assignments *a)
{
        size_t n = 0;

        for (size_t i = 0; i < a->n; i++)
                n += asks_for_later(a, i);
        return n;
}

int later_diagnose(const Assignments *a, Diagnostics *diagnostics)
{
        for (size_t i = 0; i < a->n; i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                int r;

                if (!asks_for_later(a, i))
                        continue;
                (void)refuse(&a->items[i], &error);
                r = diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, a->items[i].origin, &error);
                if (r < 0)
                        return r;
        }
        return 0;
}
