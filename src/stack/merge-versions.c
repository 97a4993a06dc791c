/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The three versions of one path, for people to look at. */

#include "stack/merge-parts.h"

#include <string.h>

void drift_versions_done(DriftVersions *v)
{
        free(v->layer);
        free(v->base.data);
        free(v->ours.data);
        free(v->theirs.data);
        *v = DRIFT_VERSIONS_NULL;
}

static int read_version(Merge *m, const View *v, const char *path, DriftVersion *ret)
{
        const ViewEntry *e = view_find(v, path);
        int r;

        ret->there = e != NULL;
        if (!e || e->entry->kind != ENTRY_FILE)
                return 0;
        r = view_read(v, m->store, e, MERGE_TEXT_MAX, &ret->data, &ret->size);
        return r < 0 ? error_errno(m->error, -r, "Failed to read '%s'", path) : 0;
}

static int versions_of_state(Merge *m, const char *path, DriftVersions *ret)
{
        _cleanup_view_ View upper = VIEW_NULL;
        int r = view_make(&(ViewLayer){ &m->upper, m->request->upper_fd }, 1, &upper);

        if (r < 0)
                return merge_out_of_memory(m);
        r = read_version(m, m->request->before ? &m->before : &m->after, path, &ret->base);
        if (r >= 0)
                r = read_version(m, &upper, path, &ret->ours);
        return r < 0 ? r : read_version(m, &m->after, path, &ret->theirs);
}

static int versions_of_layer(Merge *m, size_t i, const char *path, DriftVersions *ret)
{
        const StackLayer *layer = m->request->after->layers + i;
        _cleanup_(commit_done) Commit commit = COMMIT_NULL;
        _cleanup_view_ View base = VIEW_NULL, ours = VIEW_NULL, below = VIEW_NULL;
        int r = store_load_commit(m->store, &layer->commit, &commit, m->error);

        if (r >= 0)
                r = merge_view_of_bases(m, layer, &commit, &base);
        if (r >= 0)
                r = merge_view_of(m, &layer->tree, 1, &ours, NULL);
        if (r >= 0)
                r = merge_view_of_generation(m, m->request->after, i, NULL, &below);
        if (r >= 0)
                r = read_version(m, &base, path, &ret->base);
        if (r >= 0)
                r = read_version(m, &ours, path, &ret->ours);
        if (r >= 0)
                r = read_version(m, &below, path, &ret->theirs);
        if (r >= 0 && !(ret->layer = strdup(layer->name)))
                r = merge_out_of_memory(m);
        return r;
}

static int find_versions(Merge *m, const char *path, DriftVersions *ret)
{
        const MergeRequest *q = m->request;
        int r = merge_view_stacks(m);

        if (r >= 0 && q->upper_fd >= 0)
                r = merge_scan_upper(m);
        if (r < 0)
                return r;
        if (manifest_find(&m->upper, path))
                return versions_of_state(m, path, ret);
        for (size_t i = q->after->n_layers; i > 1; i--) {
                Manifest *layer;

                r = merge_load_tree(m, &q->after->layers[i - 1].tree, &layer);
                if (r < 0)
                        return r;
                if (manifest_find(layer, path))
                        return versions_of_layer(m, i - 1, path, ret);
        }
        return error_set(m->error, ENOENT,
                         "'%s' is in no layer above the base, and not in the "
                         "machine's state",
                         path);
}

int merge_versions(const MergeRequest *request, const char *path, DriftVersions *ret, Error *error)
{
        _cleanup_(merge_done)
                Merge m = { .request = request, .store = request->store, .error = error };
        _cleanup_drift_versions_ DriftVersions versions = DRIFT_VERSIONS_NULL;
        int r = find_versions(&m, path, &versions);

        if (r < 0)
                return r;
        *ret = versions;
        versions = DRIFT_VERSIONS_NULL;
        return 0;
}
