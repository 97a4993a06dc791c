/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of one path that ours has and hides: the rules of the drift report. */

#include "stack/merge-parts.h"

#include "stack/merge-path.h"

#include <fnmatch.h>
#include <string.h>

/* Equal for whoever uses it. The time of a directory is its overlay's affair. */
static bool alike(const Entry *a, const Entry *b)
{
        Entry x, y;

        if (!a || !b)
                return a == b;
        x = *a;
        y = *b;
        x.opaque = y.opaque = false;
        return entry_equal(&x, &y, true);
}

static bool is_directory(const Side *s)
{
        return s->entry && s->entry->kind == ENTRY_DIRECTORY;
}

static bool is_file(const Side *s)
{
        return s->entry && s->entry->kind == ENTRY_FILE;
}

/* A text with what its merge says about it. */
typedef struct Texts {
        char *base, *ours, *theirs;
        Buffer merged;
        MergeNotes notes;
} Texts;

static void texts_done(Texts *t)
{
        free(t->base);
        free(t->ours);
        free(t->theirs);
        buffer_done(&t->merged);
        merge_notes_done(&t->notes);
}

/* Owner, mode and attributes are ours if we changed them, else theirs. */
static void merge_attributes(const Sides *s, Entry *ret)
{
        const Entry *b = s->base.entry, *o = s->ours.entry, *t = s->theirs.entry;
        bool unchanged = b && b->mode == o->mode && b->uid == o->uid && b->gid == o->gid;

        *ret = *(unchanged ? t : o);
        ret->mtime = MAX_OF(o->mtime, t->mtime);
        ret->kind = ENTRY_FILE;
}

static int report_notes(Merge *m, const Sides *s, const MergeRule *rule, const MergeNotes *notes)
{
        size_t conflicts = 0;
        const char *first = NULL;
        char *detail = NULL;

        for (size_t i = 0; i < notes->n && !rule->backup; i++) {
                const MergeNote *n = notes->list + i;
                int r = 0;

                if (n->kind == MERGE_NOTE_CLASH)
                        r = merge_warn(m, "%s: %s (%s of %s)", s->path, n->text, rule->what,
                                       s->layer ?: "the machine");
                if (n->kind == MERGE_NOTE_PINNED &&
                    (asprintf(&detail, "%s: %s", n->key, n->text) < 0 ||
                     merge_report(m, DRIFT_PINNED, s, detail, false) < 0))
                        r = -ENOMEM;
                if (n->kind == MERGE_NOTE_CONFLICT && conflicts++ == 0)
                        first = i < notes->n ? n->text : NULL;
                if (r < 0)
                        return r;
        }
        detail = NULL;
        if (conflicts > 0) {
                const char *key = NULL;

                for (size_t i = 0; i < notes->n && !key; i++)
                        if (notes->list[i].kind == MERGE_NOTE_CONFLICT)
                                key = notes->list[i].key;
                if (asprintf(&detail, "%zu of its %s in conflict: %s: %s", conflicts, rule->what,
                             key, first) < 0)
                        return -ENOMEM;
        }
        return merge_report(m, conflicts > 0 ? DRIFT_CONFLICT : DRIFT_MERGED, s, detail, false);
}

static bool same_text(const Buffer *merged, const char *text)
{
        return strcmp(merged->data ?: "", text ?: "") == 0;
}

/* 1: it is decided; 0: these are no texts of the form. */
static int decide_texts(Merge *m, const Sides *s, const MergeRule *rule, Decision *ret,
                        MergedFile **ret_merged)
{
        _cleanup_(texts_done) Texts t = {};
        _cleanup_(merged_file_freep) MergedFile *file = NULL;
        Entry attributes;
        size_t size;
        int r = merge_read_text(m, &s->base, &t.base, &size);

        if (r >= 0)
                r = merge_read_text(m, &s->ours, &t.ours, &size);
        if (r >= 0)
                r = merge_read_text(m, &s->theirs, &t.theirs, &size);
        if (r < 0)
                return r;
        if (!t.ours || !t.theirs)
                return 0;
        r = rule->merge(&(MergeTexts){ t.base, t.ours, t.theirs }, &t.merged, &t.notes);
        if (r == -EBADMSG)
                return 0;
        if (r >= 0)
                r = report_notes(m, s, rule, &t.notes);
        if (r < 0)
                return r;
        merge_attributes(s, &attributes);
        *ret = DECISION_MERGED;
        if (same_text(&t.merged, t.ours) && attributes.mode == s->ours.entry->mode &&
            attributes.uid == s->ours.entry->uid && attributes.gid == s->ours.entry->gid)
                *ret = DECISION_OURS;
        else if (same_text(&t.merged, t.theirs) && attributes.mode == s->theirs.entry->mode &&
                 attributes.uid == s->theirs.entry->uid && attributes.gid == s->theirs.entry->gid)
                *ret = DECISION_THEIRS;
        if (*ret != DECISION_MERGED)
                return 1;
        attributes.size = t.merged.size;
        r = merged_file_new(s->path, &attributes, NULL, &file);
        if (r >= 0) {
                file->content = buffer_steal(&t.merged);
                r = file->content ? merged_file_hash(file) : -ENOMEM;
        }
        if (r < 0)
                return r;
        *ret_merged = TAKE_PTR(file);
        return 1;
}

static int decide_directory(Merge *m, const Sides *s, Decision *ret)
{
        const Entry *b = s->base.entry, *o = s->ours.entry, *t = s->theirs.entry;

        if (!b && !t)
                return 0;
        if (t && !is_directory(&s->theirs))
                return merge_report(m, DRIFT_CONFLICT, s, strdup("a directory here, none below"),
                                    false);
        if (!b || !t || alike(o, t))
                return 0;
        if (alike(o, b)) {
                /* The state's directory holds other things: its attributes stay. */
                if (s->layer)
                        *ret = DECISION_THEIRS;
                return 0;
        }
        return alike(b, t) ? merge_report(m, DRIFT_OURS, s, strdup("owner or mode"), false)
                           : merge_report(m, DRIFT_CONFLICT, s, strdup("owner or mode"), false);
}

/* What base and theirs have at and below a directory that ours hides. */
static bool hidden_directory_changed(const Sides *s)
{
        size_t i, j, n, k;

        if (!s->base.view || !s->theirs.view)
                return true;
        n = view_below(s->base.view, s->path, &i);
        k = view_below(s->theirs.view, s->path, &j);
        if (n != k)
                return true;
        for (; n > 0; n--, i++, j++)
                if (strcmp(s->base.view->entries[i].path, s->theirs.view->entries[j].path) != 0 ||
                    !alike(s->base.view->entries[i].entry, s->theirs.view->entries[j].entry))
                        return true;
        return false;
}

static int decide_whiteout(Merge *m, const Sides *s)
{
        bool changed;
        int r;

        if (!s->theirs.entry)
                return 0;
        changed = !alike(s->base.entry, s->theirs.entry) ||
                  (is_directory(&s->theirs) && hidden_directory_changed(s));
        r = merge_report(m, changed ? DRIFT_CONFLICT : DRIFT_OURS, s, strdup("removed here"),
                         changed);
        if (r >= 0)
                m->candidates[m->n_candidates - 1].removed = true;
        return r;
}

/* Byte code of a source that ours does not have: whoever has the source has the right one. */
static bool is_compiled_from_theirs(const Sides *s)
{
        return !s->source && fnmatch("*/__pycache__/*.pyc", s->path, 0) == 0;
}

static int decide_changed(Merge *m, const Sides *s, Decision *ret, MergedFile **ret_merged)
{
        const MergeRule *rule = merge_rule_find(s->path);
        const Entry *b = s->base.entry, *t = s->theirs.entry;
        int r;

        if (!t)
                return b ? merge_report(m, DRIFT_OURS, s, strdup("there is none below any more"),
                                        false)
                         : 0;
        if (alike(b, t))
                return merge_report(m, DRIFT_OURS, s, NULL, false);
        if (strncmp(s->path, "/etc/alternatives/", strlen("/etc/alternatives/")) == 0)
                return 0; /* what is right follows from the database: merge_fix_alternatives() */
        if (is_compiled_from_theirs(s)) {
                *ret = DECISION_THEIRS;
                return merge_report(m, DRIFT_IDENTICAL, s, strdup("made from the file below"),
                                    false);
        }
        if (rule && is_file(&s->ours) && is_file(&s->theirs)) {
                r = decide_texts(m, s, rule, ret, ret_merged);
                if (r != 0)
                        return r;
                return merge_report(m, DRIFT_CONFLICT, s, strdup("could not be read for a merge"),
                                    false);
        }
        return merge_report(m, DRIFT_CONFLICT, s,
                            s->ours.entry->kind == t->kind
                                    ? NULL
                                    : strdup("not of the same kind as the one below"),
                            true);
}

static int hash_sides(const Merge *m, const Sides *s)
{
        const Entry *o = s->ours.entry;
        int r = 0;

        if (!is_file(&s->ours) || !hash_is_null(&o->content))
                return 0;
        if ((is_file(&s->base) && s->base.entry->size == o->size) ||
            (is_file(&s->theirs) && s->theirs.entry->size == o->size))
                r = view_hash(s->ours.view, m->store, &s->ours.place);
        return r == -ENOENT ? 0 : r; /* unlike in size, or gone meanwhile: unlike */
}

/* Who a machine is: its own whatever the layers say, and no news to anybody. */
static bool is_identity(const char *path)
{
        static const char *const paths[] = { "/etc/hostname", "/etc/hosts", "/etc/machine-id",
                                             "/etc/resolv.conf" };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                if (strcmp(path, paths[i]) == 0)
                        return true;
        return fnmatch("/etc/ssh/ssh_host_*", path, FNM_PATHNAME) == 0;
}

static int decide(Merge *m, const Sides *s, Decision *ret, MergedFile **ret_merged)
{
        const Entry *b = s->base.entry, *o = s->ours.entry, *t = s->theirs.entry;
        int r;

        if (s->hides)
                return decide_whiteout(m, s);
        if (is_directory(&s->ours))
                return decide_directory(m, s, ret);
        if (!b && !t)
                return 0;
        if (!s->layer && is_identity(s->path))
                return merge_report(m, DRIFT_OURS, s, NULL, false);
        r = hash_sides(m, s);
        if (r < 0)
                return r;
        if (t && entry_equal(o, t, false))
                return 0;
        if (alike(o, b)) {
                if (alike(o, t) && o->mtime != b->mtime)
                        return 0; /* touched, for whatever reason */
                if (s->layer && is_directory(&s->theirs))
                        return merge_report(m, DRIFT_CONFLICT, s, strdup("a directory below"),
                                            false);
                *ret = DECISION_THEIRS;
                return alike(b, t) ? 0 : merge_report(m, DRIFT_IDENTICAL, s, NULL, false);
        }
        return alike(o, t) ? 0 : decide_changed(m, s, ret, ret_merged);
}

int merge_decide(Merge *m, const Sides *s, Decision *ret, MergedFile **ret_merged)
{
        int r;

        *ret = DECISION_OURS;
        *ret_merged = NULL;
        r = decide(m, s, ret, ret_merged);
        if (r == -ENOMEM)
                return merge_out_of_memory(m);
        return r < 0 ? error_errno(m->error, -r, "Failed to compare '%s' with what is below",
                                   s->path)
                     : 0;
}
