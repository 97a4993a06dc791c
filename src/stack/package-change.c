/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stack/package-change.h"

#include "base/cleanup.h"
#include "stack/debian-version.h"
#include "stack/stanza.h"

#include <stdlib.h>
#include <string.h>

/* An installed package. */
typedef struct Package {
        char *name, *version;
} Package;

typedef struct Packages {
        Package *list;
        size_t n, allocated;
} Packages;

static void packages_done(Packages *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free(p->list[i].name);
                free(p->list[i].version);
        }
        free(p->list);
        *p = (Packages){};
}

void package_changes_done(PackageChanges *c)
{
        for (size_t i = 0; i < c->n; i++) {
                free(c->items[i].name);
                free(c->items[i].before);
                free(c->items[i].after);
        }
        free(c->items);
        *c = PACKAGE_CHANGES_NULL;
}

static bool is_installed(const char *stanza, size_t size)
{
        static const char state[] = " installed";
        StanzaField status;

        return stanza_find(stanza, size, "Status", &status) && status.value_size >= sizeof(state) &&
               memcmp(status.value + status.value_size - (sizeof(state) - 1), state,
                      sizeof(state) - 1) == 0;
}

static int add_package(Packages *p, const char *stanza, size_t size)
{
        Package new = { stanza_value(stanza, size, "Package"),
                        stanza_value(stanza, size, "Version") };

        if (p->n == p->allocated) {
                Package *grown = reallocarray(p->list, p->allocated + 256, sizeof(Package));

                if (grown) {
                        p->list = grown;
                        p->allocated += 256;
                }
        }
        if (!new.name || !new.version || p->n == p->allocated) {
                free(new.name);
                free(new.version);
                return new.name &&new.version ? -ENOMEM : 0; /* a stanza of nothing */
        }
        p->list[p->n++] = new;
        return 0;
}

static int compare_packages(const void *a, const void *b)
{
        const Package *x = a, *y = b;

        return strcmp(x->name, y->name) ?: debian_version_compare(x->version, y->version);
}

static int read_packages(const char *text, Packages *ret)
{
        const char *stanza;
        size_t size;

        while (text && (size = stanza_next(&text, &stanza)) > 0)
                if (is_installed(stanza, size) && add_package(ret, stanza, size) < 0)
                        return -ENOMEM;
        if (ret->n > 0)
                qsort(ret->list, ret->n, sizeof(Package), compare_packages);
        return 0;
}

/* NULL for what is only on the other side. */
static int add_change(PackageChanges *c, const Package *before, const Package *after)
{
        PackageChange *grown = reallocarray(c->items, c->n + 1, sizeof(PackageChange)), *new;

        if (!grown)
                return -ENOMEM;
        c->items = grown;
        new = &grown[c->n];
        *new = (PackageChange){ .kind = after ? PACKAGE_ADDED : PACKAGE_REMOVED };
        if (before && after)
                new->kind = debian_version_compare(before->version, after->version) < 0
                                    ? PACKAGE_UPGRADED
                                    : PACKAGE_DOWNGRADED;
        new->name = strdup((after ?: before)->name);
        new->before = before ? strdup(before->version) : NULL;
        new->after = after ? strdup(after->version) : NULL;
        c->n++; /* all that it has got is freed with the rest */
        return !new->name || (before && !new->before) || (after && !new->after) ? -ENOMEM : 0;
}

int package_changes_find(const char *before_text, const char *after_text, PackageChanges *ret)
{
        _cleanup_(packages_done) Packages before = {}, after = {};
        _cleanup_package_changes_ PackageChanges c = PACKAGE_CHANGES_NULL;
        int r = read_packages(before_text, &before);
        size_t i = 0, k = 0;

        if (r >= 0)
                r = read_packages(after_text, &after);
        while (r >= 0 && (i < before.n || k < after.n)) {
                const Package *x = i < before.n ? &before.list[i] : NULL,
                              *y = k < after.n ? &after.list[k] : NULL;
                int order = !x ? 1 : !y ? -1 : strcmp(x->name, y->name);

                if (order != 0)
                        r = add_change(&c, order < 0 ? x : NULL, order < 0 ? NULL : y);
                else if (strcmp(x->version, y->version) != 0)
                        r = add_change(&c, x, y);
                i += order <= 0;
                k += order >= 0;
        }
        if (r < 0)
                return r;
        *ret = c;
        c = PACKAGE_CHANGES_NULL;
        return 0;
}
