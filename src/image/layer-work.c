/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/layer-work.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SHARED_SIZE (LAYER_WORK_COUNTERS * sizeof(uint64_t))

/* Workers leave the signals that they end by blocked, so that they wait for us from then on. */
static bool is_interrupted(void)
{
        sigset_t pending;

        return sigpending(&pending) >= 0 &&
               (sigismember(&pending, SIGINT) > 0 || sigismember(&pending, SIGTERM) > 0 ||
                sigismember(&pending, SIGHUP) > 0);
}

static int on_progress(Progress *p)
{
        Progress *shown = ((LayerWork *)p->userdata)->shown;

        if (is_interrupted())
                return 1;
        if (!shown)
                return 0;
        shown->stage = p->stage;
        shown->done_bytes = p->done_bytes;
        shown->done_objects = p->done_objects;
        shown->total_bytes = shown->total_objects = 0;
        return progress_step(shown, 0, 0);
}

int layer_work_begin(Store *store, Progress *progress, LayerWork *work, Error *error)
{
        _cleanup_free_ char *parent = NULL;
        int r;

        *work = LAYER_WORK_NULL;
        work->shown = progress;
        work->progress =
                (Progress){ .stage = "Storing", .on_progress = on_progress, .userdata = work };
        work->shared =
                mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (work->shared == MAP_FAILED)
                work->shared = NULL;
        if (!work->shared || asprintf(&parent, "%s/import", store->path) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = staging_new(parent, "layer", &work->staging, error);
        if (r < 0)
                return r;
        if (asprintf(&work->path, "%s/%s", parent, work->staging.temporary) < 0) {
                work->path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return 0;
}

void layer_work_done(LayerWork *work)
{
        staging_done(&work->staging);
        if (work->shared)
                (void)munmap(work->shared, SHARED_SIZE);
        free(work->path);
        *work = LAYER_WORK_NULL;
}

int layer_work_directory(const LayerWork *work, const char *name, int *ret_fd, Error *error)
{
        int fd;

        if (mkdirat(work->staging.fd, name, 0755) < 0)
                return error_errno(error, errno, "Failed to make '%s/%s'", work->path, name);
        fd = openat(work->staging.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        /* whatever the umask is, and whenever it is done: the same source is the same tree */
        if (fd >= 0 && fchmod(fd, 0755) >= 0 &&
            futimens(fd, (struct timespec[]){ { .tv_sec = 0 }, { .tv_sec = 0 } }) >= 0) {
                *ret_fd = fd;
                return 0;
        }
        closep(&fd);
        return error_errno(error, errno, "Failed to open '%s/%s'", work->path, name);
}

/* Whoever shows progress tells stages apart by their address and may keep it, so each is a
 * constant.
 */
static const char *stage_name(const char *stage)
{
        static const char *const names[] = {
                "Unpacking",
                "Checking",
                "Downloading packages",
                "Downloading",
                "Reading package lists",
                "Installing the base system",
                "Installing packages",
                "Cleaning up",
                "Preparing Debian",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strncasecmp(stage, names[i], strlen(names[i])) == 0)
                        return names[i];
        return "Working";
}

static void on_stage(const char *stage, void *userdata)
{
        const LayerWork *work = userdata;
        Progress *p = work->shown;

        if (!p)
                return;
        if (stage)
                p->stage = stage_name(stage);
        p->done_bytes = work->shared[LAYER_WORK_DONE];
        if (p->total_bytes > 0)
                p->done_bytes = MIN_OF(p->done_bytes, p->total_bytes);
        (void)progress_step(p, 0, 0); /* a signal ends the worker, see worker_run() */
}

int layer_work_run(LayerWork *work, uint64_t total, WorkerFunction function, void *argument,
                   Error *error)
{
        int r;

        work->shared[LAYER_WORK_DONE] = 0;
        if (work->shown) {
                work->shown->stage = "Working";
                work->shown->done_bytes = work->shown->done_objects = 0;
                work->shown->total_objects = 0;
                work->shown->total_bytes = total;
        }
        r = worker_run(function, argument, on_stage, work, error);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s; stead layer gc", work->path);
        return r;
}
