/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads files of few keys, line by line, by a table of those there are. */

#include "config/key-file.h"

#include "base/buffer.h"
#include "base/nearest.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct Reader {
        const KeyFileKey *keys;
        size_t n_keys;
        void *data;
        const char *section; /* lies in the text; NULL before the first */
} Reader;

static int set_key(const Reader *reader, const char *name, const char *value, Error *error)
{
        Nearest nearest = NEAREST(name);
        int r;

        for (size_t i = 0; i < reader->n_keys; i++) {
                const KeyFileKey *k = &reader->keys[i];

                if (strcmp(k->section, reader->section) != 0)
                        continue;
                if (strcmp(k->name, name) == 0) {
                        r = k->parse((char *)reader->data + k->offset, value, error);
                        return r < 0 ? error_prefix(error, "%s=%s", name, value) : 0;
                }
                nearest_offer(&nearest, k->name);
        }
        r = error_set(error, EINVAL, "there is no key %s= in section [%s]", name, reader->section);
        if (nearest.best)
                error_hint(error, "%s=", nearest.best);
        return r;
}

static char *trim(char *s)
{
        size_t n;

        s += strspn(s, " \t\r");
        for (n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]); n--)
                ;
        s[n] = '\0';
        return s;
}

/* What a message may repeat. */
static bool is_plain(const char *s)
{
        for (; *s; s++)
                if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
                        return false;
        return true;
}

static int read_section(Reader *reader, const char *name, Error *error)
{
        Nearest nearest = NEAREST(name);
        const char *last = NULL;
        _cleanup_buffer_ Buffer all = BUFFER_NULL;

        reader->section = name;
        if (strncmp(name, "X-", 2) == 0)
                return 0;
        for (size_t i = 0; i < reader->n_keys; i++) {
                const char *section = reader->keys[i].section;

                if (strcmp(section, name) == 0)
                        return 0;
                nearest_offer(&nearest, section);
                if (!last || strcmp(last, section) != 0)
                        buffer_printf(&all, "%s[%s]", last ? " or " : "", section);
                last = section;
        }
        reader->section = "X-unknown"; /* its keys are no further mistakes */
        (void)error_set(error, EINVAL, "there is no section [%s]", name);
        if (nearest.best)
                error_hint(error, "[%s]", nearest.best);
        else
                error_hint(error, "%s", all.data ?: "");
        return -EINVAL;
}

static int read_line(Reader *reader, char *line, Error *error)
{
        char *equals = strchr(line, '='), *end = strchr(line, '\0');

        if (!is_plain(line))
                return error_set(error, EINVAL, "the line is not plain text");
        if (*line == '[' && end[-1] == ']') {
                end[-1] = '\0';
                return read_section(reader, line + 1, error);
        }
        if (!equals || equals == line)
                return error_set(error, EINVAL, "'%s' is neither Key=value nor [Section]", line);
        if (!reader->section)
                return error_set(error, EINVAL, "'%s' comes before the first section", line);
        *equals = '\0';
        if (strncmp(reader->section, "X-", 2) == 0)
                return 0;
        return set_key(reader, trim(line), trim(equals + 1), error);
}

int key_file_parse(const char *path, char *text, const KeyFileKey *keys, size_t n_keys, void *data,
                   Diagnostics *diagnostics)
{
        Reader reader = { .keys = keys, .n_keys = n_keys, .data = data };
        char *line;

        for (unsigned number = 1; (line = strsep(&text, "\n")); number++) {
                _cleanup_error_ Error problem = ERROR_NULL;
                char origin[PATH_MAX + 16];
                int r = 0;

                line = trim(line);
                if (*line != '\0' && *line != '#' && *line != ';')
                        r = read_line(&reader, line, &problem);
                if (r >= 0)
                        continue;
                (void)snprintf(origin, sizeof(origin), "%s:%u", path, number);
                if (problem.number == ENOMEM ||
                    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, origin, &problem) < 0)
                        return -ENOMEM;
        }
        return 0;
}
