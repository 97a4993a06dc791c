/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much a tree takes, as du(1) counts its checkout: equal files are one inode there. */

#include "store/manifest.h"

#include <string.h>

static int compare_numbers(uint64_t a, uint64_t b)
{
        return a < b ? -1 : a > b;
}

static int compare_attributes(const Entry *a, const Entry *b)
{
        int r = compare_numbers(a->n_attributes, b->n_attributes);

        for (size_t i = 0; r == 0 && i < a->n_attributes; i++) {
                const EntryAttribute *x = &a->attributes[i], *y = &b->attributes[i];

                r = strcmp(x->name, y->name);
                if (r == 0)
                        r = compare_numbers(x->size, y->size);
                if (r == 0)
                        r = memcmp(x->value, y->value, x->size);
        }
        return r;
}

/* All but the path, as in an object's name. */
static int compare_files(const void *first, const void *second)
{
        const Entry *a = *(const Entry *const *)first, *b = *(const Entry *const *)second;
        int r = hash_compare(&a->content, &b->content);

        if (r == 0)
                r = compare_numbers(a->size, b->size);
        if (r == 0)
                r = compare_numbers(a->mode, b->mode);
        if (r == 0)
                r = compare_numbers(a->uid, b->uid);
        if (r == 0)
                r = compare_numbers(a->gid, b->gid);
        if (r == 0)
                r = compare_numbers((uint64_t)a->mtime, (uint64_t)b->mtime);
        return r == 0 ? compare_attributes(a, b) : r;
}

int manifest_number_files(const Manifest *m, size_t **ret)
{
        _cleanup_free_ const Entry **files = calloc(m->n + 1, sizeof(Entry *));
        _cleanup_free_ size_t *numbers = calloc(m->n + 1, sizeof(size_t));
        size_t n = 0, number = 0;

        if (!files || !numbers)
                return -ENOMEM;
        for (size_t i = 0; i < m->n; i++)
                if (m->entries[i].kind == ENTRY_FILE)
                        files[n++] = &m->entries[i];
        qsort(files, n, sizeof(*files), compare_files);
        for (size_t i = 0; i < n; i++) {
                number += i == 0 || compare_files(&files[i - 1], &files[i]) != 0;
                numbers[files[i] - m->entries] = number;
        }
        for (size_t i = 0; i < m->n; i++) {
                const Entry *e = manifest_resolve_link(m, &m->entries[i]);

                if (e && e != &m->entries[i])
                        numbers[i] = numbers[e - m->entries];
        }
        *ret = TAKE_PTR(numbers);
        return 0;
}

int manifest_measure(const Manifest *m, ManifestSize *ret)
{
        _cleanup_free_ size_t *numbers = NULL;
        _cleanup_free_ bool *seen = calloc(m->n + 1, sizeof(bool));
        ManifestSize size = {};

        if (!seen || manifest_number_files(m, &numbers) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < m->n; i++) {
                const Entry *e = &m->entries[i];

                if (e->kind == ENTRY_DIRECTORY) {
                        size.n_directories++;
                } else if (e->kind != ENTRY_FILE) {
                        size.n_others++;
                } else {
                        size.n_files++;
                        if (!seen[numbers[i]])
                                size.bytes += e->size;
                        seen[numbers[i]] = true;
                }
        }
        *ret = size;
        return 0;
}
