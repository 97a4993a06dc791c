/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which packages move: dpkg's database as the machine saw it and as it will see it. */

#include "stack/merge-parts.h"

#include "stack/debian-version.h"
#include "stack/package-change.h"
#include "stack/stanza.h"

#include <fnmatch.h>
#include <string.h>

#define STATUS "/var/lib/dpkg/status"

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
        _cleanup_package_changes_ PackageChanges changes = PACKAGE_CHANGES_NULL;
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
                r = package_changes_find(old, new, &changes);
        if (r < 0)
                return r;
        ret->packages = TAKE_PTR(changes.items);
        ret->n_packages = changes.n;
        changes.n = 0;
        return mark_security(m, ret);
}
