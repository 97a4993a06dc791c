/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stages of the first process, in order, each in its own file. What one stage may still do and
 * the next no longer can is said at the head of each. */

#include "boot/child.h"

#include "boot/handshake.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

_noreturn_ static void child_fail(const ChildContext *c, const Error *error)
{
        handshake_send_error(c->handshake_fd, error);
        _exit(EXIT_FAILURE);
}

typedef int (*Stage)(const ChildContext *c, Error *error);

static int run_stages(const ChildContext *c, const Stage *stages, size_t n, Error *error)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = stages[i](c, error);
        return r;
}

/* All that needs no permission to run: done while the supervisor builds the file systems and writes
 * down that the machine is there. */
static int prepare(const ChildContext *c, Error *error)
{
        static const Stage stages[] = { child_join,    child_session, child_filter, child_isolate,
                                        child_console, child_verify,  child_drop };
        /* a filter of the user's own might forbid the rest of the handshake: it comes later */
        static const Stage unfiltered[] = { child_join, child_session, child_isolate, child_console,
                                            child_verify };

        return c->filter_is_custom ? run_stages(c, unfiltered, ELEMENTSOF(unfiltered), error)
                                   : run_stages(c, stages, ELEMENTSOF(stages), error);
}

_noreturn_ void child_main(const ChildContext *c)
{
        static const Stage filtered[] = { child_filter, child_drop };
        Error error = ERROR_NULL;
        int r = prepare(c, &error);

        if (r >= 0)
                r = handshake_send(c->handshake_fd, HANDSHAKE_PREPARED);
        if (r >= 0)
                r = handshake_wait(c->handshake_fd, HANDSHAKE_GO, &error);
        if (r == 1)
                _exit(EXIT_FAILURE); /* the supervisor is gone */
        if (r >= 0 && c->filter_is_custom)
                r = run_stages(c, filtered, ELEMENTSOF(filtered), &error);
        if (r >= 0)
                (void)child_exec(c, &error);
        if (error.number == 0)
                error_errno(&error, r < 0 ? -r : EIO,
                            "Failed to start the machine's first process");
        child_fail(c, &error);
}
