/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The two processes of an entry. The joiner is forked by us straight into the machine's cgroup,
 * joins the namespaces and forks the payload as our child, not its own (CLONE_PARENT), since a pid
 * namespace only holds for children. All is prepared before: between fork and exec there are only
 * system calls.
 *
 *   we                       joiner                       payload
 *   clone(cgroup) ---------> rlimits, setns
 *                            clone(CLONE_PARENT) -------> session, pty, user, capabilities, filter
 *   <-- ENTER_PID ---------- exit
 *   <-- ENTER_TERMINAL (fd of the pty) -----------------  exec: the socket closes by itself
 *   <-- any other step, errno, path --------------------  or exit(127)
 */

#include "machine/enter.h"
#include "machine/user.h"

#include "os/seccomp.h"

typedef enum EnterStep {
        ENTER_PID,      /* not an error: the payload's number */
        ENTER_TERMINAL, /* number 0: the pty's descriptor is attached */
        ENTER_LIMITS,
        ENTER_NAMESPACES,
        ENTER_ROOT,
        ENTER_FORK,
        ENTER_STDIO,
        ENTER_DIRECTORY,
        ENTER_USER,
        ENTER_PRIVILEGES,
        ENTER_FILTER,
        ENTER_INTERPRETER, /* the command is there, what its first line names is not */
        ENTER_EXEC,
        _ENTER_STEP_MAX,
} EnterStep;

typedef struct EnterMessage {
        int step, number; /* positive errno */
        pid_t pid;
        char path[200];
} EnterMessage;

typedef struct EnterPlan {
        const Machine *machine;
        const EnterRequest *request;
        User user;
        char **argv, **environment;
        const char *file;      /* what to execute: argv[0] of a login shell is not it */
        const char *directory; /* @request's, or the default */
        SeccompFilter filter;  /* length 0: none */
        void *filter_code;
        int namespaces; /* CLONE_NEW* to join */
        int root_fd;    /* root directory of the machine's PID 1 */
        int socket_fd;  /* where messages go */
} EnterPlan;

/* Runs in the forked joiner; never returns. */
_noreturn_ void enter_child(EnterPlan *plan);
