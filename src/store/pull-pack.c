/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Contents from packs. */

#include "store/pull-parts.h"

#include "store/compress.h"
#include "store/pack.h"

#define INDEX_MAX (64U * 1024)

typedef struct Unpacker {
        PullJob *job;
        const Pack *pack;
        size_t next;
        uint64_t left;         /* bytes of the current content */
        const Content *wanted; /* NULL: nobody needs it */
        ContentWriter writer;
        uint64_t wrong;
        Error *error;
} Unpacker;

static int begin_item(Unpacker *u)
{
        const PackItem *item = &u->pack->items[u->next];
        const Content *c;

        if (u->next++ == u->pack->n)
                return -EFBIG;
        c = content_list_find(&u->job->contents, &item->content);
        u->left = item->size;
        u->wanted =
                c && c->size == item->size && !u->job->have[c - u->job->contents.items] ? c : NULL;
        return u->wanted ? content_writer_begin(&u->writer, u->job, u->wanted, u->error) : 0;
}

static int end_item(Unpacker *u)
{
        int r = u->wanted ? content_writer_end(&u->writer) : 0;

        if (r == -EBADMSG) {
                u->wrong++;
                return 0;
        }
        if (r >= 0 && u->wanted)
                pull_got(u->job, u->wanted);
        return r;
}

static int unpack(const void *data, size_t size, void *userdata)
{
        Unpacker *u = userdata;
        const uint8_t *at = data;
        int r = 0;

        if (progress_step(u->job->options->progress, size, 0) < 0)
                return error_set(u->error, ECANCELED, "Stopped");
        while (r >= 0 && size > 0) {
                size_t n;

                r = u->left == 0 ? begin_item(u) : 0;
                if (r < 0)
                        break;
                n = MIN_OF(size, u->left);
                r = u->wanted ? content_writer_add(at, n, &u->writer) : 0;
                at += n;
                size -= n;
                u->left -= n;
                if (r >= 0 && u->left == 0)
                        r = end_item(u);
        }
        return r;
}

/* Notes what cannot be used; fails only for reasons of our own. */
static int unpack_all(PullJob *job, const Pack *pack, const MappedFile *file, Error *error)
{
        _cleanup_(decompressor_freep) Decompressor *d = NULL;
        Unpacker u = { .job = job, .pack = pack, .writer = CONTENT_WRITER_NULL, .error = error };
        int r = decompressor_new(NULL, 0, pack->bytes, unpack, &u, &d);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        progress_begin(job->options->progress, "Unpacking", pack->bytes, 0);
        r = decompressor_add(d, file->data + pack->frame_offset, file->size - pack->frame_offset);
        if (r >= 0)
                r = decompressor_end(d);
        content_writer_done(&u.writer);
        if (r == -EBADMSG || r == -EFBIG || u.wrong > 0)
                pull_note(job, "a pack is wrong; getting the rest singly");
        return r == -EBADMSG || r == -EFBIG ? 0 : r;
}

static int use_file(PullJob *job, int fd, const void *userdata, Error *error)
{
        const PackItem *item = userdata;
        _cleanup_mapped_file_ MappedFile file = MAPPED_FILE_NULL;
        _cleanup_pack_ Pack pack = PACK_NULL;
        Hash hash;
        int r = mapped_file_open(fd, &file);

        if (r >= 0)
                r = hash_of(file.data, file.size, &hash);
        if (r < 0)
                return error_errno(error, -r, "Failed to read a download");
        if (!hash_equal(&hash, &item->content))
                return error_set(error, EBADMSG, "it is not what its name says");
        r = pack_parse(file.data, file.size, item->size, &pack, error);
        return r < 0 ? r : unpack_all(job, &pack, &file, error);
}

static int get_pack(PullJob *job, const PackItem *item, Error *error)
{
        SitePath path = site_pack(&item->content);

        return pull_by_file(job,
                            &(PulledFile){
                                    .path = path.path,
                                    .what = "a pack",
                                    .size_max = pack_size_max(item->size),
                                    .use = use_file,
                                    .userdata = item,
                            },
                            error);
}

static int get_index(PullJob *job, PackIndex *ret, Error *error)
{
        SitePath path = site_packs(&job->tree);
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r = transfer_get(job->transfer, path.path, INDEX_MAX, &text, &problem);

        *ret = (PackIndex){};
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = pack_index_parse("the index of packs", text.data ?: "", text.size, ret,
                                     &problem);
        if (r == -EBADMSG || r == -EFBIG) {
                pull_note(job, "the packs cannot be used: %s", problem.message);
                return 0;
        }
        return r < 0 ? error_move(error, &problem) : 0;
}

int pull_by_packs(PullJob *job, Error *error)
{
        uint64_t sum = 0, most = 2 * job->contents.bytes + (UINT64_C(64) << 20);
        PackIndex index;
        int r = get_index(job, &index, error);

        for (size_t i = 0; r >= 0 && i < index.n; i++) {
                sum += index.packs[i].size;
                if (sum > most || index.packs[i].size > most) {
                        pull_note(job, "the packs hold far more than the layer; not using them");
                        return 0;
                }
                r = job->n_missing > 0 ? get_pack(job, &index.packs[i], error) : 0;
        }
        return r;
}
