/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* zstd (RFC 8878) with bounds on both sides: memory by the window, output by what a signed manifest
 * says. A *prefix* is content that both sides have; what is compressed with one is a patch. */

#include "base/buffer.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

/* 128 MiB: what a reader has to give at most, as the zstd program's default is. */
#define COMPRESS_WINDOW_LOG 27
/* The prefix is in memory, too; what is larger is no base for a patch. */
#define COMPRESS_PREFIX_MAX (UINT64_C(64) << 20)

/* Takes what was made, in order. Negative: stop, and return that. */
typedef int (*CompressSink)(const void *data, size_t size, void *userdata);

typedef struct Compressor Compressor;
typedef struct CompressOptions {
        int level;
        int workers;       /* threads; 0: none but the caller */
        uint64_t size;     /* of all input, if @size_known */
        bool size_known;   /* then it is in the frame, and anything else an error */
        bool large_window; /* look back as far as there is memory for: many files in one */
        const void *prefix;
        size_t prefix_size;
} CompressOptions;

/* One frame. The prefix must live as long. -ENOMEM, -EINVAL. */
int compressor_new(const CompressOptions *options, CompressSink sink, void *userdata,
                   Compressor **ret);
int compressor_add(Compressor *c, const void *data, size_t size);
int compressor_end(Compressor *c);
Compressor *compressor_free(Compressor *c);
DEFINE_CLEANUP(Compressor, compressor_free)

/* All at once; the size is in the frame. @prefix may be NULL. */
int compress_memory(const void *data, size_t size, int level, const void *prefix,
                    size_t prefix_size, Buffer *out);

typedef struct Decompressor Decompressor;
/* -EFBIG as soon as there is more than @limit. -EBADMSG: not what a compressor made. */
int decompressor_new(const void *prefix, size_t prefix_size, uint64_t limit, CompressSink sink,
                     void *userdata, Decompressor **ret);
int decompressor_add(Decompressor *d, const void *data, size_t size);
/* -EBADMSG if the frame is not at its end. */
int decompressor_end(const Decompressor *d);
Decompressor *decompressor_free(Decompressor *d);
DEFINE_CLEANUP(Decompressor, decompressor_free)

/* All at once, appended to @out. */
int decompress_memory(const void *data, size_t size, const void *prefix, size_t prefix_size,
                      uint64_t limit, Buffer *out);

/* A CompressSink that appends to the Buffer that @userdata points to. */
int compress_into_buffer(const void *data, size_t size, void *userdata);
