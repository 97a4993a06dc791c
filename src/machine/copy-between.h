/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Copying between the host and running machines, or between machines. Each side works in a process
 * that has joined the machine and has there the rights of its root, and none on the host: whatever
 * links, mounts or changing paths a hostile machine puts into the way, what is read and written is
 * what its own root could read and write. Users are numbers of each side: 0 is 0. */

#include "image/copy.h"
#include "machine/machine.h"

typedef struct CopyEnd {
        const Machine *machine; /* NULL: the host */
        const char *path;       /* absolute */
        const char *label;      /* for messages */
} CopyEnd;

typedef struct CopyRequest {
        CopyEnd from, to;
        const char *name; /* of the copy, if @to is a directory; "" for the content of @from */
        bool must_be_directory, devices;
        mode_t mode; /* as in CopyTarget */
        uid_t uid;
        gid_t gid;
        void (*on_failure)(const char *message); /* called in processes of ours */
} CopyRequest;

/* What each side could not keep. */
typedef struct CopyOutcome {
        CopyTotals *sent, *received;
} CopyOutcome;

void copy_outcome_done(CopyOutcome *outcome);

/* 0 also if some entries failed: see @ret. -ECANCELED after SIGINT, SIGTERM or SIGHUP, which are
 * blocked meanwhile; what was complete by then stays. */
int copy_between(const CopyRequest *request, CopyOutcome *ret, Error *error);
