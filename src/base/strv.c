/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* String arrays: building, splitting, joining, and their use as environment blocks. */

#include "base/strv.h"

#include "base/buffer.h"
#include "base/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

char **strv_free(char **v)
{
        STRV_FOREACH (s, v)
                free(*s);
        free(v);
        return NULL;
}

size_t strv_length(char *const *v)
{
        size_t n = 0;

        while (v && v[n])
                n++;
        return n;
}

bool strv_contains(char *const *v, const char *s)
{
        for (; v && *v; v++)
                if (strcmp(*v, s) == 0)
                        return true;
        return false;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(char **v)
{
        if (v)
                qsort(v, strv_length(v), sizeof(*v), compare);
}

int strv_push_take(char ***v, char *s)
{
        size_t n = strv_length(*v);
        char **grown;

        if (!s)
                return -ENOMEM;

        grown = reallocarray(*v, n + 2, sizeof(char *));
        if (!grown)
                return -ENOMEM;

        grown[n] = s;
        grown[n + 1] = NULL;
        *v = grown;
        return 0;
}

int strv_push(char ***v, const char *s)
{
        _cleanup_free_ char *copy = strdup(s);
        int r = strv_push_take(v, copy);

        if (r >= 0)
                copy = NULL;
        return r;
}

int strv_pushf(char ***v, const char *format, ...)
{
        _cleanup_free_ char *s = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);
        if (r < 0) {
                s = NULL;
                return -ENOMEM;
        }
        r = strv_push_take(v, s);
        if (r >= 0)
                s = NULL;
        return r;
}

int strv_extend(char ***v, char *const *more)
{
        for (; more && *more; more++) {
                int r = strv_push(v, *more);

                if (r < 0)
                        return r;
        }
        return 0;
}

int strv_copy(char *const *v, char ***ret)
{
        _cleanup_strv_ char **copy = NULL;
        int r = strv_extend(&copy, v);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 0;
}

int strv_split(const char *s, const char *separators, char ***ret)
{
        _cleanup_strv_ char **v = NULL;

        for (;;) {
                size_t n;
                int r;

                s += strspn(s, separators);
                if (*s == '\0')
                        break;
                n = strcspn(s, separators);
                r = strv_push_take(&v, strndup(s, n));
                if (r < 0)
                        return r;
                s += n;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

/* Reads one quoted word at *s into @word; returns 1 if there was one, 0 at the end. */
static int next_word(const char **s, Buffer *word)
{
        const char *p = *s + strspn(*s, " \t\n\r");
        char quote = '\0';
        bool any = false;

        for (; *p; p++) {
                if (quote == '\0' && strchr(" \t\n\r", *p))
                        break;
                any = true;
                if (*p == '\\') {
                        size_t used = 0;
                        int r = parse_c_escape(p, word, &used);

                        if (r < 0)
                                return r;
                        p += used - 1;
                } else if (quote != '\0' && *p == quote) {
                        quote = '\0';
                } else if (quote == '\0' && (*p == '"' || *p == '\'')) {
                        quote = *p;
                } else {
                        buffer_append(word, p, 1);
                }
        }
        if (quote != '\0')
                return -EINVAL;
        *s = p;
        return any;
}

int strv_split_quoted(const char *s, char ***ret)
{
        _cleanup_strv_ char **v = NULL;

        for (;;) {
                _cleanup_buffer_ Buffer word = BUFFER_NULL;
                int r = next_word(&s, &word);

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                r = strv_push_take(&v, buffer_steal(&word));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

char *strv_join(char *const *v, const char *separator)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        for (char *const *s = v; s && *s; s++)
                buffer_printf(&text, "%s%s", s == v ? "" : separator, *s);
        return buffer_steal(&text);
}

static size_t env_name_length(const char *assignment)
{
        return strcspn(assignment, "=");
}

int strv_env_set(char ***env, const char *assignment)
{
        size_t n = env_name_length(assignment);

        STRV_FOREACH (s, *env)
                if (env_name_length(*s) == n && strncmp(*s, assignment, n) == 0) {
                        char *copy = strdup(assignment);

                        if (!copy)
                                return -ENOMEM;
                        free(*s);
                        *s = copy;
                        return 0;
                }
        return strv_push(env, assignment);
}

const char *strv_env_get(char *const *env, const char *name)
{
        size_t n = strlen(name);

        for (; env && *env; env++)
                if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
                        return *env + n + 1;
        return NULL;
}
