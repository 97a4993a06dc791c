/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The form that all texts of the store have: lines of words with single spaces between them. In a
 * word, bytes up to 0x20, 0x7f and the backslash are written as \ooo, and no other byte is. */

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

void record_write_word(Buffer *out, const char *word);
void record_write_hex(Buffer *out, const void *data, size_t size);

typedef struct RecordReader {
        const char *name; /* of the text, for messages; borrowed */
        char *copy;       /* torn apart */
        char *at, *end;
        unsigned line;
} RecordReader;

#define RECORD_WORDS_MAX 10
#define RECORD_READER_NULL ((RecordReader){})
#define _cleanup_record_reader_ _cleanup_(record_reader_done)
void record_reader_done(RecordReader *r);

/* Begins to read; the first line must be @magic. */
int record_open(const char *name, const char *text, size_t size, const char *magic,
                RecordReader *ret, Error *error);
/* The next line's words, unescaped, pointing into the reader's copy. Returns their number, 0 at the
 * end. */
int record_next(RecordReader *r, char *words[static RECORD_WORDS_MAX], Error *error);
/* -EBADMSG: "NAME:LINE: ...". */
int record_refuse(const RecordReader *r, Error *error, const char *format, ...) _printf_(3, 4);
/* What was read must be what we would write: compares, and refuses the first line that differs. */
int record_check_canonical(const char *name, const char *text, size_t size, const Buffer *written,
                           Error *error);

/* Numbers as we write them; -EINVAL. */
int record_parse_number(const char *s, int base, uint64_t maximum, uint64_t *ret);
int record_parse_time(const char *s, int64_t *ret);
/* In place; tells the size. */
int record_parse_hex(char *s, size_t *ret_size);
