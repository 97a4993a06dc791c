/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Copies of files and trees with all that belongs to them: owners, modes, times, hard links, holes,
 * ACLs, extended attributes, file capabilities. One side walks and opens, the other one creates,
 * each in its own process; see copy-entry.h for what they say. Neither follows a link below the
 * path that it was given, and a file has its name only when all of it is there. */

#include "image/worker.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What could not be kept but is no failure, counted, with the first that it happened to. */
typedef enum CopyNoteKind {
        COPY_NOTE_OWNER,     /* the owner is unknown on the other side: nobody */
        COPY_NOTE_ATTRIBUTE, /* the other side takes no such attribute */
        COPY_NOTE_DEVICE,    /* device nodes are left out */
        _COPY_NOTE_MAX,
} CopyNoteKind;

typedef struct CopyNote {
        uint64_t count;
        char first[512];
} CopyNote;

/* In memory that both processes and their parent share; each side has one of its own. */
typedef struct CopyTotals {
        uint64_t n_failed; /* entries, each told to on_failure */
        CopyNote notes[_COPY_NOTE_MAX];
} CopyTotals;

/* Part of the name of what is not complete yet, so that a tree which is copied into itself does not
 * go on with its own copy. */
#define COPY_TOKEN_SIZE 17

typedef struct CopyOptions {
        /* Called in the process where it happened, for entries that cannot be copied; then the rest
         * is. NULL: the first failure is the end. */
        void (*on_failure)(const char *message);
        const char *token;
        const char *label; /* before paths in messages, as "web:/srv" */
        CopyTotals *totals;
        int socket_fd;
} CopyOptions;

typedef struct CopySource {
        CopyOptions options;
        int root_fd;      /* paths are resolved inside of it */
        const char *path; /* absolute; a link at its end is copied as one, unless a '/' follows */
        bool one_mount;   /* what is mounted below stays out */
} CopySource;

typedef struct CopyTarget {
        CopyOptions options;
        int root_fd;
        const char *path; /* absolute */
        const char *name; /* of the source, if @path is a directory; "" for its content */
        bool must_be_directory;
        bool adopt;   /* @path is an empty directory which becomes the copy itself */
        bool devices; /* make device nodes */
        mode_t mode;  /* of a file that is copied by itself; (mode_t)-1: as it is */
        uid_t uid;    /* of everything; (uid_t)-1: as it is */
        gid_t gid;
        uint32_t size;                     /* number of ids that this side knows; 0: all */
        uint32_t source_base, source_size; /* the other side's ids on the host; size 0: all */
} CopyTarget;

/* The two sides, each for a process that does nothing else. -ECONNABORTED: the other side has
 * ended, and its error is the one that counts. */
int copy_send(const CopySource *source, Error *error);
int copy_receive(const CopyTarget *target, Error *error);

int copy_token(char ret[static COPY_TOKEN_SIZE]);
/* Zeroed, shared with children; goes with munmap(). */
CopyTotals *copy_totals_new(void);

/* For the two sides. */
void copy_note(CopyTotals *totals, CopyNoteKind kind, const char *path);
/* Tells of a failure at @path and returns 0, or returns it with @error set where none is allowed.
 */
int copy_failed(const CopyOptions *options, const char *path, int r, Error *error,
                const char *what);

/* Copies the content of @source into the directory @target (absolute paths), sharing blocks where
 * the file system can, without what is mounted below. */
int copy_tree(Worker *worker, const char *source, const char *target, Error *error);
