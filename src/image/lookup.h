/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A path that a process is about to look up, read from a system call that a seccomp listener shows
 * before it runs. Says what is asked for, not whether it is there. */

#include <linux/seccomp.h>
#include <stdbool.h>

typedef struct Lookup {
        const char *call; /* "openat" */
        char *path;       /* absolute, in the mount namespace of the process */
        char *process;    /* name of the program that asks */
        bool execution;   /* of the file */
        bool creation;    /* the file may be missing, its directory not */
        bool link_itself; /* a link at the end is not followed */
} Lookup;

#define LOOKUP_NULL ((Lookup){})
#define _cleanup_lookup_ __attribute__((cleanup(lookup_done)))
void lookup_done(Lookup *l);

/* The calls that look up paths, with spaces between. The caller frees it. */
char *lookup_calls(void);
/* -ENODATA: it names no path (an open descriptor is asked about, or memory cannot be read).
 * -ESRCH: the process is gone. */
int lookup_read(int listener_fd, const struct seccomp_notif *n, Lookup *ret);
