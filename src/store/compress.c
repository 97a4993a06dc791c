/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/compress.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#define PIECE (128 * 1024)
#define LONG_DISTANCE_FROM (8U << 20) /* below, the ordinary search sees everything */

struct Compressor {
        ZSTD_CCtx *context;
        CompressSink sink;
        void *userdata;
        char piece[PIECE];
};

struct Decompressor {
        ZSTD_DCtx *context;
        CompressSink sink;
        void *userdata;
        uint64_t left;
        bool complete; /* a frame has ended; nothing may follow */
        char piece[PIECE];
};

static int set(ZSTD_CCtx *c, ZSTD_cParameter parameter, int value)
{
        return ZSTD_isError(ZSTD_CCtx_setParameter(c, parameter, value)) ? -EINVAL : 0;
}

/* The least window that holds so many bytes. */
static int window_log(uint64_t size)
{
        int n = 17;

        while (n < COMPRESS_WINDOW_LOG && (UINT64_C(1) << n) < size)
                n++;
        return n;
}

static int set_prefix(ZSTD_CCtx *c, const CompressOptions *o)
{
        int r = 0;

        if (!o->prefix)
                return 0;
        /* a match can be as far away as the prefix's first byte is from the content's last */
        r = set(c, ZSTD_c_windowLog, window_log(o->prefix_size + o->size));
        if (r >= 0 && o->prefix_size + o->size > LONG_DISTANCE_FROM)
                r = set(c, ZSTD_c_enableLongDistanceMatching, 1);
        if (r >= 0 && ZSTD_isError(ZSTD_CCtx_refPrefix(c, o->prefix, o->prefix_size)))
                r = -EINVAL;
        return r;
}

static int configure(ZSTD_CCtx *c, const CompressOptions *o)
{
        int r = set(c, ZSTD_c_compressionLevel, o->level);

        if (r >= 0 && o->large_window)
                r = set(c, ZSTD_c_windowLog, COMPRESS_WINDOW_LOG);
        if (r >= 0 && o->large_window)
                r = set(c, ZSTD_c_enableLongDistanceMatching, 1);
        if (r >= 0)
                r = set_prefix(c, o);
        if (r >= 0 && o->workers > 0)
                (void)set(c, ZSTD_c_nbWorkers, o->workers); /* a library without threads: slower */
        if (r >= 0 && o->size_known && ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(c, o->size)))
                r = -EINVAL;
        return r;
}

int compressor_new(const CompressOptions *options, CompressSink sink, void *userdata,
                   Compressor **ret)
{
        Compressor *c = malloc(sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->context = ZSTD_createCCtx();
        c->sink = sink;
        c->userdata = userdata;
        r = c->context ? configure(c->context, options) : -ENOMEM;
        if (r < 0) {
                compressor_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

Compressor *compressor_free(Compressor *c)
{
        if (c)
                (void)ZSTD_freeCCtx(c->context); /* NULL is fine */
        free(c);
        return NULL;
}

static int feed(Compressor *c, const void *data, size_t size, ZSTD_EndDirective end)
{
        ZSTD_inBuffer in = { .src = data, .size = size };
        size_t left;
        int r;

        do {
                ZSTD_outBuffer out = { .dst = c->piece, .size = sizeof(c->piece) };

                left = ZSTD_compressStream2(c->context, &out, &in, end);
                if (ZSTD_isError(left))
                        return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? -ENOMEM
                                                                                       : -EIO;
                r = out.pos > 0 ? c->sink(c->piece, out.pos, c->userdata) : 0;
                if (r < 0)
                        return r;
        } while (end == ZSTD_e_end ? left > 0 : in.pos < in.size);
        return 0;
}

int compressor_add(Compressor *c, const void *data, size_t size)
{
        return feed(c, data, size, ZSTD_e_continue);
}

int compressor_end(Compressor *c)
{
        return feed(c, NULL, 0, ZSTD_e_end);
}

int compress_into_buffer(const void *data, size_t size, void *userdata)
{
        Buffer *out = userdata;

        buffer_append(out, data, size);
        return buffer_error(out);
}

int compress_memory(const void *data, size_t size, int level, const void *prefix,
                    size_t prefix_size, Buffer *out)
{
        CompressOptions options = { .level = level,
                                    .size = size,
                                    .size_known = true,
                                    .prefix = prefix,
                                    .prefix_size = prefix_size };
        _cleanup_(compressor_freep) Compressor *c = NULL;
        int r = compressor_new(&options, compress_into_buffer, out, &c);

        if (r >= 0)
                r = feed(c, data, size, ZSTD_e_end);
        return r;
}

int decompressor_new(const void *prefix, size_t prefix_size, uint64_t limit, CompressSink sink,
                     void *userdata, Decompressor **ret)
{
        Decompressor *d = malloc(sizeof(*d));

        if (!d)
                return -ENOMEM;
        d->context = ZSTD_createDCtx();
        d->sink = sink;
        d->userdata = userdata;
        d->left = limit;
        d->complete = false;
        if (!d->context ||
            ZSTD_isError(
                    ZSTD_DCtx_setParameter(d->context, ZSTD_d_windowLogMax, COMPRESS_WINDOW_LOG)) ||
            (prefix && ZSTD_isError(ZSTD_DCtx_refPrefix(d->context, prefix, prefix_size)))) {
                decompressor_free(d);
                return -ENOMEM;
        }
        *ret = d;
        return 0;
}

Decompressor *decompressor_free(Decompressor *d)
{
        if (d)
                (void)ZSTD_freeDCtx(d->context); /* NULL is fine */
        free(d);
        return NULL;
}

int decompressor_add(Decompressor *d, const void *data, size_t size)
{
        ZSTD_inBuffer in = { .src = data, .size = size };
        ZSTD_outBuffer out;
        size_t left;
        int r;

        do {
                if (d->complete)
                        return in.pos == in.size ? 0 : -EBADMSG;
                out = (ZSTD_outBuffer){ .dst = d->piece, .size = sizeof(d->piece) };
                left = ZSTD_decompressStream(d->context, &out, &in);
                if (ZSTD_isError(left))
                        return -EBADMSG;
                if (out.pos > d->left)
                        return -EFBIG;
                d->left -= out.pos;
                d->complete = left == 0;
                r = out.pos > 0 ? d->sink(d->piece, out.pos, d->userdata) : 0;
                if (r < 0)
                        return r;
        } while (in.pos < in.size || out.pos == out.size);
        return 0;
}

int decompressor_end(const Decompressor *d)
{
        return d->complete ? 0 : -EBADMSG;
}

int decompress_memory(const void *data, size_t size, const void *prefix, size_t prefix_size,
                      uint64_t limit, Buffer *out)
{
        _cleanup_(decompressor_freep) Decompressor *d = NULL;
        int r = decompressor_new(prefix, prefix_size, limit, compress_into_buffer, out, &d);

        if (r >= 0)
                r = decompressor_add(d, data, size);
        return r < 0 ? r : decompressor_end(d);
}
