/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Installed packages by name and architecture, merged like two sorted lists. */

#include "cli/layered-packages.h"

#include "stack/debian-version.h"
#include "stack/stanza.h"

#include <string.h>

typedef struct Package {
        char *name, *version;
} Package;

typedef struct Packages {
        Package *items;
        size_t n;
} Packages;

static void packages_done(Packages *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free(p->items[i].name);
                free(p->items[i].version);
        }
        free(p->items);
        *p = (Packages){};
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const Package *)a)->name, ((const Package *)b)->name);
}

/* "install ok installed", also while its configuration is not done: its files are there. */
static bool is_there(const char *status)
{
        const char *last = status ? strrchr(status, ' ') : NULL;

        return last && strcmp(last, " config-files") != 0 && strcmp(last, " not-installed") != 0;
}

static int read_packages(const char *text, Packages *p)
{
        const char *stanza;
        size_t size;

        while ((size = stanza_next(&text, &stanza)) > 0) {
                _cleanup_free_ char *name = stanza_value(stanza, size, "Package"),
                                    *version = stanza_value(stanza, size, "Version"),
                                    *status = stanza_value(stanza, size, "Status");
                Package *grown;

                if (!name || !version || !is_there(status))
                        continue;
                grown = reallocarray(p->items, p->n + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                p->items = grown;
                grown[p->n++] = (Package){ TAKE_PTR(name), TAKE_PTR(version) };
        }
        if (p->n > 0)
                qsort(p->items, p->n, sizeof(*p->items), compare_names);
        return 0;
}

static int add(Drift *d, const Package *before, const Package *after)
{
        PackageChange *grown = reallocarray(d->packages, d->n_packages + 1, sizeof(*grown)), c = {};

        if (!grown)
                return -ENOMEM;
        d->packages = grown;
        c.name = strdup(before ? before->name : after->name);
        c.before = before ? strdup(before->version) : NULL;
        c.after = after ? strdup(after->version) : NULL;
        c.kind = !before                                                  ? PACKAGE_ADDED
                 : !after                                                 ? PACKAGE_REMOVED
                 : debian_version_compare(before->version, after->version) < 0 ? PACKAGE_UPGRADED
                                                                          : PACKAGE_DOWNGRADED;
        grown[d->n_packages++] = c;
        return c.name && (!before || c.before) && (!after || c.after) ? 0 : -ENOMEM;
}

int layered_packages_compare(const char *before, const char *after, Drift *d, Error *error)
{
        _cleanup_(packages_done) Packages a = {}, b = {};
        size_t i = 0, k = 0;
        int r = read_packages(before, &a);

        if (r >= 0)
                r = read_packages(after, &b);
        while (r >= 0 && (i < a.n || k < b.n)) {
                int order = i == a.n ? 1 : k == b.n ? -1 : compare_names(&a.items[i], &b.items[k]);

                if (order < 0)
                        r = add(d, &a.items[i++], NULL);
                else if (order > 0)
                        r = add(d, NULL, &b.items[k++]);
                else {
                        if (strcmp(a.items[i].version, b.items[k].version) != 0)
                                r = add(d, &a.items[i], &b.items[k]);
                        i++;
                        k++;
                }
        }
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}
