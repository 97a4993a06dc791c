/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report as others read it: candidates get their packages and with them their final kinds. */

#include "stack/drift.h"

#include "stack/merge-parts.h"
#include "stack/stanza.h"

#include "base/strv.h"

#include <fnmatch.h>
#include <string.h>

#define INFO "/var/lib/dpkg/info"
#define STATUS "/var/lib/dpkg/status"

DEFINE_STRING_TABLE(drift_kind, DriftKind, [DRIFT_CONFLICT] = "conflict", [DRIFT_PINNED] = "pinned",
                    [DRIFT_MERGED] = "merged", [DRIFT_REGENERATED] = "regenerated",
                    [DRIFT_IDENTICAL] = "identical", [DRIFT_STAMP] = "stamp", [DRIFT_OURS] = "ours")

void drift_item_done(DriftItem *i)
{
        free(i->path);
        free(i->layer);
        free(i->package);
        free(i->detail);
        *i = (DriftItem){};
}

void drift_done(Drift *d)
{
        for (size_t i = 0; i < d->n_items; i++)
                drift_item_done(d->items + i);
        for (size_t i = 0; i < d->n_packages; i++) {
                free(d->packages[i].name);
                free(d->packages[i].before);
                free(d->packages[i].after);
        }
        free(d->items);
        free(d->packages);
        strv_free(d->warnings);
        *d = DRIFT_NULL;
}

/* dpkg's lists say "/lib/x" where a merged /usr has "/usr/lib/x": without that all are alike. */
static const char *without_usr(const char *path)
{
        static const char *const merged[] = { "/bin/", "/sbin/", "/lib" };

        if (strncmp(path, "/usr/", 5) != 0)
                return path;
        for (size_t i = 0; i < ELEMENTSOF(merged); i++)
                if (strncmp(path + 4, merged[i], strlen(merged[i])) == 0)
                        return path + 4;
        return path;
}

static int compare_paths(const void *a, const void *b)
{
        const Candidate *x = *(Candidate *const *)a, *y = *(Candidate *const *)b;

        return strcmp(without_usr(x->item.path), without_usr(y->item.path));
}

static int compare_line(const void *line, const void *member)
{
        return strcmp(without_usr(line), without_usr((*(Candidate *const *)member)->item.path));
}

/* One package's list of files against all candidates. */
static int find_owned(const char *text, const char *package, Candidate **sorted, size_t n)
{
        const char *line;

        while (*text) {
                size_t size = merge_next_line(&text, &line);
                _cleanup_free_ char *copy = strndup(line, size);
                Candidate **found;

                if (!copy)
                        return -ENOMEM;
                found = bsearch(copy, sorted, n, sizeof(*sorted), compare_line);
                while (found && found > sorted && compare_line(copy, found - 1) == 0)
                        found--;
                for (; found && found < sorted + n && compare_line(copy, found) == 0; found++)
                        if (!(*found)->item.package && !((*found)->item.package = strdup(package)))
                                return -ENOMEM;
        }
        return 0;
}

/* @only: of that view, else of what the machine sees. */
static int read_list(Merge *m, const View *only, char *name, Candidate **sorted, size_t n)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t length = strlen(name), size;
        Side s;
        int r;

        if (length < 6 || strcmp(name + length - 5, ".list") != 0)
                return 0;
        if (asprintf(&path, INFO "/%s", name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        s = only ? merge_side(only, path) : merge_seen(m, true, path);
        r = merge_read_text(m, &s, &text, &size);
        name[MIN_OF(strcspn(name, ":"), length - 5)] = '\0'; /* "libc6:amd64.list" */
        return r < 0 || !text ? r : find_owned(text, name, sorted, n);
}

static int read_lists(Merge *m, Candidate **sorted, size_t n)
{
        _cleanup_strv_ char **names = NULL;
        int r = merge_seen_names(m, true, INFO, &names);

        STRV_FOREACH (name, names)
                if (r >= 0)
                        r = read_list(m, NULL, *name, sorted, n);
        return r;
}

/* Who would own what was removed: with a package, its list went as well, but not from the base. */
static int read_lists_of_base(Merge *m, Candidate **sorted, size_t n)
{
        _cleanup_view_ View base = VIEW_NULL;
        size_t first, count;
        int r = view_make(m->after.layers, MIN_OF(m->after.n_layers, (size_t)1), &base);

        if (r < 0)
                return r;
        count = view_below(&base, INFO, &first);
        for (size_t i = first; r >= 0 && i < first + count; i++) {
                _cleanup_free_ char *name = strdup(strrchr(base.entries[i].path, '/') + 1);

                r = name ? read_list(m, &base, name, sorted, n) : -ENOMEM;
        }
        return r;
}

static int find_owners(Merge *m)
{
        _cleanup_free_ Candidate **sorted =
                reallocarray(NULL, m->n_candidates + 1, sizeof(*sorted));
        bool removed = false;
        int r;

        if (!sorted)
                return -ENOMEM;
        if (m->n_candidates == 0)
                return 0;
        for (size_t i = 0; i < m->n_candidates; i++) {
                sorted[i] = m->candidates + i;
                removed = removed || sorted[i]->removed;
        }
        qsort(sorted, m->n_candidates, sizeof(*sorted), compare_paths);
        r = read_lists(m, sorted, m->n_candidates);
        return r < 0 || !removed ? r : read_lists_of_base(m, sorted, m->n_candidates);
}

/* A package's stanza; 0: there is none. */
static size_t find_package(const char *status, const char *package, const char **ret)
{
        size_t size;

        while (status && (size = stanza_next(&status, ret)) > 0) {
                StanzaField name;

                if (stanza_find(*ret, size, "Package", &name) &&
                    strlen(package) == name.value_size &&
                    strncmp(package, name.value, name.value_size) == 0)
                        return size;
        }
        return 0;
}

static bool is_installed(const char *status, const char *package)
{
        static const char state[] = " installed";
        const char *stanza;
        size_t size = find_package(status, package, &stanza);
        StanzaField field;

        return size > 0 && stanza_find(stanza, size, "Status", &field) &&
               memmem(field.value, field.value_size, state, strlen(state));
}

/* Whether dpkg treats the path as the administrator's. */
static bool is_conffile(const char *status, const DriftItem *item)
{
        const char *stanza, *found, *end;
        size_t size = find_package(status, item->package, &stanza);
        StanzaField files;

        if (size == 0 || !stanza_find(stanza, size, "Conffiles", &files))
                return false;
        end = files.value + files.value_size;
        found = memmem(files.value, files.value_size, item->path, strlen(item->path));
        return found && found + strlen(item->path) < end && found[strlen(item->path)] == ' ';
}

/* Things that come and go, and what a machine has for itself: nobody expects the base's there. */
static bool is_of_no_weight(const char *path)
{
        static const char *const patterns[] = {
                "/var/log/*",
                "/var/cache/*",
                "/var/tmp/*",
                "/var/backups/*",
                "/run/*",
                "/tmp/*",
                "/var/lib/apt/lists/*",
                "*-old",
                "*.dpkg-old",
                "*.dpkg-dist",
                "/etc/.pwd.lock",
                "/etc/hostname",
                "/etc/machine-id",
                "/etc/resolv.conf",
                "/var/lib/dbus/machine-id",
                "/var/lib/systemd/catalog/database",
                "/etc/udev/hwdb.bin",
                "*/__pycache__/*",
        };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++)
                if (fnmatch(patterns[i], path, 0) == 0)
                        return true;
        return false;
}

static int set_kind(Candidate *c, const char *status)
{
        DriftItem *i = &c->item;

        if (!c->both || i->kind != DRIFT_CONFLICT)
                return 0;
        if (is_of_no_weight(i->path)) {
                i->kind = DRIFT_OURS;
        } else if (c->removed) {
                /* with its package: what the base has of it is of no interest */
                if (i->package && !is_installed(status, i->package))
                        i->kind = DRIFT_OURS;
        } else if (i->package && is_conffile(status, i)) {
                if (!i->detail && !(i->detail = strdup("a configuration file of the package")))
                        return -ENOMEM;
        } else if (i->package) {
                i->kind = DRIFT_PINNED;
        }
        return 0;
}

static int compare_items(const void *a, const void *b)
{
        const DriftItem *x = a, *y = b;
        int r = (int)x->kind - (int)y->kind;

        if (r == 0)
                r = strcmp(x->path, y->path);
        if (r == 0)
                r = strcmp(x->layer ?: "", y->layer ?: "");
        return r != 0 ? r : strcmp(x->detail ?: "", y->detail ?: "");
}

static int move_items(Merge *m, Drift *ret)
{
        _cleanup_free_ char *status = NULL;
        Side s = merge_seen(m, true, STATUS);
        size_t size;
        int r = merge_read_text(m, &s, &status, &size);

        if (r < 0)
                return r;
        ret->items = calloc(m->n_candidates + 1, sizeof(DriftItem));
        if (!ret->items)
                return -ENOMEM;
        for (size_t i = 0; i < m->n_candidates; i++) {
                r = set_kind(m->candidates + i, status);
                if (r < 0)
                        return r;
                ret->items[ret->n_items++] = m->candidates[i].item;
                m->candidates[i].item = (DriftItem){};
        }
        if (ret->n_items > 0)
                qsort(ret->items, ret->n_items, sizeof(DriftItem), compare_items);
        return 0;
}

int drift_finish(Merge *m, Drift *ret)
{
        int r = find_owners(m);

        if (r >= 0)
                r = move_items(m, ret);
        if (r >= 0)
                r = drift_packages(m, ret);
        if (r >= 0)
                r = drift_sonames(m);
        if (r < 0)
                return error_errno(m->error, -r, "Failed to make the report of the new stack");
        ret->warnings = TAKE_PTR(m->warnings);
        return 0;
}
