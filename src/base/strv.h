/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* NULL-terminated arrays of heap strings, as execve() wants them. NULL is the empty array. */

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

char **strv_free(char **v);
DEFINE_CLEANUP(char *, strv_free)
#define _cleanup_strv_ _cleanup_(strv_freep)

#define STRV_FOREACH(s, v) for (char **s = (v); s && *s; s++)

size_t strv_length(char *const *v);
bool strv_contains(char *const *v, const char *s);

/* Appends; on failure -ENOMEM and the array is as before. _take frees nothing on failure. */
int strv_push_take(char ***v, char *s);
int strv_push(char ***v, const char *s);
int strv_pushf(char ***v, const char *format, ...) _printf_(2, 3);
int strv_extend(char ***v, char *const *more);
int strv_copy(char *const *v, char ***ret);
/* By bytes, in the same order everywhere. */
void strv_sort(char **v);

/* Splits at any of @separators; no empty words. */
int strv_split(const char *s, const char *separators, char ***ret);

/* Splits like a shell does for a plain command: white space, quotes '' and "", backslash with the
 * C escapes of unit files. -EINVAL on an open quote or a bad escape. */
int strv_split_quoted(const char *s, char ***ret);

/* Joins with @separator. NULL on out of memory. */
char *strv_join(char *const *v, const char *separator);

/* Environment blocks: sets NAME=VALUE, replacing an earlier NAME. @assignment holds the '='. */
int strv_env_set(char ***env, const char *assignment);
/* The value of NAME in the block, or NULL. */
const char *strv_env_get(char *const *env, const char *name);
