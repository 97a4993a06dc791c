/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From words or text to Settings in one call, for the tests of this folder. */

#include "../world.h"
#include "base/strv.h"
#include "config/command-line.h"

#include <string.h>

/* A definition or one of its drop-ins, below the directory of WITH_DIRECTORY(). */
static inline void put(const char *root, const char *path, const char *text)
{
        world_put(root, path, text, 0644);
}

/* Words separated by '|'. NULL and the error, or Settings. */
static inline Settings *parse_words(const char *words, Error *error)
{
        _cleanup_assignments_ Assignments a = ASSIGNMENTS_NULL;
        _cleanup_strv_ char **argv = NULL;
        _cleanup_free_ char *all = NULL;
        Settings *s = NULL;

        assert_true(asprintf(&all, "stead-launch|%s", words) > 0);
        assert_int_equal(strv_split(all, "|", &argv), 0);
        if (command_line_parse((int)strv_length(argv), argv, &a, error) == 0)
                (void)settings_from_assignments(&a, &s, error);
        return s;
}

/* The words are taken if @message is NULL, else refused with one that begins so. */
static inline void assert_words(const char *words, const char *message, Error *error)
{
        _cleanup_settings_ Settings *s = parse_words(words, error);

        if ((s != NULL) == (message != NULL) ||
            (message && strncmp(error->message, message, strlen(message)) != 0))
                fail_msg("%s: %s", words, s ? "taken" : error->message);
}

/* The row's value, as `stead cat` would show it. */
static inline char *value_of(const Settings *s, const char *section, const char *key)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        const Option *o = option_by_key(section, key);

        assert_non_null(o);
        assert_int_equal(o->format(o, s, &text), 0);
        return buffer_steal(&text);
}
