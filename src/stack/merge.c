/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of a merge: layer by layer from the lowest, then the state, then what is made anew from
 * all of it, then the report. */

#include "stack/merge.h"

#include "stack/merge-parts.h"

#include "base/strv.h"

#include <string.h>

void merge_result_done(MergeResult *r)
{
        manifest_done(&r->generated);
        for (size_t i = 0; i < r->n_edits; i++) {
                free(r->edits[i].path);
                entry_done(&r->edits[i].entry);
        }
        free(r->edits);
        drift_done(&r->drift);
        *r = MERGE_RESULT_NULL;
}

/* "/a/__pycache__/b.cpython-311.pyc" is made from "/a/b.py". */
static bool has_source(const Manifest *ours, const char *path)
{
        const char *cache = strstr(path, "/__pycache__/"), *name, *dot;
        _cleanup_free_ char *source = NULL;

        if (!cache)
                return false;
        name = cache + strlen("/__pycache__/");
        dot = strchr(name, '.');
        if (!dot || asprintf(&source, "%.*s/%.*s.py", (int)(cache - path), path, (int)(dot - name),
                             name) < 0)
                return false;
        return manifest_find(ours, source) != NULL;
}

static bool is_stamp(const char *path)
{
        return strcmp(path, "/etc/.updated") == 0 || strcmp(path, "/var/.updated") == 0;
}

/* Where the decisions about one layer, or about the state, go. */
typedef struct Pass {
        const char *layer; /* NULL: the state */
        const Manifest *ours;
        const View *ours_view;
        const View *base, *below;
} Pass;

static int apply(Merge *m, const Pass *p, const Sides *s, Decision decision, MergedFile *merged)
{
        MergedFiles *files = p->layer ? &m->generated : &m->edits;
        MergedFile *file = NULL;
        int r;

        if (decision == DECISION_OURS) {
                merged_files_drop(files, s->path); /* what was merged below is hidden */
                return 0;
        }
        if (decision == DECISION_MERGED)
                return merged_files_set_consume(files, merged);
        if (p->layer && s->theirs.file)
                return 0; /* it is what is seen already */
        r = s->theirs.entry && p->layer ? merged_file_new(s->path, s->theirs.entry, NULL, &file)
                                        : merged_file_new_whiteout(s->path, &file);
        if (r < 0)
                return r;
        file->reveal = !p->layer;
        return merged_files_set_consume(files, file);
}

static int pass_entry(Merge *m, const Pass *p, Entry *e)
{
        Sides s = {
                .path = e->path,
                .layer = p->layer,
                .base = merge_side(p->base, e->path),
                .theirs = merge_side_over(&m->generated, p->below, e->path),
                .hides = e->kind == ENTRY_WHITEOUT,
                .source = has_source(p->ours, e->path),
        };
        MergedFile *merged = NULL;
        Decision decision;
        int r;

        if (is_stamp(e->path))
                return 0; /* see fix_stamps() */
        if (!s.hides)
                s.ours = merge_side(p->ours_view, e->path);
        r = merge_decide(m, &s, &decision, &merged);
        if (r < 0)
                return r;
        r = apply(m, p, &s, decision, merged);
        return r < 0 ? merge_out_of_memory(m) : 0;
}

static int run_pass(Merge *m, Pass *p, int fd)
{
        _cleanup_view_ View ours = VIEW_NULL;
        int r = view_make(&(ViewLayer){ (Manifest *)p->ours, fd }, 1, &ours);

        if (r < 0)
                return merge_out_of_memory(m);
        p->ours_view = &ours;
        for (size_t i = 0; r >= 0 && i < p->ours->n; i++)
                r = pass_entry(m, p, p->ours->entries + i);
        return r;
}

static const StackLayer *find_layer(const Generation *g, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++) {
                size_t length = strcspn(g->layers[i].name, "@~");

                if (strlen(name) == length && strncmp(g->layers[i].name, name, length) == 0)
                        return g->layers + i;
        }
        return NULL;
}

/* A layer that was made on another version of what is beneath it. */
static int warn_of_bases(Merge *m, size_t i, const Commit *commit)
{
        const Generation *g = m->request->after;

        for (size_t j = 0; j < commit->n_bases; j++) {
                const StackLayer *below = find_layer(g, i, commit->bases[j].name);
                _cleanup_(commit_done) Commit old = COMMIT_NULL, new = COMMIT_NULL;
                int r = 0;

                if (!below)
                        r = merge_warn(m, "layer '%s' was made on '%s', which is not below it",
                                       g->layers[i].name, commit->bases[j].name);
                else if (!hash_equal(&below->commit, &commit->bases[j].commit) &&
                         store_load_commit(m->store, &below->commit, &new, NULL) >= 0 &&
                         store_load_commit(m->store, &commit->bases[j].commit, &old, NULL) >= 0)
                        r = merge_warn(m, "layer '%s' was made on %s '%s' than the one below it",
                                       g->layers[i].name,
                                       old.time > new.time ? "a newer" : "an older",
                                       commit->bases[j].name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int merge_layer(Merge *m, size_t i)
{
        const StackLayer *layer = m->request->after->layers + i;
        _cleanup_(commit_done) Commit commit = COMMIT_NULL;
        _cleanup_view_ View base = VIEW_NULL, below = VIEW_NULL;
        Manifest *ours;
        int r = store_load_commit(m->store, &layer->commit, &commit, m->error);

        if (r < 0)
                return r;
        if (commit.kind == LAYER_BASE || commit.kind == LAYER_MERGED)
                return 0; /* it is meant to hide */
        r = merge_load_tree(m, &layer->tree, &ours);
        if (r >= 0)
                r = merge_view_of_bases(m, layer, &commit, &base);
        if (r >= 0)
                r = merge_view_of_generation(m, m->request->after, i, NULL, &below);
        if (r >= 0)
                r = run_pass(m, &(Pass){ layer->name, ours, NULL, &base, &below }, -EBADF);
        if (r >= 0)
                r = warn_of_bases(m, i, &commit);
        return r;
}

static int add_parents(const Merge *m, Manifest *out, const char *path)
{
        for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
                _cleanup_free_ char *parent =
                        slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
                _cleanup_(entry_done) Entry e = { .kind = ENTRY_DIRECTORY, .mode = 0755 };
                const ViewEntry *below;
                int r;

                if (!parent)
                        return -ENOMEM;
                if (strcmp(parent, path) == 0 || merged_files_find(&m->generated, parent) ||
                    manifest_find(out, parent))
                        continue;
                below = view_find(&m->after, parent);
                r = below ? entry_copy(below->entry, &e) : 0;
                if (r < 0)
                        return r;
                free(e.path);
                e.path = TAKE_PTR(parent);
                e.opaque = false;
                r = manifest_add_take(out, &e);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The manifest of what was generated so far. In order: parents first, since files are in the order
 * of manifests. */
static int make_manifest(const Merge *m, Manifest *ret)
{
        _cleanup_manifest_ Manifest out = MANIFEST_NULL;

        for (size_t i = 0; i < m->generated.n; i++) {
                const Entry *e = &m->generated.list[i]->entry;
                _cleanup_(entry_done) Entry copy = ENTRY_NULL;
                int r = add_parents(m, &out, e->path);

                if (r >= 0)
                        r = entry_copy(e, &copy);
                if (r >= 0)
                        r = manifest_add_take(&out, &copy);
                if (r < 0)
                        return merge_out_of_memory(m);
        }
        manifest_sort(&out);
        *ret = out;
        out = MANIFEST_NULL;
        return 0;
}

/* All that the machine sees: the stack, what was generated, and what it wrote. */
static int view_seen(Merge *m)
{
        _cleanup_free_ ViewLayer *layers =
                reallocarray(NULL, m->after.n_layers + 2, sizeof(*layers));
        int r = layers ? make_manifest(m, &m->top) : -ENOMEM;

        if (r >= 0) {
                memcpy(layers, m->after.layers, m->after.n_layers * sizeof(*layers));
                layers[m->after.n_layers] = (ViewLayer){ &m->top, -EBADF };
                layers[m->after.n_layers + 1] = (ViewLayer){ &m->upper, m->request->upper_fd };
                r = view_make(layers, m->after.n_layers + 2, &m->seen);
        }
        return r < 0 ? merge_out_of_memory(m) : 0;
}

static int merge_state(Merge *m)
{
        int r;

        if (m->request->upper_fd < 0)
                return 0;
        r = merge_scan_upper(m);
        if (r >= 0)
                r = view_seen(m);
        if (r < 0)
                return r;
        /* Without a stack before, the state was made on this one. */
        return run_pass(m,
                        &(Pass){ .ours = &m->upper,
                                 .base = m->request->before ? &m->before : &m->after,
                                 .below = &m->after },
                        m->request->upper_fd);
}

bool merge_changes_stack(const Merge *m)
{
        const Generation *a = m->request->before, *b = m->request->after;

        if (!a || a->n_layers != b->n_layers)
                return a != NULL;
        for (size_t i = 0; i < a->n_layers; i++)
                if (!hash_equal(&a->layers[i].tree, &b->layers[i].tree))
                        return true;
        return false;
}

/* systemd's stamps say when the machine last saw another /usr: it shall look again. */
static int fix_stamps(Merge *m)
{
        static const char *const stamps[] = { "/etc/.updated", "/var/.updated" };

        for (size_t i = 0; i < ELEMENTSOF(stamps); i++) {
                MergedFile *file = NULL;
                Sides s = { .path = stamps[i], .theirs = merge_side(&m->after, stamps[i]) };
                const Entry *upper = manifest_find(&m->upper, stamps[i]);
                int r = 0;

                if (s.theirs.entry) {
                        r = merged_file_new_whiteout(stamps[i], &file);
                        if (r >= 0)
                                r = merged_files_set_consume(&m->generated, file);
                }
                if (r >= 0 && upper && upper->kind != ENTRY_WHITEOUT && merge_changes_stack(m)) {
                        r = merged_file_new_whiteout(stamps[i], &file);
                        if (r >= 0) {
                                file->reveal = true;
                                r = merged_files_set_consume(&m->edits, file);
                        }
                        if (r >= 0)
                                r = merge_report(m, DRIFT_STAMP, &s, NULL, false);
                }
                if (r < 0)
                        return merge_out_of_memory(m);
        }
        return 0;
}

/* Takes out of the generated layer what the stack shows anyway. */
static void prune(Merge *m)
{
        for (size_t i = m->generated.n; i > 0; i--) {
                const Entry *e = &m->generated.list[i - 1]->entry;
                const ViewEntry *below = view_find(&m->after, e->path);
                Entry seen = below ? *below->entry : ENTRY_NULL;

                seen.opaque = false;
                if (below ? entry_equal(e, &seen, e->kind == ENTRY_DIRECTORY)
                          : e->kind == ENTRY_WHITEOUT)
                        merged_files_drop(&m->generated, e->path);
        }
}

static int make_edits(const Merge *m, MergeResult *ret)
{
        ret->edits = calloc(m->edits.n + 1, sizeof(StateEdit));
        if (!ret->edits)
                return merge_out_of_memory(m);
        for (size_t i = 0; i < m->edits.n; i++, ret->n_edits++) {
                const MergedFile *file = m->edits.list[i];
                StateEdit *edit = ret->edits + i;

                edit->path = strdup(file->entry.path);
                edit->remove = file->reveal;
                if (!edit->path || (!edit->remove && entry_copy(&file->entry, &edit->entry) < 0))
                        return merge_out_of_memory(m);
        }
        return 0;
}

/* Everything that reads; the result is in @m. */
static int work(Merge *m)
{
        int r = merge_view_stacks(m);

        for (size_t i = 1; r >= 0 && i < m->request->after->n_layers; i++)
                r = merge_layer(m, i);
        if (r >= 0)
                prune(m);
        if (r >= 0)
                r = merge_fix_alternatives(m, false);
        if (r >= 0)
                r = merge_state(m);
        if (r >= 0 && m->upper.n > 0)
                r = merge_fix_alternatives(m, true);
        if (r >= 0)
                r = fix_stamps(m);
        if (r >= 0)
                r = merge_fix_libraries(m);
        return r;
}

int merge_stack(const MergeRequest *request, MergeResult *ret, Error *error)
{
        _cleanup_(merge_done)
                Merge m = { .request = request, .store = request->store, .error = error };
        _cleanup_merge_result_ MergeResult result = MERGE_RESULT_NULL;
        int r = work(&m);

        if (r >= 0)
                r = make_manifest(&m, &result.generated);
        if (r >= 0)
                r = make_edits(&m, &result);
        if (r >= 0)
                r = drift_finish(&m, &result.drift);
        if (r >= 0 && !request->look_only)
                r = merged_files_stage(&m.generated, m.store, error);
        if (r >= 0 && !request->look_only)
                r = merged_files_stage(&m.edits, m.store, error);
        if (r < 0)
                return r;
        *ret = result;
        result = MERGE_RESULT_NULL;
        return 0;
}
