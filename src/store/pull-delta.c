/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contents from a delta. One that is wrong costs what it would have saved, and nothing else. */

#include "store/pull-parts.h"

#include "store/compress.h"
#include "store/delta.h"

/* Fewer than that are got singly: a pull that was cut has most of it. */
#define WORTH_PART 10

/* Returns 1 if it is there now, 0 if what the delta says does not give the content. */
static int apply_item(PullJob *job, const DeltaItem *item, const Content *content,
                      const MappedFile *file, ContentWriter *w, Error *error)
{
        _cleanup_mapped_file_ MappedFile base = MAPPED_FILE_NULL;
        _cleanup_(decompressor_freep) Decompressor *d = NULL;
        int r = item->base ? content_map(job->store, item->base, &base) : 0;

        if (r == -ENOENT || r == -EBADMSG)
                return 0; /* damaged here: not the delta's fault, but nothing to build on */
        if (r < 0)
                return error_errno(error, -r, "Failed to open an object");
        r = content_writer_begin(w, job, content, error);
        if (r < 0)
                return r;
        r = decompressor_new(base.data, base.size, content->size, content_writer_add, w, &d);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = decompressor_add(d, file->data + item->offset, item->size);
        if (r >= 0)
                r = decompressor_end(d);
        if (r >= 0)
                r = content_writer_end(w);
        return r >= 0 ? 1 : r == -EBADMSG || r == -EFBIG ? 0 : r;
}

static int apply(PullJob *job, const Delta *delta, const MappedFile *file, Error *error)
{
        _cleanup_content_writer_ ContentWriter writer = CONTENT_WRITER_NULL;
        uint64_t wrong = 0;

        progress_begin(job->options->progress, "Patching", 0, delta->n);
        for (size_t i = 0; i < delta->n; i++) {
                const DeltaItem *item = &delta->items[i];
                const Content *content = content_list_find(&job->contents, &item->target->hash);
                int r;

                if (job->have[content - job->contents.items])
                        continue;
                r = apply_item(job, item, content, file, &writer, error);
                if (r < 0)
                        return r;
                if (r > 0)
                        pull_got(job, content);
                else
                        wrong++;
                if (progress_step(job->options->progress, content->size, 1) < 0)
                        return error_set(error, ECANCELED, "Stopped");
        }
        if (wrong > 0)
                pull_note(job, "the delta is wrong for %lu of %zu files; getting these singly",
                          (unsigned long)wrong, delta->n);
        return 0;
}

static int use_file(PullJob *job, int fd, const void *userdata, Error *error)
{
        const ContentList *added = userdata;
        _cleanup_mapped_file_ MappedFile file = MAPPED_FILE_NULL;
        _cleanup_delta_ Delta delta = DELTA_NULL;
        int r = mapped_file_open(fd, &file);

        if (r < 0)
                return error_errno(error, -r, "Failed to read a download");
        r = delta_parse(file.data, file.size, &job->old_contents, added, &delta, error);
        return r < 0 ? r : apply(job, &delta, &file, error);
}

int pull_by_delta(PullJob *job, Error *error)
{
        SitePath path = site_delta(&job->old_tree, &job->tree);
        _cleanup_content_list_ ContentList added = CONTENT_LIST_NULL;
        int r = content_list_make(&job->manifest, &job->old_contents, &added);

        if (r < 0)
                return error_errno(error, -r, "Failed to compare two versions of '%s'", job->name);
        if (job->missing_bytes < added.bytes / WORTH_PART)
                return 0;
        return pull_by_file(job,
                            &(PulledFile){
                                    .path = path.path,
                                    .what = "the delta",
                                    .size_max = delta_size_max(&added),
                                    .use = use_file,
                                    .userdata = &added,
                            },
                            error);
}
