/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a tree is here, what can be made from what is here, and which way the rest comes. */

#include "store/pull-parts.h"

#include <string.h>

#define PIECE (256 * 1024)

/* Whether the store has all objects with that content. */
static int has_all(PullJob *job, const Content *c)
{
        for (size_t i = 0; i < c->n; i++) {
                Hash id;
                int r = entry_object_id(job->store->hasher, c->entries[i], &id);

                if (r < 0)
                        return r;
                if (!store_has_object(job->store, &id))
                        return 0;
        }
        return 1;
}

static int copy(ContentWriter *w, int fd, char *piece, Error *error)
{
        for (;;) {
                ssize_t n = read(fd, piece, PIECE);
                int r;

                if (n < 0)
                        return error_errno(error, errno, "Failed to read a file of the store");
                if (n == 0)
                        return 0;
                r = content_writer_add(piece, (size_t)n, w);
                if (r < 0)
                        return r;
        }
}

/* From an object with the same content and other attributes. It is hashed on the way: one that is
 * damaged must not be copied. Returns whether there was one. */
static int make_from_local(PullJob *job, ContentWriter *w, const Content *c, char *piece,
                           Error *error)
{
        const Content *old = job->has_old ? content_list_find(&job->old_contents, &c->hash) : NULL;
        _cleanup_close_ int fd = content_open(job->store, c);
        int r;

        if (fd == -ENOENT && old)
                fd = content_open(job->store, old);
        if (fd < 0)
                return fd == -ENOENT ? 0 : error_errno(error, -fd, "Failed to open an object");
        r = content_writer_begin(w, job, c, error);
        if (r >= 0)
                r = copy(w, fd, piece, error);
        if (r >= 0)
                r = content_writer_end(w);
        if (r == -EFBIG || r == -EBADMSG)
                return 0;
        return r < 0 ? r : 1;
}

static int look_at_contents(PullJob *job, Error *error)
{
        _cleanup_content_writer_ ContentWriter writer = CONTENT_WRITER_NULL;
        _cleanup_free_ char *piece = malloc(PIECE);

        if (!piece)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 0; i < job->contents.n; i++) {
                const Content *c = &job->contents.items[i];
                int r = has_all(job, c);

                if (r < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                if (r == 0) {
                        r = make_from_local(job, &writer, c, piece, error);
                        job->result.n_local += r > 0;
                }
                if (r < 0)
                        return r;
                job->have[i] = r > 0;
                job->n_missing += r == 0;
                job->missing_bytes += r == 0 ? c->size : 0;
        }
        return 0;
}

int pull_look_again(PullJob *job, Error *error)
{
        for (size_t i = 0; i < job->contents.n; i++) {
                const Content *c = &job->contents.items[i];
                int r = job->have[i] ? 0 : has_all(job, c);

                if (r < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                if (r == 0)
                        continue;
                job->have[i] = true;
                job->n_missing--;
                job->missing_bytes -= c->size;
        }
        return 0;
}

/* All that a link is, is in the manifest. */
static int stage_links(PullJob *job, Error *error)
{
        for (size_t i = 0; i < job->manifest.n; i++) {
                const Entry *e = &job->manifest.entries[i];
                Hash id;
                int r;

                if (e->kind != ENTRY_SYMLINK)
                        continue;
                r = entry_object_id(job->store->hasher, e, &id);
                if (r < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                if (store_has_object(job->store, &id))
                        continue;
                r = store_stage_object(job->store, -EBADF, e, true, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

void pull_got(PullJob *job, const Content *content)
{
        job->have[content - job->contents.items] = true;
        job->n_missing--;
        job->missing_bytes -= content->size;
        job->result.n_contents++;
}

int pull_get_contents(PullJob *job, Error *error)
{
        int r;

        job->have = calloc(job->contents.n + 1, sizeof(bool));
        if (!job->have)
                return error_set(error, ENOMEM, "Out of memory");
        r = look_at_contents(job, error);
        if (r >= 0)
                r = stage_links(job, error);
        if (r >= 0 && job->n_missing > 0 && job->has_old && job->old_is_published)
                r = pull_by_delta(job, error);
        if (r >= 0 && job->missing_bytes > job->contents.bytes / 2)
                r = pull_by_packs(job, error);
        if (r >= 0 && job->n_missing > 0)
                r = pull_by_singles(job, error);
        return r;
}
