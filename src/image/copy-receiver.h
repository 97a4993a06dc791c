/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The creating side of a copy: in which directory it is, and how that is called for people. For
 * copy-receive.c and copy-make.c only. */

#include "base/error.h"
#include "image/copy-attribute.h"
#include "image/copy.h"
#include "os/copy-data.h"

#define STAGED_NAME_SIZE 64

typedef enum FrameKind {
        FRAME_THERE,   /* was there before: entries are staged, it keeps what it has */
        FRAME_STAGED,  /* ours, under another name until it is complete */
        FRAME_OURS,    /* ours, inside of a staged one */
        FRAME_SKIPPED, /* could not be made: so is nothing in it */
} FrameKind;

/* A directory that we are in. */
typedef struct Frame {
        FrameKind kind;
        int fd;
        char *name; /* in the frame below, as it will be; "" for the first two */
        char staged[STAGED_NAME_SIZE];
} Frame;

typedef struct Receiver {
        const CopyTarget *target;
        Frame *frames; /* the first is where the copy goes */
        size_t n, n_allocated;
        char *name; /* of the copy there; "": it is the directory itself */
        bool name_shown, directory_wanted, began;
        CopyAttributes attributes;
        DataCopier data;
        unsigned n_staged;
        char *buffer;
} Receiver;

static inline Frame *receiver_top(const Receiver *c)
{
        return &c->frames[c->n - 1];
}

static inline bool receiver_is_at_root(const Receiver *c)
{
        return c->n == 1;
}

/* Removes what is not complete. */
void receiver_done(Receiver *c);
/* Goes into a directory. Takes @fd. */
int receiver_push(Receiver *c, FrameKind kind, int fd, const char *name, const char *staged);
void receiver_pop(Receiver *c);
/* Of the entry @name in the directory where we are: 0 where the rest goes on, else with @error. */
int receiver_failed(const Receiver *c, const char *name, int r, Error *error, const char *what);
void receiver_note(const Receiver *c, CopyNoteKind kind, const char *name);
