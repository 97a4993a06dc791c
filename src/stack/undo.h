/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way back to layers that the machine has had: the records of the switches since then, read
 * from the newest to the oldest. What they took out of upper/ is put back as it was, wherever
 * the machine has not touched since what they put there. */

#include "stack/journal.h"

typedef struct UndoItem {
        char *path;
        char *source;           /* what was there, "saved/5/0"; NULL: nothing was */
        uint64_t inode;         /* what the newest switch left there; 0: nothing */
        struct timespec change; /* its st_ctim */
        bool decided;           /* @source says something */
        bool restored;          /* by undo_add_edits() */
} UndoItem;

typedef struct Undo {
        unsigned generation;   /* that it leads back to; 0: there is no such way */
        struct timespec since; /* the end of the newest switch */
        unsigned *records;     /* generations whose switches are taken back, newest first */
        size_t n_records;
        UndoItem *items; /* in the order in which they are to be undone */
        size_t n_items;
        StackLayer *lowers; /* of that generation */
        size_t n_lowers;
} Undo;

#define UNDO_NULL ((Undo){})
#define _cleanup_undo_ _cleanup_(undo_done)
void undo_done(Undo *u);

/* From generation @in_force to one with the layers of @wanted. */
int undo_find(const SwitchPlace *place, unsigned in_force, const Generation *wanted, Undo *ret,
              Error *error);
/* Adds the edits to the journal, and what else it has to know of them. */
int undo_add_edits(Undo *u, int data_fd, int upper_fd, Journal *j);
/* Whether this path of upper/ is right without any merge: it has been restored, or was there, as it
 * is now, before the switches that are undone. */
bool undo_covers(const Undo *u, int upper_fd, const char *path);
