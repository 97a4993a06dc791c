/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding rows of the option table, and lists of assignments to them. */

#include "config/option.h"

#include "base/strv.h"
#include "config/option-parse.h"

#include <string.h>

DEFINE_STRING_TABLE(
        option_apply,
        OptionApply, [OPTION_APPLY_RESTART] = "restart", [OPTION_APPLY_RELOAD] = "reload",
        [OPTION_APPLY_LIVE] = "live", [OPTION_APPLY_START] = "next start");

const Option *option_by_key(const char *section, const char *key)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                if (o->key && strcmp(o->key, key) == 0 && strcmp(o->section, section) == 0)
                        return o;
        }
        return NULL;
}

const Option *option_by_name(const char *name)
{
        for (size_t i = 0; i < option_count; i++)
                if (option_table[i].name && strcmp(option_table[i].name, name) == 0)
                        return &option_table[i];
        return NULL;
}

const Option *option_by_letter(char letter)
{
        for (size_t i = 0; letter && i < option_count; i++)
                if (option_table[i].letter == letter)
                        return &option_table[i];
        return NULL;
}

/* The row whose value this row sets: itself, or for a twin the row before it. */
static const Option *target_of(const Option *option)
{
        return option->twin_yes ? option - 1 : option;
}

size_t option_index(const Option *option)
{
        return (size_t)(option - option_table);
}

bool settings_is_set(const Settings *settings, const char *name_or_key)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                if ((o->name && strcmp(o->name, name_or_key) == 0) ||
                    (o->key && strcmp(o->key, name_or_key) == 0)) {
                        i = option_index(target_of(o));
                        return settings->set[i / 64] & (UINT64_C(1) << (i % 64));
                }
        }
        return false;
}

int option_choices(const Option *option, char ***ret)
{
        _cleanup_strv_ char **v = NULL;

        if (option->choices)
                return option->choices(ret);
        for (int i = 0; option->table && i < option->table->count; i++) {
                const char *name = string_table_name(option->table, i);
                int r = name ? strv_push(&v, name) : 0;

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

const char *option_spelling(const Option *option, char *buffer, size_t size)
{
        if (option->key)
                (void)snprintf(buffer, size, "%s=", option->key);
        else if (option->name)
                (void)snprintf(buffer, size, "--%s", option->name);
        else
                (void)snprintf(buffer, size, "-%c", option->letter);
        return buffer;
}

void option_printable(const char *text, Buffer *out)
{
        size_t n = 0;

        for (; *text && n < 80; text++, n++) {
                if ((unsigned char)*text < ' ' || *text == 0x7f)
                        buffer_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
                else
                        buffer_append(out, text, 1);
        }
        if (*text)
                buffer_puts(out, "...");
}

void assignments_done(Assignments *a)
{
        for (size_t i = 0; i < a->n; i++) {
                if (a->items[i].value)
                        explicit_bzero(a->items[i].value, strlen(a->items[i].value));
                free(a->items[i].value);
                free(a->items[i].origin);
        }
        free(a->items);
        *a = ASSIGNMENTS_NULL;
}

static int assignments_reserve(Assignments *a, size_t more)
{
        Assignment *grown = reallocarray(a->items, a->n + more, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        a->items = grown;
        return 0;
}

int assignments_add(Assignments *a, const Option *option, const char *value, const char *origin,
                    bool trusted)
{
        _cleanup_free_ char *value_copy = NULL, *origin_copy = strdup(origin);

        if (option->twin_yes && (!value || *value)) { /* an empty value stays: the default */
                bool no = value && parse_boolean(value) == 0;

                value = no ? option->twin_no : option->twin_yes;
        }
        if (value)
                value_copy = strdup(value);
        if (!origin_copy || (value && !value_copy) || assignments_reserve(a, 1) < 0)
                return -ENOMEM;
        a->items[a->n++] = (Assignment){
                .option = target_of(option),
                .value = TAKE_PTR(value_copy),
                .origin = TAKE_PTR(origin_copy),
                .trusted = trusted,
        };
        return 0;
}

int assignments_append_take(Assignments *a, Assignments *more)
{
        if (more->n == 0) {
                assignments_done(more);
                return 0;
        }
        if (assignments_reserve(a, more->n) < 0)
                return -ENOMEM;
        memcpy(a->items + a->n, more->items, more->n * sizeof(*more->items));
        a->n += more->n;
        free(more->items);
        *more = ASSIGNMENTS_NULL;
        return 0;
}

static bool resets(const Assignment *a)
{
        return a->option->list && a->value && *a->value == '\0';
}

bool assignments_is_in_force(const Assignments *a, size_t i)
{
        for (size_t k = i + 1; k < a->n; k++) {
                const Assignment *later = &a->items[k];

                if (later->option == a->items[i].option && (!later->option->list || resets(later)))
                        return false;
        }
        return !resets(&a->items[i]);
}

void assignments_remove(Assignments *a, const Option *option)
{
        size_t kept = 0;

        for (size_t i = 0; i < a->n; i++) {
                if (a->items[i].option != target_of(option)) {
                        a->items[kept++] = a->items[i];
                        continue;
                }
                free(a->items[i].value);
                free(a->items[i].origin);
        }
        a->n = kept;
}

const Assignment *assignments_find(const Assignments *a, const Option *option)
{
        option = target_of(option);
        for (size_t i = a->n; i > 0; i--) {
                const Assignment *item = &a->items[i - 1];

                if (item->option == option) /* an empty one takes back all before it */
                        return item->value && !*item->value ? NULL : item;
        }
        return NULL;
}

int option_check(const Option *option, const char *value, Error *error)
{
        _cleanup_settings_ Settings *scratch = NULL;
        int r;

        if (value && !*value)
                return 0;
        if (option->twin_yes) {
                bool ok = !value || (option->twin_no && parse_boolean(value) >= 0);

                return ok ? 0 : error_set(error, EINVAL, "not a boolean, write yes or no");
        }
        r = settings_new(&scratch);
        return r < 0 ? r : option->parse(option, value, "", scratch, error);
}
