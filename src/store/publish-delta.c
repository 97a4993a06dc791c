/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A delta between two versions of a layer, and the patch of the manifest. */

#include "store/publish-parts.h"

#include "base/fd.h"
#include "store/compress.h"
#include "store/parallel.h"

#define FILE_LEVEL 9 /* 19 saves an eighth and takes twenty times as long */
#define TREE_LEVEL 12

typedef struct DeltaWork {
        PublishJob *job;
        const Delta *delta;
        Buffer *frames; /* one for each item */
} DeltaWork;

static int compress_item(size_t i, void *userdata)
{
        DeltaWork *w = userdata;
        const DeltaItem *item = &w->delta->items[i];
        _cleanup_mapped_file_ MappedFile target = MAPPED_FILE_NULL, base = MAPPED_FILE_NULL;
        int r = content_map(w->job->store, item->target, &target);

        if (r >= 0 && item->base)
                r = content_map(w->job->store, item->base, &base);
        if (r < 0)
                return r;
        return compress_memory(target.data, target.size, FILE_LEVEL, base.data, base.size,
                               &w->frames[i]);
}

static int write_delta(PublishJob *job, const char *path, const ContentList *old, Delta *delta,
                       const Buffer *frames)
{
        _cleanup_buffer_ Buffer head = BUFFER_NULL;
        _cleanup_close_ int fd = -EBADF;
        uint64_t bytes;
        int r;

        for (size_t i = 0; i < delta->n; i++)
                delta->items[i].size = frames[i].size;
        r = delta_write_head(delta, old, &head);
        if (r < 0)
                return r;
        fd = publication_new_file(job->site, path);
        if (fd < 0)
                return fd;
        r = write_all(fd, head.data, head.size);
        bytes = head.size;
        for (size_t i = 0; r >= 0 && i < delta->n; i++) {
                r = write_all(fd, frames[i].data, frames[i].size);
                bytes += frames[i].size;
        }
        if (job->result.n_deltas++ == 0)
                job->result.delta_bytes = bytes;
        return r;
}

static int make_delta(PublishJob *job, const char *path, const Manifest *old_manifest, Error *error)
{
        _cleanup_content_list_ ContentList old = CONTENT_LIST_NULL, added = CONTENT_LIST_NULL;
        _cleanup_delta_ Delta delta = DELTA_NULL;
        DeltaWork work = { .job = job, .delta = &delta };
        int r = content_list_make(old_manifest, NULL, &old);

        if (r >= 0)
                r = content_list_make(&job->manifest, &old, &added);
        if (r < 0)
                return publication_error(job->site, r, error);
        delta.items = calloc(added.n + 1, sizeof(DeltaItem));
        work.frames = calloc(added.n + 1, sizeof(Buffer));
        r = delta.items && work.frames ? 0 : -ENOMEM;
        for (; r >= 0 && delta.n < added.n; delta.n++)
                delta.items[delta.n].target = &added.items[delta.n];
        if (r >= 0)
                r = delta_match(old_manifest, &old, delta.items, delta.n);
        if (r >= 0)
                r = parallel_run(delta.n, compress_item, &work);
        if (r == -ENOENT || r == -EBADMSG) {
                error_hint(error, "stead layer fsck");
                r = error_set(error, -r, "A file of '%s' is missing in the store, or damaged",
                              job->name);
        } else if (r >= 0) {
                r = write_delta(job, path, &old, &delta, work.frames);
        }
        for (size_t i = 0; work.frames && i < added.n; i++)
                buffer_done(&work.frames[i]);
        free(work.frames);
        return r < 0 ? publication_error(job->site, r, error) : 0;
}

static int make_tree_patch(PublishJob *job, const char *path, const Manifest *old_manifest)
{
        _cleanup_buffer_ Buffer old = BUFFER_NULL, patch = BUFFER_NULL;
        int r = manifest_write(old_manifest, &old, NULL);

        if (r >= 0)
                r = compress_memory(job->text.data, job->text.size, TREE_LEVEL, old.data, old.size,
                                    &patch);
        return r < 0 ? r : publication_stage(job->site, path, patch.data, patch.size);
}

int publish_delta(PublishJob *job, const Hash *old_tree, Error *error)
{
        _cleanup_manifest_ Manifest old = MANIFEST_NULL;
        SitePath patch = site_tree_patch(old_tree, &job->tree),
                 delta = site_delta(old_tree, &job->tree);
        bool has_patch = publication_has(job->site, patch.path),
             has_delta = publication_has(job->site, delta.path);
        int r = has_patch && has_delta ? 0 : store_load_tree(job->store, old_tree, &old, error);

        if (r < 0)
                return r;
        if (!has_patch) {
                r = make_tree_patch(job, patch.path, &old);
                if (r < 0)
                        return publication_error(job->site, r, error);
        }
        return has_delta ? 0 : make_delta(job, delta.path, &old, error);
}
