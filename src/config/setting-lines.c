/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of "section TAB key TAB origin TAB value", with C escapes for what would break them. */

#include "config/setting-lines.h"

#include "base/parse.h"

#include <string.h>

static void line_done(SettingLine *l)
{
        free(l->section);
        free(l->key);
        free(l->value);
        free(l->origin);
}

void setting_lines_done(SettingLines *s)
{
        for (size_t i = 0; i < s->n; i++)
                line_done(&s->items[i]);
        free(s->items);
        *s = SETTING_LINES_NULL;
}

int setting_lines_add(SettingLines *s, const char *section, const char *key, const char *value,
                      const char *origin)
{
        SettingLine *grown = reallocarray(s->items, s->n + 1, sizeof(*grown)), *line;

        if (!grown)
                return -ENOMEM;
        s->items = grown;
        line = &grown[s->n++]; /* what was copied is freed with the list */
        *line = (SettingLine){ strdup(section), strdup(key), strdup(value), strdup(origin) };
        return line->section && line->key && line->value && line->origin ? 0 : -ENOMEM;
}

static int collect(const Assignments *all, const Definition *d, SettingLines *s)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < all->n; i++) {
                const Assignment *a = &all->items[i];

                /* an empty value is the default: as if nobody had said anything */
                if (a->option->key && assignments_is_in_force(all, i) && (!a->value || *a->value))
                        r = setting_lines_add(s, a->option->section, a->option->key,
                                              a->value ?: "yes", a->origin);
        }
        for (size_t i = 0; r >= 0 && d && i < d->n_passed; i++) {
                const PassedKey *k = &d->passed[i];

                r = setting_lines_add(s, k->section, k->key, k->value, k->origin);
        }
        return r;
}

int setting_lines_collect(const Assignments *all, const Definition *definition, SettingLines *ret)
{
        _cleanup_setting_lines_ SettingLines s = SETTING_LINES_NULL;
        int r = collect(all, definition, &s);

        if (r < 0)
                return r;
        *ret = s;
        s = SETTING_LINES_NULL;
        return 0;
}

static void escape(const char *text, Buffer *out)
{
        for (; *text; text++)
                if (*text == '\\' || *text == '\t' || *text == '\n')
                        buffer_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
                else
                        buffer_append(out, text, 1);
}

int setting_lines_format(const SettingLines *s, char **ret)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;

        for (size_t i = 0; i < s->n; i++) {
                const SettingLine *l = &s->items[i];

                buffer_printf(&out, "%s\t%s\t", l->section, l->key);
                escape(l->origin, &out);
                buffer_puts(&out, "\t");
                escape(l->value, &out);
                buffer_puts(&out, "\n");
        }
        *ret = buffer_steal(&out);
        return *ret ? 0 : -ENOMEM;
}

/* The field at *text up to @end, unescaped; *text goes behind it. */
static int next_field(const char **text, char end, char **ret)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        const char *p = *text;

        while (*p != end) {
                size_t used = 1;
                int r = 0;

                if (*p == '\0' || *p == '\n' || *p == '\t')
                        return -EBADMSG;
                if (*p == '\\')
                        r = parse_c_escape(p, &out, &used);
                else
                        buffer_append(&out, p, 1);
                if (r < 0)
                        return -EBADMSG;
                p += used;
        }
        *text = p + 1;
        *ret = buffer_steal(&out);
        return *ret ? 0 : -ENOMEM;
}

int setting_lines_parse(const char *text, SettingLines *ret)
{
        _cleanup_setting_lines_ SettingLines s = SETTING_LINES_NULL;

        while (*text) {
                _cleanup_free_ char *section = NULL, *key = NULL, *origin = NULL, *value = NULL;
                int r = next_field(&text, '\t', &section);

                if (r >= 0)
                        r = next_field(&text, '\t', &key);
                if (r >= 0)
                        r = next_field(&text, '\t', &origin);
                if (r >= 0)
                        r = next_field(&text, '\n', &value);
                if (r >= 0)
                        r = setting_lines_add(&s, section, key, value, origin);
                if (r < 0)
                        return r;
        }
        *ret = s;
        s = SETTING_LINES_NULL;
        return 0;
}

static bool is_of(const SettingLine *l, const char *section, const char *key)
{
        return strcmp(l->section, section) == 0 && strcmp(l->key, key) == 0;
}

void setting_lines_drop(SettingLines *s, const char *section, const char *key, const char *value,
                        const char *origin)
{
        for (size_t i = 0; i < s->n; i++) {
                SettingLine *l = &s->items[i];

                if (!is_of(l, section, key) || strcmp(l->value, value) != 0 ||
                    strcmp(l->origin, origin) != 0)
                        continue;
                line_done(l);
                s->n--;
                memmove(l, l + 1, (s->n - i) * sizeof(*l));
                return;
        }
}

int setting_lines_replace(SettingLines *s, const SettingLines *from, const char *section,
                          const char *key)
{
        size_t kept = 0;
        int r = 0;

        for (size_t i = 0; i < s->n; i++)
                if (is_of(&s->items[i], section, key))
                        line_done(&s->items[i]);
                else
                        s->items[kept++] = s->items[i];
        s->n = kept;
        for (size_t i = 0; r >= 0 && i < from->n; i++) {
                const SettingLine *l = &from->items[i];

                if (is_of(l, section, key))
                        r = setting_lines_add(s, l->section, l->key, l->value, l->origin);
        }
        return r;
}

int setting_lines_find(const SettingLines *s, const char *section, const char *key, char **ret,
                       const char **ret_origin)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        const char *origin = NULL;

        for (size_t i = 0; i < s->n; i++) {
                const SettingLine *l = &s->items[i];

                if (!is_of(l, section, key))
                        continue;
                if (origin)
                        buffer_puts(&out, "\n");
                buffer_puts(&out, l->value);
                origin = l->origin;
        }
        *ret_origin = origin;
        *ret = origin ? buffer_steal(&out) : NULL;
        return origin && !*ret ? -ENOMEM : 0;
}
