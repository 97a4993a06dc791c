/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The first process of a machine, from clone3() to exec. */

#include "boot/plan.h"
#include "os/seccomp.h"

typedef struct ChildContext {
        const BootPlan *plan;
        int handshake_fd;
        const SeccompFilter *filter; /* NULL: none */
        bool filter_is_custom;
        int stub_fd; /* START_STUB: the stub init, opened on the host; else -EBADF */
        bool has_cgroup;
} ChildContext;

/* Never returns: exec, or a report and _exit(). */
_noreturn_ void child_main(const ChildContext *c);

/* Stages, for child*.c only. Each returns negative errno with @error set. */
int child_join(const ChildContext *c, Error *error);    /* child-join.c */
int child_session(const ChildContext *c, Error *error); /* child-session.c */
int child_filter(const ChildContext *c, Error *error);  /* child-drop.c */
int child_isolate(const ChildContext *c, Error *error); /* child-join.c */
int child_console(const ChildContext *c, Error *error); /* child-session.c */
int child_verify(const ChildContext *c, Error *error);  /* child-verify.c */
int child_drop(const ChildContext *c, Error *error);    /* child-drop.c */
int child_exec(const ChildContext *c, Error *error);    /* child-exec.c */
