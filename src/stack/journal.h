/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a switch does to a machine, written down before it is done, and kept afterwards as the
 * record by which a rollback can take it back. Each step is a rename, and whoever does them a
 * second time finds those that were done.
 *
 *   stead-switch 1
 *   generation 6
 *   from 5                       0: the machine had no stack
 *   restores 3                   layers and upper/ are those of generation 3 again
 *   undone 5                     saved/5 has been put back; a line for each
 *   old TREE NAME                the lowers before
 *   lower TREE NAME              the lowers after
 *   edit SOURCE PATH             PATH of upper/ goes to saved/6/INDEX, SOURCE (of the data
 *                                directory) comes in its place; "-": nothing does
 *   time SECONDS NANOSECONDS PATH      the time that this directory keeps
 *   is INDEX INODE SECONDS NANOSECONDS only in a record: what came by which edit, so that a
 *                                      later change of it is noticed */

#include "stack/switch.h"

#include <sys/types.h>
#include <time.h>

typedef struct JournalEdit {
        char *path;
        char *source;           /* NULL: nothing */
        uint64_t inode;         /* 0: not known */
        struct timespec change; /* st_ctim */
} JournalEdit;

typedef struct JournalTime {
        char *path;
        struct timespec time;
} JournalTime;

typedef struct Journal {
        unsigned generation, from, restores;
        unsigned *undone;
        size_t n_undone;
        StackLayer *old, *lowers;
        size_t n_old, n_lowers;
        JournalEdit *edits;
        size_t n_edits;
        JournalTime *times;
        size_t n_times;
        struct timespec written; /* of a loaded one: when its file was */
} Journal;

#define JOURNAL_NULL ((Journal){})
#define _cleanup_journal_ _cleanup_(journal_done)
void journal_done(Journal *j);
int journal_add_edit(Journal *j, const char *path, const char *source);
/* Adds the times of the directories that the edits are in. */
int journal_add_times(Journal *j, int upper_fd);
int journal_add_undone(Journal *j, unsigned generation);

/* "saved/GENERATION/INDEX" */
typedef struct SavedPath {
        char path[48];
} SavedPath;
SavedPath journal_saved_path(unsigned generation, size_t index);

/* Of the data directory. -ENOENT. */
int journal_load(int data_fd, const char *file, Journal *ret, Error *error);
int journal_save(int data_fd, const char *file, const Journal *j, Error *error);

/* Does it: renames, record, `stack`, the end of the journal. */
int journal_apply(const SwitchPlace *place, Journal *j, Error *error);
/* The end of one whose `stack` is written. */
void journal_finish(const SwitchPlace *place, const Journal *j);
/* Removes what one has left that never came to a journal. */
void journal_clean(const SwitchPlace *place);

/* O_PATH of the directory of upper/ that @path is in, without following links: -ENOENT, -ENOTDIR or
 * -ELOOP if there is none. @ret_name points into @path. */
int journal_open_parent(int upper_fd, const char *path, const char **ret_name);
