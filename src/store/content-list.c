/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/content-list.h"

#include <errno.h>

void content_list_done(ContentList *l)
{
        free(l->items);
        free(l->entries);
        *l = CONTENT_LIST_NULL;
}

static int by_hash(const void *a, const void *b)
{
        const Entry *x = *(const Entry *const *)a, *y = *(const Entry *const *)b;
        int r = hash_compare(&x->content, &y->content);

        return r != 0 ? r : (x > y) - (x < y); /* of one array: the manifest's order */
}

/* Runs of equal hashes become one item each. */
static int group(ContentList *l, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const Entry *e = l->entries[i];
                Content *last = l->n > 0 ? &l->items[l->n - 1] : NULL;

                if (last && hash_equal(&last->hash, &e->content)) {
                        if (last->size != e->size)
                                return -EBADMSG;
                        last->n++;
                        continue;
                }
                l->items[l->n++] = (Content){
                        .hash = e->content, .size = e->size, .entries = &l->entries[i], .n = 1
                };
                l->bytes += e->size;
        }
        return 0;
}

int content_list_make(const Manifest *m, const ContentList *without, ContentList *ret)
{
        _cleanup_content_list_ ContentList l = { .items = calloc(m->n + 1, sizeof(Content)),
                                                 .entries = calloc(m->n + 1, sizeof(Entry *)) };
        size_t n = 0;
        int r;

        if (!l.items || !l.entries)
                return -ENOMEM;
        for (size_t i = 0; i < m->n; i++) {
                const Entry *e = &m->entries[i];

                if (e->kind == ENTRY_FILE && e->size > 0 &&
                    !(without && content_list_find(without, &e->content)))
                        l.entries[n++] = e;
        }
        if (n > 0)
                qsort(l.entries, n, sizeof(Entry *), by_hash);
        r = group(&l, n);
        if (r < 0)
                return r;
        *ret = l;
        l = CONTENT_LIST_NULL;
        return 0;
}

static int compare_item(const void *key, const void *item)
{
        return hash_compare(key, &((const Content *)item)->hash);
}

const Content *content_list_find(const ContentList *l, const Hash *hash)
{
        return l->n > 0 ? bsearch(hash, l->items, l->n, sizeof(Content), compare_item) : NULL;
}
