/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two sorted lists side by side. The one thing that is not local is hard links: a link names
 * another entry of its own manifest, which may be hidden while the link is not. */

#include "image/layer-flatten.h"

#include "store/ingest.h"

#include <string.h>

typedef struct Merge {
        const Manifest *lower, *upper;
        bool whole;
        bool *shown;        /* entries of @lower that are seen */
        const char **moved; /* of an entry that is not seen: where its content is now */
        Manifest *result;
} Merge;

/* Whether @path is below the directory @top. */
static bool is_below(const char *path, const char *top)
{
        size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);

        return strncmp(path, top, n) == 0 && path[n] == '/' && path[n + 1] != '\0';
}

static bool is_at_or_below(const char *path, const char *top)
{
        return strcmp(path, top) == 0 || is_below(path, top);
}

/* Which entries of the lower layer are seen: a first walk, since links look ahead. */
static void find_shown(Merge *m)
{
        const char *hidden = NULL; /* all below, and with @at, the path itself */
        bool at = false;
        size_t u = 0;

        for (size_t l = 0; l < m->lower->n; l++) {
                const char *path = m->lower->entries[l].path;
                bool is_there;

                /* what hides is a path of the upper layer at or above this one: all of these come
                 * before it in the order */
                for (; u < m->upper->n && entry_path_compare(m->upper->entries[u].path, path) <= 0;
                     u++) {
                        const Entry *e = &m->upper->entries[u];

                        if (hidden && is_at_or_below(e->path, hidden))
                                continue;
                        if (e->kind != ENTRY_DIRECTORY || e->opaque) {
                                hidden = e->path;
                                at = e->kind != ENTRY_DIRECTORY;
                        }
                }
                is_there = manifest_find(m->upper, path) != NULL;
                m->shown[l] =
                        !is_there &&
                        !(hidden && (at ? is_at_or_below(path, hidden) : is_below(path, hidden)));
                if (m->whole && m->lower->entries[l].kind == ENTRY_WHITEOUT)
                        m->shown[l] = false;
        }
}

static int add_copy(Merge *m, const Entry *e)
{
        _cleanup_(entry_done) Entry copy = ENTRY_NULL;
        int r = entry_copy(e, &copy);

        return r < 0 ? r : manifest_add_take(m->result, &copy);
}

/* A link whose target is hidden: the first such name becomes the file, the others its links. */
static int add_orphan(Merge *m, const Entry *e, const Entry *target)
{
        size_t i = (size_t)(target - m->lower->entries);
        const Entry *model = m->moved[i] ? e : target;
        _cleanup_(entry_done) Entry copy = ENTRY_NULL;
        char **word = m->moved[i] ? &copy.target : &copy.path;
        int r = entry_copy(model, &copy);

        if (r < 0)
                return r;
        free(*word);
        *word = strdup(m->moved[i] ?: e->path);
        if (!*word)
                return -ENOMEM;
        if (!m->moved[i])
                m->moved[i] = e->path;
        return manifest_add_take(m->result, &copy);
}

static int add_lower(Merge *m, size_t l)
{
        const Entry *e = &m->lower->entries[l];
        const Entry *target = e->kind == ENTRY_LINK ? manifest_resolve_link(m->lower, e) : NULL;

        if (!m->shown[l])
                return 0;
        if (!target || m->shown[target - m->lower->entries])
                return add_copy(m, e);
        return add_orphan(m, e, target);
}

/* @below: what the lower layer has in the same place, or NULL. */
static int add_upper(Merge *m, const Entry *e, const Entry *below)
{
        _cleanup_(entry_done) Entry copy = ENTRY_NULL;
        int r;

        if (m->whole && e->kind == ENTRY_WHITEOUT)
                return 0;
        r = entry_copy(e, &copy);
        if (r < 0)
                return r;
        if (copy.kind == ENTRY_DIRECTORY) {
                /* what further layers have there was hidden by the lower one already */
                if (below && (below->kind != ENTRY_DIRECTORY || below->opaque))
                        copy.opaque = true;
                if (m->whole)
                        copy.opaque = false;
        }
        return manifest_add_take(m->result, &copy);
}

static int merge_lists(Merge *m)
{
        size_t l = 0, u = 0;
        int r = 0;

        while (r >= 0 && (l < m->lower->n || u < m->upper->n)) {
                const Entry *a = l < m->lower->n ? &m->lower->entries[l] : NULL;
                const Entry *b = u < m->upper->n ? &m->upper->entries[u] : NULL;
                int order = !a ? 1 : !b ? -1 : entry_path_compare(a->path, b->path);

                if (order < 0) {
                        r = add_lower(m, l++);
                } else {
                        r = add_upper(m, b, order == 0 ? a : NULL);
                        u++;
                        l += order == 0;
                }
        }
        return r;
}

static int flatten_two(const Manifest *lower, const Manifest *upper, bool whole, Manifest *ret)
{
        _cleanup_manifest_ Manifest result = MANIFEST_NULL;
        _cleanup_free_ bool *shown = calloc(lower->n + 1, sizeof(*shown));
        _cleanup_free_ const char **moved = calloc(lower->n + 1, sizeof(*moved));
        Merge m = { lower, upper, whole, shown, moved, &result };
        int r;

        if (!shown || !moved)
                return -ENOMEM;
        find_shown(&m);
        r = merge_lists(&m);
        if (r < 0)
                return r;
        *ret = result;
        result = MANIFEST_NULL;
        return 0;
}

int layer_flatten(const Manifest *const *layers, size_t n, bool whole, Manifest *ret)
{
        _cleanup_manifest_ Manifest done = MANIFEST_NULL;

        for (size_t i = 0; i < n; i++) {
                Manifest next = MANIFEST_NULL;
                int r = flatten_two(&done, layers[i], whole, &next);

                if (r < 0)
                        return r;
                manifest_done(&done);
                done = next;
        }
        *ret = done;
        done = MANIFEST_NULL;
        return 0;
}

typedef struct Difference {
        const Manifest *base, *tree;
        bool *wanted; /* entries of @tree */
        Manifest *result;
} Difference;

static size_t index_of(const Difference *d, const Entry *e)
{
        return (size_t)(e - d->tree->entries);
}

/* All directories above a path; those of @tree that are there. */
static int want_parents(Difference *d, const char *path)
{
        _cleanup_free_ char *parent = strdup(path);

        if (!parent)
                return -ENOMEM;
        for (char *slash; (slash = strrchr(parent, '/'));) {
                const Entry *e;

                slash[slash == parent] = '\0';
                e = manifest_find(d->tree, parent);
                if (!e || d->wanted[index_of(d, e)])
                        break;
                d->wanted[index_of(d, e)] = true;
                if (slash == parent)
                        break;
        }
        return 0;
}

static void find_changed(Difference *d)
{
        for (size_t i = 0; i < d->tree->n; i++) {
                const Entry *e = &d->tree->entries[i], *b = manifest_find(d->base, e->path);

                d->wanted[i] = !ingest_is_left_out(e->path, true) &&
                               (i == 0 || !b || !entry_equal(b, e, false));
        }
}

/* Names of one file come together or not at all: in a layer of its own, a link needs its file. */
static int want_whole_files(Difference *d)
{
        _cleanup_free_ bool *files = calloc(d->tree->n + 1, sizeof(*files));

        if (!files)
                return -ENOMEM;
        for (size_t i = 0; i < d->tree->n; i++)
                if (d->wanted[i])
                        files[index_of(d, manifest_resolve_link(d->tree, &d->tree->entries[i]))] =
                                true;
        for (size_t i = 0; i < d->tree->n; i++)
                if (files[index_of(d, manifest_resolve_link(d->tree, &d->tree->entries[i]))])
                        d->wanted[i] = true;
        return 0;
}

/* What is gone, and only the topmost of it. */
static int add_whiteouts(Difference *d)
{
        const char *gone = NULL;

        for (size_t i = 0; i < d->base->n; i++) {
                _cleanup_(entry_done) Entry e = { .kind = ENTRY_WHITEOUT };
                const Entry *b = &d->base->entries[i], *now;
                int r;

                if (gone && is_below(b->path, gone))
                        continue;
                now = manifest_find(d->tree, b->path);
                if (now && (now->kind == ENTRY_DIRECTORY || b->kind != ENTRY_DIRECTORY))
                        continue;
                gone = b->path; /* or another kind of entry in its place, which hides as well */
                if (now || ingest_is_left_out(b->path, true))
                        continue;
                e.path = strdup(b->path);
                r = e.path ? want_parents(d, b->path) : -ENOMEM;
                if (r >= 0)
                        r = manifest_add_take(d->result, &e);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_wanted(Difference *d)
{
        for (size_t i = 0; i < d->tree->n; i++) {
                _cleanup_(entry_done) Entry copy = ENTRY_NULL;
                int r = d->wanted[i] ? entry_copy(&d->tree->entries[i], &copy) : 0;

                if (r >= 0 && d->wanted[i])
                        r = manifest_add_take(d->result, &copy);
                if (r < 0)
                        return r;
        }
        return 0;
}

int layer_difference(const Manifest *base, const Manifest *tree, Manifest *ret)
{
        _cleanup_manifest_ Manifest result = MANIFEST_NULL;
        _cleanup_free_ bool *wanted = calloc(tree->n + 1, sizeof(*wanted));
        Difference d = { base, tree, wanted, &result };
        int r;

        if (!wanted)
                return -ENOMEM;
        find_changed(&d);
        r = want_whole_files(&d);
        for (size_t i = 0; r >= 0 && i < tree->n; i++)
                if (wanted[i])
                        r = want_parents(&d, tree->entries[i].path);
        if (r >= 0)
                r = add_whiteouts(&d);
        if (r >= 0)
                r = add_wanted(&d);
        if (r < 0)
                return r;
        manifest_sort(&result);
        *ret = result;
        result = MANIFEST_NULL;
        return 0;
}
