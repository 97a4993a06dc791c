/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each content by itself: for those who miss only a few, or whose delta is broken. */

#include "store/publish-parts.h"

#include "base/fd.h"
#include "store/compress.h"
#include "store/parallel.h"

#define LEVEL 3 /* thousands of files, and few are ever asked for */

typedef struct ContentWork {
        const PublishJob *job;
        const Content **missing;
        size_t n;
} ContentWork;

static int write_to_fd(const void *data, size_t size, void *userdata)
{
        return write_all(*(int *)userdata, data, size);
}

static int write_content(size_t i, void *userdata)
{
        const ContentWork *w = userdata;
        const Content *content = w->missing[i];
        _cleanup_mapped_file_ MappedFile file = MAPPED_FILE_NULL;
        _cleanup_(compressor_freep) Compressor *c = NULL;
        _cleanup_close_ int fd = -EBADF;
        CompressOptions options = { .level = LEVEL, .size = content->size, .size_known = true };
        int r = content_map(w->job->store, content, &file);

        if (r < 0)
                return r;
        fd = publication_new_file(w->job->site, site_content(&content->hash).path);
        if (fd < 0)
                return fd;
        r = compressor_new(&options, write_to_fd, &fd, &c);
        if (r >= 0)
                r = compressor_add(c, file.data, file.size);
        return r < 0 ? r : compressor_end(c);
}

int publish_contents(PublishJob *job, Error *error)
{
        _cleanup_free_ const Content **missing = calloc(job->contents.n + 1, sizeof(Content *));
        ContentWork work = { .job = job, .missing = missing };
        int r;

        if (!missing)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 0; i < job->contents.n; i++) {
                const Content *content = &job->contents.items[i];

                if (!publication_has(job->site, site_content(&content->hash).path))
                        missing[work.n++] = content;
        }
        progress_begin(job->options->progress, "Compressing files", 0, 0);
        r = parallel_run(work.n, write_content, &work);
        if (r == -ENOENT || r == -EBADMSG) {
                error_hint(error, "stead layer fsck");
                return error_set(error, -r, "A file of '%s' is missing in the store, or damaged",
                                 job->name);
        }
        job->result.n_contents = work.n;
        return r < 0 ? publication_error(job->site, r, error) : 0;
}
