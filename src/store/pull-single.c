/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contents one by one, many at a time. What comes this way is the last resort: here a wrong content
 * ends the pull. */

#include "store/pull-parts.h"

#include "store/compress.h"

#include <string.h>

typedef struct Single {
        PullJob *job;
        const Content *content;
        ContentWriter writer;
        Decompressor *decompressor;
} Single;

typedef struct Queue {
        PullJob *job;
        size_t next;
} Queue;

static int begin(Single *s, Error *error)
{
        int r = content_writer_begin(&s->writer, s->job, s->content, error);

        if (r < 0)
                return r;
        s->decompressor = decompressor_free(s->decompressor);
        r = decompressor_new(NULL, 0, s->content->size, content_writer_add, &s->writer,
                             &s->decompressor);
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}

static int refuse(const Single *s, const TransferItem *item, Error *error)
{
        _cleanup_free_ char *url = pull_url(s->job, item->path);

        error_hint(error, "ask who publishes it; nothing of it is used");
        return error_set(error, EBADMSG, "'%s' is not the content of '%s' that was signed",
                         url ?: "", s->content->entries[0]->path);
}

static int on_data(TransferItem *item, const void *data, size_t size, Error *error)
{
        Single *s = item->userdata;
        int r = s->decompressor ? 0 : begin(s, error);

        if (r < 0)
                return r;
        s->writer.error = error;
        r = decompressor_add(s->decompressor, data, size);
        return r == -EBADMSG || r == -EFBIG ? refuse(s, item, error) : r;
}

static int on_restart(TransferItem *item, bool from_start, Error *error)
{
        Single *s = item->userdata;

        s->decompressor = decompressor_free(s->decompressor);
        return 0;
}

static int on_end(TransferItem *item, Error *error)
{
        Single *s = item->userdata;
        int r = s->decompressor ? decompressor_end(s->decompressor) : -EBADMSG;

        s->writer.error = error;
        if (r >= 0)
                r = content_writer_end(&s->writer);
        if (r == -EBADMSG)
                return refuse(s, item, error);
        if (r < 0)
                return r;
        pull_got(s->job, s->content);
        return progress_step(s->job->options->progress, 0, 1) < 0
                       ? error_set(error, ECANCELED, "Stopped")
                       : 0;
}

static void on_free(TransferItem *item)
{
        Single *s = item->userdata;

        (void)decompressor_free(s->decompressor);
        content_writer_done(&s->writer);
        free(s);
}

static int next(TransferItem *item, void *userdata, Error *error)
{
        Queue *q = userdata;
        PullJob *job = q->job;
        const Content *content;
        Single *s;

        while (q->next < job->contents.n && job->have[q->next])
                q->next++;
        if (q->next == job->contents.n)
                return 0;
        content = &job->contents.items[q->next++];
        s = calloc(1, sizeof(*s));
        if (!s)
                return error_set(error, ENOMEM, "Out of memory");
        *s = (Single){ .job = job, .content = content, .writer = CONTENT_WRITER_NULL };
        *item = (TransferItem){ .path = strdup(site_content(&content->hash).path),
                                .limit = content->size + content->size / 128 + 1024,
                                .on_data = on_data,
                                .on_restart = on_restart,
                                .on_end = on_end,
                                .on_free = on_free,
                                .userdata = s };
        if (!item->path) {
                free(s);
                return error_set(error, ENOMEM, "Out of memory");
        }
        return 1;
}

int pull_by_singles(PullJob *job, Error *error)
{
        Queue q = { .job = job };
        int r;

        progress_begin(job->options->progress, "Downloading", 0, job->n_missing);
        r = transfer_get_all(job->transfer, next, &q, error);
        if (r == -ENOENT)
                error_hint(error, "if somebody is publishing at this moment: stead pull %s:%s",
                           job->remote->name, job->name);
        return r;
}
