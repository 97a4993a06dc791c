/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which packages move: dpkg's database as the machine saw it and as it will see it. */

#include "stack/merge-parts.h"

#include "stack/debian-version.h"
#include "stack/stanza.h"

#include "base/strv.h"

#include <fnmatch.h>
#include <string.h>

#define STATUS "/var/lib/dpkg/status"

typedef struct Package {
        char *name, *version;
} Package;

typedef struct Packages {
        Package *list; /* sorted by name */
        size_t n;
} Packages;

static void packages_done(Packages *p)
{
        for (size_t i = 0; i < p->n; i++) {
                free(p->list[i].name);
                free(p->list[i].version);
        }
        free(p->list);
}

static int compare_package(const void *a, const void *b)
{
        return strcmp(((const Package *)a)->name, ((const Package *)b)->name);
}

/* Files of the package are there: not only its configuration, or nothing. */
static bool is_installed(const char *stanza, size_t size)
{
        StanzaField status;

        if (!stanza_find(stanza, size, "Status", &status))
                return false;
        return !memmem(status.value, status.value_size, "not-installed", 13) &&
               !memmem(status.value, status.value_size, "config-files", 12);
}

static int packages_read(const char *text, Packages *ret)
{
        const char *stanza;
        size_t size, allocated = 0;

        while (text && (size = stanza_next(&text, &stanza)) > 0) {
                Package p;

                if (!is_installed(stanza, size))
                        continue;
                if (ret->n == allocated) {
                        Package *grown;

                        allocated = MAX_OF(2 * allocated, (size_t)128);
                        grown = reallocarray(ret->list, allocated, sizeof(*grown));
                        if (!grown)
                                return -ENOMEM;
                        ret->list = grown;
                }
                p.name = stanza_value(stanza, size, "Package");
                p.version = stanza_value(stanza, size, "Version");
                ret->list[ret->n++] = p; /* also a half one, so that it is freed */
                if (!p.name || !p.version)
                        return -ENOMEM;
        }
        if (ret->n > 0)
                qsort(ret->list, ret->n, sizeof(Package), compare_package);
        return 0;
}

static int add_change(Drift *d, const Package *before, const Package *after)
{
        PackageChange *grown = reallocarray(d->packages, d->n_packages + 1, sizeof(*grown));
        PackageChange *c;
        int order;

        if (!grown)
                return -ENOMEM;
        d->packages = grown;
        c = grown + d->n_packages++;
        order = debian_version_compare(before ? before->version : NULL,
                                       after ? after->version : NULL);
        *c = (PackageChange){
                .kind = !before     ? PACKAGE_ADDED
                        : !after    ? PACKAGE_REMOVED
                        : order < 0 ? PACKAGE_UPGRADED
                                    : PACKAGE_DOWNGRADED,
                .name = strdup((after ?: before)->name),
                .before = before ? strdup(before->version) : NULL,
                .after = after ? strdup(after->version) : NULL,
        };
        return c->name && (!before || c->before) && (!after || c->after) ? 0 : -ENOMEM;
}

/* Two sorted lists. A name that is there twice (two architectures) pairs off in its order. */
static int compare_packages(Drift *d, const Packages *before, const Packages *after)
{
        size_t i = 0, j = 0;
        int r = 0;

        while (r >= 0 && (i < before->n || j < after->n)) {
                const Package *b = i < before->n ? before->list + i : NULL,
                              *a = j < after->n ? after->list + j : NULL;
                int order = !b ? 1 : !a ? -1 : strcmp(b->name, a->name);

                i += order <= 0;
                j += order >= 0;
                if (order == 0 && strcmp(b->version, a->version) == 0)
                        continue;
                r = add_change(d, order <= 0 ? b : NULL, order >= 0 ? a : NULL);
        }
        return r;
}

/* The changes that one of apt's lists of a security archive has. */
static int mark_listed(Drift *d, const char *text)
{
        const char *stanza;
        size_t size;

        while ((size = stanza_next(&text, &stanza)) > 0) {
                StanzaField name, version;

                if (!stanza_find(stanza, size, "Package", &name) ||
                    !stanza_find(stanza, size, "Version", &version))
                        continue;
                for (size_t i = 0; i < d->n_packages; i++) {
                        PackageChange *c = d->packages + i;

                        if (c->after && strlen(c->name) == name.value_size &&
                            strncmp(c->name, name.value, name.value_size) == 0 &&
                            strlen(c->after) == version.value_size &&
                            strncmp(c->after, version.value, version.value_size) == 0)
                                c->security = true;
                }
        }
        return 0;
}

/* apt's lists, where the machine has some; else by the mark of an update of a stable release. */
static int mark_security(Merge *m, Drift *d)
{
        bool listed = false;

        for (size_t i = 0; i < m->upper.n && d->n_packages > 0; i++) {
                const char *path = m->upper.entries[i].path;
                _cleanup_free_ char *text = NULL;
                Side s;
                size_t size;
                int r;

                if (fnmatch("/var/lib/apt/lists/*ecurity*_Packages", path, 0) != 0)
                        continue;
                s = merge_seen(m, true, path);
                r = merge_read_text(m, &s, &text, &size);
                if (r >= 0 && text)
                        r = mark_listed(d, text);
                if (r < 0)
                        return r;
                listed = true;
        }
        for (size_t i = 0; i < d->n_packages && !listed; i++)
                d->packages[i].security = d->packages[i].kind == PACKAGE_UPGRADED &&
                                          debian_version_is_stable_update(d->packages[i].after);
        return 0;
}

/* The upper layer's own database, if it has one, hides that of the stack before. */
static Side status_before(const Merge *m)
{
        const Entry *upper = manifest_find(&m->upper, STATUS);

        if (!upper)
                return merge_side(&m->before, STATUS);
        return merge_side(&m->seen, STATUS);
}

int drift_packages(Merge *m, Drift *ret)
{
        _cleanup_(packages_done) Packages before = {}, after = {};
        _cleanup_free_ char *old = NULL, *new = NULL;
        Side b = status_before(m), a = merge_seen(m, true, STATUS);
        size_t size;
        int r;

        if (!m->request->before)
                return 0;
        r = merge_read_text(m, &b, &old, &size);
        if (r >= 0)
                r = merge_read_text(m, &a, &new, &size);
        if (r >= 0)
                r = packages_read(old, &before);
        if (r >= 0)
                r = packages_read(new, &after);
        if (r >= 0)
                r = compare_packages(ret, &before, &after);
        return r < 0 ? r : mark_security(m, ret);
}
