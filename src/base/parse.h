/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text to values, strictly: the whole string must be the value. -EINVAL if it is not one, -ERANGE
 * if it does not fit. Outputs are untouched on failure. */

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_INFINITY UINT64_MAX

/* yes/no, true/false, on/off, 1/0, y/n, t/f, any case. Returns 1, 0 or -EINVAL. */
int parse_boolean(const char *s);
int parse_uint32(const char *s, uint32_t *ret);
int parse_uint64(const char *s, uint64_t *ret);
int parse_int(const char *s, int *ret);
/* Bytes with an optional K, M, G, T, P, E suffix to the base of 1024; "infinity" is UINT64_MAX. */
int parse_size(const char *s, uint64_t *ret);
/* The shortest text that parse_size() takes for exactly that: "512M", "1000". */
const char *size_to_string(uint64_t bytes, char *buffer, size_t size);
/* Time spans as in systemd.time(7): "90", "1min 30s", "500ms", "infinity". Microseconds; a bare
 * number counts @unit microseconds. */
int parse_time(const char *s, uint64_t unit, uint64_t *ret);
/* Signal by name with or without SIG, SIGRTMIN+n, SIGRTMAX-n, or number. Returns it or -EINVAL. */
int parse_signal(const char *s);
/* "SIGRTMIN+3" or "SIGTERM" into @buffer (at least 16 bytes); returns it. */
const char *signal_to_string(int signal, char *buffer, size_t size);

/* Decodes the C escape at s[0] == '\\' (\n \t \\ \" \' \xHH \ooo \uHHHH ... and any punctuation as
 * itself), appends it, and tells how many characters it took. */
int parse_c_escape(const char *s, Buffer *out, size_t *ret_used);

/* 128-bit ids: 32 hex digits, with or without dashes at the UUID places. Not all zero. */
typedef struct Id128 {
        uint8_t bytes[16];
} Id128;
int parse_id128(const char *s, Id128 *ret);
bool id128_is_null(const Id128 *id);
/* @buffer holds 33 (plain) or 37 (UUID, with dashes) bytes; returns it. */
const char *id128_to_string(const Id128 *id, char buffer[static 33]);
const char *id128_to_uuid(const Id128 *id, char buffer[static 37]);
