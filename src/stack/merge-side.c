/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking up and reading the sides of a path, and noting what is to be said about it. */

#include "stack/merge-parts.h"

#include "base/fd.h"
#include "base/strv.h"

#include <stdarg.h>
#include <string.h>

int merge_out_of_memory(const Merge *m)
{
        return error_set(m->error, ENOMEM, "Out of memory");
}

int merge_load_tree(Merge *m, const Hash *id, Manifest **ret)
{
        _cleanup_free_ LoadedTree *tree = NULL;
        LoadedTree **grown;
        int r;

        for (size_t i = 0; i < m->n_trees; i++)
                if (hash_equal(&m->trees[i]->id, id)) {
                        *ret = &m->trees[i]->manifest;
                        return 0;
                }
        tree = calloc(1, sizeof(*tree));
        grown = reallocarray(m->trees, m->n_trees + 1, sizeof(*grown));
        if (grown)
                m->trees = grown;
        if (!tree || !grown)
                return merge_out_of_memory(m);
        tree->id = *id;
        r = store_load_tree(m->store, id, &tree->manifest, m->error);
        if (r < 0)
                return r;
        *ret = &tree->manifest;
        m->trees[m->n_trees++] = TAKE_PTR(tree);
        return 0;
}

Side merge_side(const View *v, const char *path)
{
        const ViewEntry *e = v ? view_find(v, path) : NULL;

        return (Side){
                .entry = e ? e->entry : NULL,
                .view = v,
                .place = e ? *e : (ViewEntry){},
        };
}

Side merge_side_over(const MergedFiles *files, const View *v, const char *path)
{
        const MergedFile *file = merged_files_find(files, path);

        if (!file || file->reveal)
                return merge_side(v, path);
        return (Side){
                .entry = file->entry.kind == ENTRY_WHITEOUT ? NULL : &file->entry,
                .view = v,
                .file = file,
        };
}

static int read_merged(const Merge *m, const MergedFile *file, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;
        Hash id;

        *ret_size = file->entry.size;
        if (file->content || file->entry.size == 0) {
                *ret = file->content ? strndup(file->content, file->entry.size) : strdup("");
                return *ret ? 0 : -ENOMEM;
        }
        if (entry_object_id(m->store->hasher, &file->entry, &id) < 0)
                return -ENOMEM;
        fd = store_open_object(m->store, &id);
        n = fd < 0 ? fd : read_fd(fd, MERGE_TEXT_MAX, ret);
        return n < 0 ? (int)n : 0;
}

int merge_read_text(Merge *m, const Side *side, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *text = NULL;
        int r;

        *ret = NULL;
        *ret_size = 0;
        if (!side->entry || side->entry->kind != ENTRY_FILE)
                return 0;
        r = side->file ? read_merged(m, side->file, &text, ret_size)
                       : view_read(side->view, m->store, &side->place, MERGE_TEXT_MAX, &text,
                                   ret_size);
        if (r == -EFBIG || r == -ENOENT) /* an old base's that was collected, or a file that went */
                return 0;
        if (r < 0)
                return r;
        if (!memchr(text, 0, *ret_size))
                *ret = TAKE_PTR(text);
        return 0;
}

Side merge_seen(const Merge *m, bool state, const char *path)
{
        const MergedFile *edit = state ? merged_files_find(&m->edits, path) : NULL;
        Side side;

        if (edit && !edit->reveal)
                return merge_side_over(&m->edits, NULL, path);
        if (!state || edit || m->seen.n == 0)
                return merge_side_over(&m->generated, &m->after, path);
        side = merge_side(&m->seen, path);
        if (side.entry && side.place.layer == m->after.n_layers)
                side.file = merged_files_find(&m->generated, path); /* not in the store yet */
        return side;
}

Side merge_seen_through(const Merge *m, bool state, const char *path, char **ret_path)
{
        const char *rest = path + 1 + strcspn(path + 1, "/");
        _cleanup_free_ char *first = strndup(path, (size_t)(rest - path)), *through = NULL;
        Side top = first && *rest ? merge_seen(m, state, first) : (Side){};

        if (!top.entry || top.entry->kind != ENTRY_SYMLINK)
                through = strdup(path);
        else if (asprintf(&through, "%s%s%s", *top.entry->target == '/' ? "" : "/",
                          top.entry->target, rest) < 0)
                through = NULL;
        if (!first || !through)
                return (Side){};
        top = merge_seen(m, state, through);
        if (ret_path)
                *ret_path = TAKE_PTR(through);
        return top;
}

static int add_name(const char *path, const char *directory, char ***names)
{
        size_t length = strlen(directory);

        if (strncmp(path, directory, length) != 0 || path[length] != '/' ||
            strchr(path + length + 1, '/') || strv_contains(*names, path + length + 1))
                return 0;
        return strv_push(names, path + length + 1);
}

int merge_seen_names(const Merge *m, bool state, const char *directory, char ***ret)
{
        const View *v = state && m->seen.n > 0 ? &m->seen : &m->after;
        const MergedFiles *files = state ? &m->edits : &m->generated;
        _cleanup_strv_ char **names = NULL;
        size_t first, n = view_below(v, directory, &first);
        int r = 0;

        for (size_t i = first; r >= 0 && i < first + n; i++)
                r = add_name(v->entries[i].path, directory, &names);
        for (size_t i = 0; r >= 0 && i < files->n; i++)
                r = add_name(files->list[i]->entry.path, directory, &names);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}

int merge_report(Merge *m, DriftKind kind, const Sides *s, char *detail_consume, bool both)
{
        Candidate *grown = reallocarray(m->candidates, m->n_candidates + 1, sizeof(*grown));
        Candidate c = {
                .item = { .kind = kind, .detail = detail_consume },
                .both = both,
        };

        c.item.path = strdup(s->path);
        c.item.layer = s->layer ? strdup(s->layer) : NULL;
        if (grown)
                m->candidates = grown;
        if (!grown || !c.item.path || (s->layer && !c.item.layer)) {
                drift_item_done(&c.item);
                return -ENOMEM;
        }
        m->candidates[m->n_candidates++] = c;
        return 0;
}

int merge_warn(Merge *m, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        if (strv_contains(m->warnings, text))
                return 0;
        n = strv_push_take(&m->warnings, text);
        if (n >= 0)
                text = NULL;
        return n;
}
