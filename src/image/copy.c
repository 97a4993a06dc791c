/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two sides of a copy share, and a copy with both sides on the host. */

#include "image/copy.h"

#include "base/fd.h"
#include "image/errand.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

int copy_token(char ret[static COPY_TOKEN_SIZE])
{
        uint64_t random;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return -errno;
        (void)snprintf(ret, COPY_TOKEN_SIZE, "%016llx", (unsigned long long)random);
        return 0;
}

CopyTotals *copy_totals_new(void)
{
        void *p = mmap(NULL, sizeof(CopyTotals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0);

        return p == MAP_FAILED ? NULL : p;
}

void copy_note(CopyTotals *totals, CopyNoteKind kind, const char *path)
{
        CopyNote *note = &totals->notes[kind];

        if (note->count++ == 0)
                (void)snprintf(note->first, sizeof(note->first), "%s", path);
}

int copy_failed(const CopyOptions *options, const char *path, int r, Error *error, const char *what)
{
        _cleanup_error_ Error e = ERROR_NULL;

        if (r == -ESTALE)
                (void)error_set(&e, ESTALE, "'%s' was changed while it was copied", path);
        else if (r == -ENAMETOOLONG)
                (void)error_set(&e, ENAMETOOLONG, "'%s' is nested too deeply", path);
        else
                (void)error_errno(&e, -r, "Failed to %s '%s'", what, path);
        if (!options->on_failure)
                return error_move(error, &e);
        options->on_failure(e.message ?: "Out of memory");
        options->totals->n_failed++;
        return 0;
}

typedef struct SendSide {
        CopySource source;
        int other_fd; /* the receiver's end */
} SendSide;

static int send_side(void *argument, Error *error)
{
        const SendSide *side = argument;
        int r = errand_die_with_caller();

        (void)close(side->other_fd); /* or its end would never be seen */
        return r < 0 ? r : copy_send(&side->source, error);
}

int copy_tree(Worker *worker, const char *source, const char *target, Error *error)
{
        _cleanup_close_ int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(errand_done) Errand errand = ERRAND_NULL;
        _cleanup_free_ char *content = NULL;
        char token[COPY_TOKEN_SIZE];
        CopyTotals totals = {};
        SendSide from;
        CopyTarget to;
        int pair[2], r, result;

        worker_stage(worker, "copying '%s'", source);
        if (root_fd < 0 || copy_token(token) < 0 ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(error, errno, "Failed to prepare a copy of '%s'", source);
        if (asprintf(&content, "%s/.", source) < 0) {
                content = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        from = (SendSide){ .source = { .options = { .token = token,
                                                    .label = source,
                                                    .totals = &totals,
                                                    .socket_fd = pair[0] },
                                       .root_fd = root_fd,
                                       .path = content,
                                       .one_mount = true },
                           .other_fd = pair[1] };
        to = (CopyTarget){ .options = { .token = token,
                                        .label = target,
                                        .totals = &totals,
                                        .socket_fd = pair[1] },
                           .root_fd = root_fd,
                           .path = target,
                           .name = "",
                           .must_be_directory = true,
                           .adopt = true,
                           .devices = true,
                           .mode = (mode_t)-1,
                           .uid = (uid_t)-1,
                           .gid = (gid_t)-1 };
        r = errand_start(send_side, &from, &errand, error);
        (void)close(pair[0]);
        if (r >= 0)
                r = copy_receive(&to, error);
        (void)close(pair[1]);
        result = errand.pid_fd >= 0 ? errand_wait(&errand, error) : 0;
        return r == -ECONNABORTED && result < 0 ? result : r;
}
