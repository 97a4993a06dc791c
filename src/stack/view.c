/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The view of a stack: each layer is merged into what the lower ones made. */

#include "stack/view.h"

#include "base/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <string.h>

void view_done(View *v)
{
        free(v->layers);
        free(v->entries);
        *v = VIEW_NULL;
}

static bool is_below(const char *path, const char *directory, size_t length)
{
        return length == 1 || (strncmp(path, directory, length) == 0 &&
                               (path[length] == 0 || path[length] == '/'));
}

/* Everything of the lower layers below this path is hidden. */
typedef struct Hidden {
        const char *path;
        size_t length;
} Hidden;

static bool is_hidden(const Hidden *hidden, const char *path)
{
        return hidden->path && is_below(path, hidden->path, hidden->length);
}

static void hide(Hidden *hidden, const Entry *e)
{
        if (is_hidden(hidden, e->path))
                return; /* with all else that is there */
        if (e->kind != ENTRY_DIRECTORY || e->opaque)
                *hidden = (Hidden){ e->path, strlen(e->path) };
}

/* @lower has @n entries; @out has room for those and for all of the layer. Returns how many. */
static size_t merge_layer(const ViewEntry *lower, size_t n, const Manifest *m, unsigned layer,
                          ViewEntry *out)
{
        Hidden hidden = {};
        size_t i = 0, j = 0, count = 0;

        while (i < n || j < m->n) {
                int order = i == n      ? 1
                            : j == m->n ? -1
                                        : entry_path_compare(lower[i].path, m->entries[j].path);
                Entry *e;

                if (order < 0) {
                        if (!is_hidden(&hidden, lower[i].path))
                                out[count++] = lower[i];
                        i++;
                        continue;
                }
                e = m->entries + j++;
                i += order == 0;
                hide(&hidden, e);
                if (e->kind == ENTRY_WHITEOUT)
                        continue;
                out[count++] = (ViewEntry){
                        .path = e->path,
                        .entry = (Entry *)manifest_resolve_link(m, e),
                        .layer = layer,
                };
                if (!out[count - 1]
                             .entry) /* a link to nothing: no manifest that was parsed has it */
                        count--;
        }
        return count;
}

int view_make(const ViewLayer *layers, size_t n, View *ret)
{
        _cleanup_view_ View v = VIEW_NULL;

        v.layers = reallocarray(NULL, n + 1, sizeof(*layers));
        if (!v.layers)
                return -ENOMEM;
        for (; v.n_layers < n; v.n_layers++) {
                const Manifest *m = layers[v.n_layers].manifest;
                ViewEntry *out = reallocarray(NULL, v.n + m->n + 1, sizeof(*out));

                if (!out)
                        return -ENOMEM;
                v.n = merge_layer(v.entries, v.n, m, (unsigned)v.n_layers, out);
                free(v.entries);
                v.entries = out;
                v.layers[v.n_layers] = layers[v.n_layers];
        }
        *ret = v;
        v = VIEW_NULL;
        return 0;
}

/* The first entry that does not come before @path. */
static size_t lower_bound(const View *v, const char *path)
{
        size_t low = 0, high = v->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (entry_path_compare(v->entries[middle].path, path) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const ViewEntry *view_find(const View *v, const char *path)
{
        size_t i = lower_bound(v, path);

        return i < v->n && strcmp(v->entries[i].path, path) == 0 ? v->entries + i : NULL;
}

size_t view_below(const View *v, const char *path, size_t *ret_first)
{
        size_t first = lower_bound(v, path), end = first, length = strlen(path);

        while (end < v->n && is_below(v->entries[end].path, path, length))
                end++;
        *ret_first = first;
        return end - first;
}

int view_open(const View *v, const Store *store, const ViewEntry *e)
{
        const ViewLayer *layer = v->layers + e->layer;
        Hash id;
        int r;

        if (e->entry->kind != ENTRY_FILE)
                return -EINVAL;
        if (layer->fd >= 0)
                return path_open_regular(layer->fd, e->path);
        if (e->entry->size == 0)
                return open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOCTTY);
        r = entry_object_id(store->hasher, e->entry, &id);
        return r < 0 ? r : store_open_object(store, &id);
}

int view_read(const View *v, const Store *store, const ViewEntry *e, size_t limit, char **ret,
              size_t *ret_size)
{
        _cleanup_close_ int fd = view_open(v, store, e);
        ssize_t n = fd < 0 ? fd : read_fd(fd, limit, ret);

        if (n < 0)
                return (int)n;
        *ret_size = (size_t)n;
        return 0;
}

int view_hash(const View *v, const Store *store, const ViewEntry *e)
{
        _cleanup_close_ int fd = -EBADF;
        uint64_t size;

        if (e->entry->kind != ENTRY_FILE || !hash_is_null(&e->entry->content))
                return 0;
        fd = view_open(v, store, e);
        return fd < 0 ? fd : hash_of_fd(store->hasher, fd, &e->entry->content, &size);
}
