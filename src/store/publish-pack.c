/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packs of a version: those of the versions before it, as far as they are of use, and one of what
 * they have not. */

#include "store/publish-parts.h"

#include "base/fd.h"
#include "store/compress.h"
#include "store/pack.h"
#include "store/parallel.h"

#include <fcntl.h>
#include <string.h>

#define LEVEL 9
#define NEW_FILE "packs/new.pack"
#define INDEX_MAX (64U * 1024)

typedef struct PackOutput {
        int fd;
        Hasher *hasher;
        uint64_t bytes;
} PackOutput;

static int output(const void *data, size_t size, void *userdata)
{
        PackOutput *o = userdata;

        hasher_add(o->hasher, data, size);
        o->bytes += size;
        return write_all(o->fd, data, size);
}

/* In the order of the manifest: what is alike often lies side by side. */
static int list_items(const PublishJob *job, const ContentList *list, Pack *ret)
{
        ret->items = calloc(list->n + 1, sizeof(PackItem));
        if (!ret->items)
                return -ENOMEM;
        for (size_t i = 0; i < job->manifest.n; i++) {
                const Entry *e = &job->manifest.entries[i];
                const Content *content = e->kind == ENTRY_FILE && e->size > 0
                                                 ? content_list_find(list, &e->content)
                                                 : NULL;

                if (content && content->entries[0] == e)
                        ret->items[ret->n++] = (PackItem){ content->hash, content->size };
        }
        return 0;
}

static int write_frame(const PublishJob *job, const ContentList *list, const Pack *pack,
                       PackOutput *out)
{
        _cleanup_(compressor_freep) Compressor *c = NULL;
        CompressOptions options = { .level = LEVEL,
                                    .workers = (int)parallel_threads(),
                                    .size = list->bytes,
                                    .size_known = true,
                                    .large_window = true };
        int r = compressor_new(&options, output, out, &c);

        progress_begin(job->options->progress, "Packing", list->bytes, 0);
        for (size_t i = 0; r >= 0 && i < pack->n; i++) {
                _cleanup_mapped_file_ MappedFile file = MAPPED_FILE_NULL;

                r = content_map(job->store, content_list_find(list, &pack->items[i].content),
                                &file);
                if (r >= 0)
                        r = compressor_add(c, file.data, file.size);
                if (r >= 0)
                        r = progress_step(job->options->progress, file.size, 1);
        }
        return r < 0 ? r : compressor_end(c);
}

static int write_pack(PublishJob *job, const ContentList *list, PackItem *ret)
{
        _cleanup_(hasher_freep) Hasher *hasher = hasher_new();
        _cleanup_pack_ Pack pack = PACK_NULL;
        _cleanup_buffer_ Buffer head = BUFFER_NULL;
        _cleanup_close_ int fd = -EBADF;
        PackOutput out = { .hasher = hasher };
        int r = hasher ? list_items(job, list, &pack) : -ENOMEM;

        if (r >= 0)
                r = pack_write_head(&pack, &head);
        if (r < 0)
                return r;
        out.fd = fd = publication_new_file(job->site, NEW_FILE);
        if (fd < 0)
                return fd;
        r = output(head.data, head.size, &out);
        if (r >= 0)
                r = write_frame(job, list, &pack, &out);
        if (r < 0)
                return r;
        hasher_end(hasher, &ret->content);
        ret->size = list->bytes;
        job->result.pack_bytes = out.bytes;
        return publication_restage(job->site, NEW_FILE, site_pack(&ret->content).path);
}

/* Whether a tree has an index, all of whose packs are there. */
static bool load_index(const PublishJob *job, const Hash *tree, PackIndex *ret)
{
        SitePath path = site_packs(tree);
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(job->site->fd, path.path, INDEX_MAX, &text);

        if (n < 0 || pack_index_parse(path.path, text, (size_t)n, ret, NULL) < 0)
                return false;
        for (size_t i = 0; i < ret->n; i++)
                if (!publication_has(job->site, site_pack(&ret->packs[i].content).path))
                        return false;
        return true;
}

/* The packs of the newest version before this one that has some; none is fine. */
static void find_index(const PublishJob *job, PackIndex *ret)
{
        for (size_t i = 1; i < job->n_versions; i++)
                if (load_index(job, &job->versions[i].tree, ret))
                        return;
        *ret = (PackIndex){};
}

/* Marks what of the version is in a pack. -ENOENT, -EBADMSG: the pack is of no use. */
static int cover(const PublishJob *job, const PackItem *item, bool *covered)
{
        _cleanup_mapped_file_ MappedFile file = MAPPED_FILE_NULL;
        _cleanup_pack_ Pack pack = PACK_NULL;
        _cleanup_close_ int fd =
                openat(job->site->fd, site_pack(&item->content).path, O_RDONLY | O_CLOEXEC);
        int r = fd < 0 ? -errno : mapped_file_open(fd, &file);

        if (r >= 0)
                r = pack_parse(file.data, file.size, UINT64_MAX, &pack, NULL);
        for (size_t i = 0; r >= 0 && i < pack.n; i++) {
                const Content *c = content_list_find(&job->contents, &pack.items[i].content);

                if (c)
                        covered[c - job->contents.items] = true;
        }
        return r;
}

/* Contents of the version that are in none of the packs, as a list; empties @index if it is better
 * to pack everything anew. */
static int list_uncovered(const PublishJob *job, PackIndex *index, ContentList *ret)
{
        _cleanup_free_ bool *covered = calloc(job->contents.n + 1, sizeof(bool));
        uint64_t total = 0;
        int r = covered ? 0 : -ENOMEM;

        *ret = (ContentList){ .items = calloc(job->contents.n + 1, sizeof(Content)) };
        if (!ret->items)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < index->n; i++) {
                r = cover(job, &index->packs[i], covered);
                total += index->packs[i].size;
        }
        if (r == -ENOMEM)
                return r;
        for (size_t i = 0; r >= 0 && i < job->contents.n; i++)
                if (!covered[i]) {
                        ret->items[ret->n++] = job->contents.items[i];
                        ret->bytes += job->contents.items[i].size;
                }
        /* a first pull gets all packs: no more than half as much again as it needs */
        if (r >= 0 && index->n > 0 && index->n < PACK_COUNT_MAX &&
            total + ret->bytes <= job->contents.bytes + job->contents.bytes / 2)
                return 0;
        index->n = 0;
        memcpy(ret->items, job->contents.items, job->contents.n * sizeof(Content));
        ret->n = job->contents.n;
        ret->bytes = job->contents.bytes;
        return 0;
}

int publish_packs(PublishJob *job, Error *error)
{
        _cleanup_content_list_ ContentList list = CONTENT_LIST_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        SitePath path = site_packs(&job->tree);
        PackIndex index;
        int r;

        if (load_index(job, &job->tree, &index))
                return 0;
        find_index(job, &index);
        r = list_uncovered(job, &index, &list);
        if (r >= 0 && list.n > 0) {
                r = write_pack(job, &list, &index.packs[index.n]);
                index.n++;
        }
        if (r >= 0)
                r = pack_index_write(&index, &text);
        if (r >= 0)
                r = publication_stage(job->site, path.path, text.data, text.size);
        if (r == -ECANCELED)
                return error_set(error, ECANCELED, "Stopped");
        if (r == -ENOENT || r == -EBADMSG) {
                error_hint(error, "stead layer fsck");
                return error_set(error, -r, "A file of '%s' is missing in the store, or damaged",
                                 job->name);
        }
        return r < 0 ? publication_error(job->site, r, error) : 0;
}
