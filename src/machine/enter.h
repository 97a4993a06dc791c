/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starting a process in a running machine: by pidfd, in all its namespaces, in a cgroup of the
 * machine, with its bounding set, limits and system call filter, as a user of its own user
 * database. Works with any init and without anything running inside. Knows nothing of verbs and
 * terminals. */

#include "machine/machine.h"

typedef struct EnterRequest {
        char *const *argv;
        char *const *environment; /* added to the clean block of the user; may be NULL */
        const char *user;         /* name or number; NULL: root */
        const char *directory;    /* NULL: the user's home for a login shell, else "/" */
        bool login_shell;         /* argv is ignored if empty: the user's shell, argv[0] "-sh" */
        int stdio[3];             /* host descriptors for 0, 1, 2; all -EBADF: use the pty */
        bool pty; /* make one in the machine's own devpts, as controlling terminal */
} EnterRequest;

typedef struct EnteredProcess {
        int pid_fd; /* waitid(P_PIDFD) by the caller, whose child it is */
        pid_t pid;
        int pty_fd;   /* master side, or -EBADF */
        char *cgroup; /* directory to remove when the process is gone, or NULL */
} EnteredProcess;

#define ENTERED_PROCESS_NULL ((EnteredProcess){ .pid_fd = -EBADF, .pty_fd = -EBADF })

/* Errors before exec (no such user, no such command, namespace gone) arrive here with their text:
 * -ENOENT no such command, -EACCES not executable, -ESRCH no such user, -ENXIO machine gone. */
int machine_enter(const Machine *machine, const EnterRequest *request, EnteredProcess *ret,
                  Error *error);
void entered_process_done(EnteredProcess *p);

/* Exit status in the shell's sense: n, or 128 + signal. Blocks. */
int entered_process_wait(EnteredProcess *p);
