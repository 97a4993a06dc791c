/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/manifest.h"

#include "store/record.h"

#include <errno.h>
#include <string.h>

void manifest_done(Manifest *m)
{
        for (size_t i = 0; i < m->n; i++)
                entry_done(&m->entries[i]);
        free(m->entries);
        *m = MANIFEST_NULL;
}

int manifest_add_take(Manifest *m, Entry *entry)
{
        if (m->n == m->allocated) {
                size_t allocated = m->allocated ? 2 * m->allocated : 64;
                Entry *entries = reallocarray(m->entries, allocated, sizeof(Entry));

                if (!entries)
                        return -ENOMEM;
                m->entries = entries;
                m->allocated = allocated;
        }
        m->entries[m->n++] = *entry;
        *entry = ENTRY_NULL;
        return 0;
}

static int compare_entries(const void *a, const void *b)
{
        return entry_path_compare(((const Entry *)a)->path, ((const Entry *)b)->path);
}

void manifest_sort(Manifest *m)
{
        if (m->n > 0)
                qsort(m->entries, m->n, sizeof(Entry), compare_entries);
}

/* The first entry that does not come before @path. */
static size_t lower_bound(const Manifest *m, const char *path)
{
        size_t low = 0, high = m->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (entry_path_compare(m->entries[middle].path, path) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const Entry *manifest_find(const Manifest *m, const char *path)
{
        size_t i = lower_bound(m, path);

        return i < m->n && strcmp(m->entries[i].path, path) == 0 ? &m->entries[i] : NULL;
}

const Entry *manifest_resolve_link(const Manifest *m, const Entry *e)
{
        return e->kind == ENTRY_LINK ? manifest_find(m, e->target) : e;
}

static bool is_below(const char *path, const char *directory)
{
        size_t length = strlen(directory);

        if (length == 1) /* the root */
                return true;
        return strncmp(path, directory, length) == 0 && (path[length] == 0 || path[length] == '/');
}

size_t manifest_below(const Manifest *m, const char *path, size_t *ret_first)
{
        size_t first = lower_bound(m, path), end = first;

        while (end < m->n && is_below(m->entries[end].path, path))
                end++;
        *ret_first = first;
        return end - first;
}

int manifest_write(const Manifest *m, Buffer *ret_text, Hash *ret_id)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r;

        buffer_puts(&text, MANIFEST_MAGIC "\n");
        for (size_t i = 0; i < m->n; i++)
                entry_write(&m->entries[i], true, &text);
        r = buffer_error(&text);
        if (r >= 0 && ret_id)
                r = hash_of(text.data, text.size, ret_id);
        if (r >= 0 && ret_text) {
                *ret_text = text;
                text = BUFFER_NULL;
        }
        return r;
}
