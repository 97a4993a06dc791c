/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parts of a merge share; for merge*.c and drift*.c only. */

#include "stack/merge.h"
#include "stack/merged-file.h"
#include "stack/text-merge.h"
#include "stack/view.h"

#define MERGE_TEXT_MAX ((size_t)64 * 1024 * 1024) /* of a file that is merged or looked into */

/* Trees of the store, each loaded once. */
typedef struct LoadedTree {
        Hash id;
        Manifest manifest;
} LoadedTree;

/* Something to report, before its owner is known. */
typedef struct Candidate {
        DriftItem item;
        bool both;    /* both sides changed it, and it could not be merged */
        bool removed; /* ours has removed it */
} Candidate;

typedef struct Merge {
        const MergeRequest *request;
        Store *store;
        Error *error;
        LoadedTree **trees;
        size_t n_trees;
        Manifest upper;
        View before;           /* the stack before, with its generated layer */
        View after;            /* the stack after, without the generated one */
        View seen;             /* the same with it and with the upper layer */
        Manifest top;          /* the generated layer in there */
        MergedFiles generated; /* what the generated layer is to hold */
        MergedFiles edits;     /* what the state is to hold */
        Candidate *candidates;
        size_t n_candidates;
        char **warnings;
} Merge;

/* One path, as one side has it. */
typedef struct Side {
        const Entry *entry; /* NULL: not there */
        const View *view;   /* where its content is; NULL: in @file */
        ViewEntry place;
        const MergedFile *file;
} Side;

typedef struct Sides {
        const char *path;
        const char *layer; /* whose ours is; NULL: the state */
        Side base, ours, theirs;
        bool hides;  /* ours is a whiteout */
        bool source; /* ours also has the source that a compiled file was made from */
} Sides;

typedef enum Decision {
        DECISION_OURS,   /* it stays as it is */
        DECISION_THEIRS, /* what is below is to be seen */
        DECISION_MERGED, /* *ret_merged */
} Decision;

/* Reports what there is to report about the path. */
int merge_decide(Merge *m, const Sides *s, Decision *ret, MergedFile **ret_merged);

void merge_done(Merge *m);

/* The lowest @n layers of a generation, with a further tree on top if that is not NULL. */
int merge_view_of_generation(Merge *m, const Generation *g, size_t n, const Hash *top, View *ret);
/* What the layer was made on. */
int merge_view_of_bases(Merge *m, const StackLayer *layer, const Commit *commit, View *ret);
/* The stacks before and after. */
int merge_view_stacks(Merge *m);
int merge_scan_upper(Merge *m);

int merge_load_tree(Merge *m, const Hash *id, Manifest **ret);
/* A side from a view; @v may be NULL. */
Side merge_side(const View *v, const char *path);
/* A side from what was made so far, or else from the view. */
Side merge_side_over(const MergedFiles *files, const View *v, const char *path);
/* The text of a file; NULL in *ret if it is not there or no text. */
int merge_read_text(Merge *m, const Side *side, char **ret, size_t *ret_size);
int merge_out_of_memory(const Merge *m);

/* What the machine sees at last: edits, the upper layer, the generated layer, the stack. With
 * @state false: without the first two. */
Side merge_seen(const Merge *m, bool state, const char *path);
/* The same, through a link in place of the first directory ("/bin" of a merged /usr). */
Side merge_seen_through(const Merge *m, bool state, const char *path, char **ret_path);
/* A whole directory of it: the entries directly below, by their names. */
int merge_seen_names(const Merge *m, bool state, const char *directory, char ***ret);
/* Whether the machine goes from one stack to another. */
bool merge_changes_stack(const Merge *m);

/* Reports a path. @detail_consume may be NULL. */
int merge_report(Merge *m, DriftKind kind, const Sides *s, char *detail_consume, bool both);
int merge_warn(Merge *m, const char *format, ...) _printf_(2, 3);

/* Links of alternatives whose choice is gone or not the best any more. */
int merge_fix_alternatives(Merge *m, bool state);
/* ld.so.cache, if the layers or the state bring libraries. */
int merge_fix_libraries(Merge *m);

/* From candidates to items, packages and warnings. */
int drift_finish(Merge *m, Drift *ret);
/* The packages' database before and after. */
int drift_packages(Merge *m, Drift *ret);
/* Libraries that a program needs and nobody has. */
int drift_sonames(Merge *m);
