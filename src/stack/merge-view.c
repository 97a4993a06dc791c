/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The trees that a merge compares, from the store and from the state. */

#include "stack/merge-parts.h"

#include "stack/upper.h"

#include "base/strv.h"

#include <string.h>

void merge_done(Merge *m)
{
        view_done(&m->before);
        view_done(&m->after);
        view_done(&m->seen);
        manifest_done(&m->top);
        for (size_t i = 0; i < m->n_trees; i++) {
                manifest_done(&m->trees[i]->manifest);
                free(m->trees[i]);
        }
        free(m->trees);
        manifest_done(&m->upper);
        merged_files_done(&m->generated);
        merged_files_done(&m->edits);
        for (size_t i = 0; i < m->n_candidates; i++)
                drift_item_done(&m->candidates[i].item);
        free(m->candidates);
        strv_free(m->warnings);
}

/* Trees one on another. @missing (or NULL): one of them is not in the store, which is no error. */
static int view_of(Merge *m, const Hash *trees, size_t n, View *ret, bool *missing)
{
        _cleanup_free_ ViewLayer *layers = reallocarray(NULL, n + 1, sizeof(*layers));
        int r = layers ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (missing && !store_has_tree(m->store, trees + i)) {
                        *missing = true;
                        return 0;
                }
                layers[i] = (ViewLayer){ .fd = -EBADF };
                r = merge_load_tree(m, trees + i, &layers[i].manifest);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = view_make(layers, n, ret);
        return r < 0 ? merge_out_of_memory(m) : 0;
}

int merge_view_of_generation(Merge *m, const Generation *g, size_t n, const Hash *top, View *ret)
{
        _cleanup_free_ Hash *trees = reallocarray(NULL, n + 1, sizeof(*trees));

        if (!trees)
                return merge_out_of_memory(m);
        for (size_t i = 0; i < n; i++)
                trees[i] = g->layers[i].tree;
        if (top)
                trees[n++] = *top;
        return view_of(m, trees, n, ret, NULL);
}

/* What the layer was made on. */
int merge_view_of_bases(Merge *m, const StackLayer *layer, const Commit *commit, View *ret)
{
        _cleanup_free_ Hash *trees = reallocarray(NULL, commit->n_bases + 1, sizeof(*trees));
        bool missing = false;
        int r = 0;

        if (!trees)
                return merge_out_of_memory(m);
        for (size_t i = 0; i < commit->n_bases && !missing; i++) {
                _cleanup_(commit_done) Commit base = COMMIT_NULL;

                if (!store_has_commit(m->store, &commit->bases[i].commit)) {
                        missing = true;
                        break;
                }
                r = store_load_commit(m->store, &commit->bases[i].commit, &base, m->error);
                if (r < 0)
                        return r;
                trees[i] = base.tree;
        }
        if (!missing)
                r = view_of(m, trees, commit->n_bases, ret, &missing);
        if (r >= 0 && missing)
                r = merge_warn(m,
                               "layer '%s': what it was made on is not in the store; what it "
                               "shares with the layers below is its own",
                               layer->name);
        return r;
}

int merge_scan_upper(Merge *m)
{
        const View *views[] = { &m->before, &m->after };

        return upper_scan(m->request->upper_fd, views, ELEMENTSOF(views), &m->upper, m->error);
}

int merge_view_stacks(Merge *m)
{
        const MergeRequest *q = m->request;
        int r = 0;

        if (q->before)
                r = merge_view_of_generation(m, q->before, q->before->n_layers, q->before_generated,
                                             &m->before);
        if (r >= 0)
                r = merge_view_of_generation(m, q->after, q->after->n_layers, NULL, &m->after);
        return r;
}
