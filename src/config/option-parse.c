/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single values: one parser and one writer for each type of the option table. Messages are reasons
 * only; whoever read the value knows its place. Nothing here looks at the system. */

#include "config/option-parse.h"

#include "base/strv.h"
#include "config/definition.h"

#include <ctype.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>

#define FIELD(settings, option, type) ((type *)(void *)((char *)(settings) + (option)->offset))
#define CONST_FIELD(settings, option, type) \
        ((const type *)(const void *)((const char *)(settings) + (option)->offset))

static int replace_string(const Option *option, Settings *settings, const char *value)
{
        char **field = FIELD(settings, option, char *), *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

static int format_string(const Option *option, const Settings *settings, Buffer *out)
{
        const char *value = *CONST_FIELD(settings, option, char *);

        if (value)
                buffer_puts(out, value);
        return buffer_error(out);
}

int option_parse_boolean(const Option *option, const char *value, const char *origin,
                         Settings *settings, Error *error)
{
        int r = value ? parse_boolean(value) : 1;

        if (r < 0)
                return error_set(error, EINVAL, "not a boolean, write yes or no");
        *FIELD(settings, option, bool) = r;
        return 0;
}

int option_format_boolean(const Option *option, const Settings *settings, Buffer *out)
{
        buffer_puts(out, *CONST_FIELD(settings, option, bool) ? "yes" : "no");
        return buffer_error(out);
}

int option_parse_enum(const Option *option, const char *value, const char *origin,
                      Settings *settings, Error *error)
{
        int v = string_table_value(option->table, value ?: "yes");

        if (v < 0 && value) { /* "on" for "yes", where the table has that */
                int b = parse_boolean(value);

                if (b >= 0)
                        v = string_table_value(option->table, b > 0 ? "yes" : "no");
        }
        if (v < 0) {
                _cleanup_free_ char *choices = string_table_choices(option->table);

                return error_set(error, EINVAL, "not one of %s", choices ?: "the choices");
        }
        *FIELD(settings, option, int) = v;
        return 0;
}

int option_format_enum(const Option *option, const Settings *settings, Buffer *out)
{
        const char *name = string_table_name(option->table, *CONST_FIELD(settings, option, int));

        if (name)
                buffer_puts(out, name);
        return buffer_error(out);
}

int option_parse_nothing(const Option *option, const char *value, const char *origin,
                         Settings *settings, Error *error)
{
        return 0;
}

int option_format_nothing(const Option *option, const Settings *settings, Buffer *out)
{
        return 0;
}

char *option_simplify_path(const char *path)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        while (*path) {
                size_t n;

                path += strspn(path, "/");
                n = strcspn(path, "/");
                if (n > 0 && !(n == 1 && path[0] == '.')) {
                        buffer_puts(&text, "/");
                        buffer_append(&text, path, n);
                }
                path += n;
        }
        if (text.size == 0)
                buffer_puts(&text, "/");
        return buffer_steal(&text);
}

bool option_path_is_normal(const char *path)
{
        if (path[0] != '/' || strlen(path) >= PATH_MAX)
                return false;
        for (const char *p = path; (p = strstr(p, "/..")); p++)
                if (p[3] == '/' || p[3] == '\0')
                        return false;
        return true;
}

static int replace_path(const Option *option, Settings *settings, const char *value)
{
        _cleanup_free_ char *simple = option_simplify_path(value);

        return simple ? replace_string(option, settings, simple) : -ENOMEM;
}

int option_parse_tree_path(const Option *option, const char *value, const char *origin,
                           Settings *settings, Error *error)
{
        if (value[0] != '/' || strlen(value) >= PATH_MAX)
                return error_set(error, EINVAL, "not an absolute path");
        return replace_path(option, settings, value);
}

int option_format_tree_path(const Option *option, const Settings *settings, Buffer *out)
{
        return format_string(option, settings, out);
}

static bool path_is_below(const char *path, const char *top)
{
        size_t n = strlen(top);

        return strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

int option_parse_directory(const Option *option, const char *value, const char *origin,
                           Settings *settings, Error *error)
{
        static const char *const kernel[] = { "/proc", "/sys", "/dev" };
        _cleanup_free_ char *simple = NULL;

        if (!option_path_is_normal(value))
                return error_set(error, EINVAL, "not an absolute path without '..'");
        simple = option_simplify_path(value);
        if (!simple)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(kernel); i++)
                if (path_is_below(simple, kernel[i]))
                        return error_set(error, EINVAL, "below %s, which is not part of the tree",
                                         kernel[i]);
        return replace_string(option, settings, simple);
}

int option_format_directory(const Option *option, const Settings *settings, Buffer *out)
{
        return format_string(option, settings, out);
}

int option_parse_pivot_root(const Option *option, const char *value, const char *origin,
                            Settings *settings, Error *error)
{
        const char *colon = strchr(value, ':');
        _cleanup_free_ char *first = strndup(value, colon ? (size_t)(colon - value) : SIZE_MAX / 2);

        if (!first)
                return -ENOMEM;
        if (!option_path_is_normal(first) || (colon && !option_path_is_normal(colon + 1)) ||
            (colon && strchr(colon + 1, ':')))
                return error_set(error, EINVAL,
                                 "not NEW or NEW:OLD, both absolute paths without '..'");
        return replace_string(option, settings, value);
}

int option_format_pivot_root(const Option *option, const Settings *settings, Buffer *out)
{
        return format_string(option, settings, out);
}

int option_parse_name(const Option *option, const char *value, const char *origin,
                      Settings *settings, Error *error)
{
        if (!machine_name_is_valid(value))
                return error_set(error, EINVAL,
                                 "not a name: up to 64 letters, digits, '-', '_' and single dots, "
                                 "no label with '-' at either end");
        return replace_string(option, settings, value);
}

int option_format_name(const Option *option, const Settings *settings, Buffer *out)
{
        return format_string(option, settings, out);
}

int option_parse_user(const Option *option, const char *value, const char *origin,
                      Settings *settings, Error *error)
{
        bool bad = strlen(value) > 255 || value[0] == '-';

        for (const char *p = value; *p; p++)
                bad = bad || !isgraph((unsigned char)*p) || *p == ':' || *p == '/';
        if (bad)
                return error_set(error, EINVAL, "not a user name or number");
        return replace_string(option, settings, value);
}

int option_format_user(const Option *option, const Settings *settings, Buffer *out)
{
        return format_string(option, settings, out);
}

int option_parse_word(const Option *option, const char *value, const char *origin,
                      Settings *settings, Error *error)
{
        for (const char *p = value; *p; p++)
                if (!isgraph((unsigned char)*p))
                        return error_set(error, EINVAL, "not one word of printable characters");
        return replace_string(option, settings, value);
}

int option_format_word(const Option *option, const Settings *settings, Buffer *out)
{
        return format_string(option, settings, out);
}

/* systemd.slice(5): '-' separates the levels, so none of them is empty. */
int option_parse_slice(const Option *option, const char *value, const char *origin,
                       Settings *settings, Error *error)
{
        static const char allowed[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-";
        _cleanup_free_ char *name = NULL;
        size_t n = strlen(value);

        if (n > strlen(".slice") && strcmp(value + n - strlen(".slice"), ".slice") == 0)
                n -= strlen(".slice");
        if (n == 0 || n > 200 || strspn(value, allowed) < n || value[0] == '-' ||
            value[n - 1] == '-' || strstr(value, "--"))
                return error_set(error, EINVAL, "not the name of a slice, such as web.slice");
        if (asprintf(&name, "%.*s.slice", (int)n, value) < 0) {
                name = NULL;
                return -ENOMEM;
        }
        return replace_string(option, settings, name);
}

int option_format_slice(const Option *option, const Settings *settings, Buffer *out)
{
        return format_string(option, settings, out);
}

int option_parse_dry_run(const Option *option, const char *value, const char *origin,
                         Settings *settings, Error *error)
{
        if (value && strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
                return error_set(error, EINVAL, "not one of text or json");
        return replace_string(option, settings, value ?: "text");
}

int option_format_dry_run(const Option *option, const Settings *settings, Buffer *out)
{
        return format_string(option, settings, out);
}

int option_parse_id128(const Option *option, const char *value, const char *origin,
                       Settings *settings, Error *error)
{
        if (parse_id128(value, FIELD(settings, option, Id128)) < 0)
                return error_set(error, EINVAL,
                                 "not a 128-bit id: 32 hexadecimal digits, not all zero");
        return 0;
}

int option_format_id128(const Option *option, const Settings *settings, Buffer *out)
{
        const Id128 *id = CONST_FIELD(settings, option, Id128);
        char text[33];

        if (!id128_is_null(id))
                buffer_puts(out, id128_to_string(id, text));
        return buffer_error(out);
}

int option_parse_signal(const Option *option, const char *value, const char *origin,
                        Settings *settings, Error *error)
{
        int signal = parse_signal(value);

        if (signal < 0)
                return error_set(error, EINVAL, "not a signal, such as SIGTERM or SIGRTMIN+3");
        *FIELD(settings, option, int) = signal;
        return 0;
}

int option_format_signal(const Option *option, const Settings *settings, Buffer *out)
{
        int signal = *CONST_FIELD(settings, option, int);
        char text[32];

        if (signal > 0)
                buffer_puts(out, signal_to_string(signal, text, sizeof(text)));
        return buffer_error(out);
}

int option_parse_time(const Option *option, const char *value, const char *origin,
                      Settings *settings, Error *error)
{
        if (parse_time(value, USEC_PER_SEC, FIELD(settings, option, uint64_t)) < 0)
                return error_set(error, EINVAL,
                                 "not a time span, such as 90, 1min 30s, 500ms or infinity");
        return 0;
}

int option_format_time(const Option *option, const Settings *settings, Buffer *out)
{
        uint64_t usec = *CONST_FIELD(settings, option, uint64_t);

        if (usec == USEC_INFINITY)
                buffer_puts(out, "infinity");
        else if (usec % USEC_PER_SEC == 0)
                buffer_printf(out, "%llus", (unsigned long long)(usec / USEC_PER_SEC));
        else
                buffer_printf(out, "%lluus", (unsigned long long)usec);
        return buffer_error(out);
}

/* base[:size]; the ids 65535 and 4294967295 are "nobody" in the 16 and 32-bit interfaces, so the
 * range must not hold the latter. */
static int parse_user_range(const char *value, Settings *settings)
{
        const char *colon = strchr(value, ':');
        _cleanup_free_ char *first = strndup(value, colon ? (size_t)(colon - value) : SIZE_MAX / 2);
        uint32_t base = 0, size = 65536;

        if (!first)
                return -ENOMEM;
        if (parse_uint32(first, &base) < 0 || (colon && parse_uint32(colon + 1, &size) < 0) ||
            size == 0 || (uint64_t)base + size > UINT32_MAX)
                return -EINVAL;
        settings->user_namespace = USER_NAMESPACE_FIXED;
        settings->user_base = base;
        settings->user_size = size;
        return 0;
}

int option_parse_user_namespace(const Option *option, const char *value, const char *origin,
                                Settings *settings, Error *error)
{
        int mode = user_namespace_mode_from_string(value ?: "yes"), r;

        if (mode < 0 && isdigit((unsigned char)value[0])) {
                r = parse_user_range(value, settings);
                if (r == -EINVAL)
                        return error_set(error, EINVAL,
                                         "not BASE or BASE:SIZE, both numbers, together below "
                                         "4294967296");
                return r;
        }
        if (mode < 0) {
                r = parse_boolean(value);
                if (r < 0)
                        return error_set(error, EINVAL,
                                         "not one of no, yes, pick, identity or BASE[:SIZE]");
                mode = r > 0 ? USER_NAMESPACE_TREE : USER_NAMESPACE_NO;
        }
        settings->user_namespace = mode;
        return 0;
}

int option_format_user_namespace(const Option *option, const Settings *settings, Buffer *out)
{
        const char *name = user_namespace_mode_to_string(settings->user_namespace);

        if (settings->user_namespace == USER_NAMESPACE_FIXED)
                buffer_printf(out, "%u:%u", settings->user_base, settings->user_size);
        else if (name)
                buffer_puts(out, name);
        return buffer_error(out);
}

int option_parse_oom_score(const Option *option, const char *value, const char *origin,
                           Settings *settings, Error *error)
{
        int score;

        if (parse_int(value, &score) < 0 || score < -1000 || score > 1000)
                return error_set(error, EINVAL, "not a number from -1000 to 1000");
        settings->oom_score_adjust = score;
        settings->oom_score_adjust_set = true;
        return 0;
}

int option_format_oom_score(const Option *option, const Settings *settings, Buffer *out)
{
        if (settings->oom_score_adjust_set)
                buffer_printf(out, "%d", settings->oom_score_adjust);
        return buffer_error(out);
}

static const struct {
        const char *name;
        unsigned long value;
} personalities[] = {
#if defined(__x86_64__)
        { "x86-64", PER_LINUX },
        { "x86", PER_LINUX32 },
#elif defined(__aarch64__)
        { "arm64", PER_LINUX },
        { "arm", PER_LINUX32 },
#elif defined(__s390x__)
        { "s390x", PER_LINUX },
        { "s390", PER_LINUX32 },
#elif defined(__powerpc64__)
        { "ppc64-le", PER_LINUX },
        { "ppc-le", PER_LINUX32 },
#else
        { "native", PER_LINUX },
#endif
};

int option_parse_personality(const Option *option, const char *value, const char *origin,
                             Settings *settings, Error *error)
{
        for (size_t i = 0; i < ELEMENTSOF(personalities); i++)
                if (strcmp(personalities[i].name, value) == 0) {
                        settings->personality = personalities[i].value;
                        return 0;
                }
        return error_set(error, EINVAL, "not an architecture that this kernel can pretend to be");
}

const char *option_personality_name(unsigned long value)
{
        for (size_t i = 0; i < ELEMENTSOF(personalities); i++)
                if (personalities[i].value == value)
                        return personalities[i].name;
        return NULL;
}

int option_format_personality(const Option *option, const Settings *settings, Buffer *out)
{
        const char *name = option_personality_name(settings->personality);

        if (name)
                buffer_puts(out, name);
        return buffer_error(out);
}

int option_choices_personalities(char ***ret)
{
        _cleanup_strv_ char **v = NULL;

        for (size_t i = 0; i < ELEMENTSOF(personalities); i++) {
                int r = strv_push(&v, personalities[i].name);

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

int option_choices_signals(char ***ret)
{
        _cleanup_strv_ char **v = NULL;

        for (int i = 1; i <= SIGRTMAX; i++) {
                char text[32];
                int r;

                if (i < SIGRTMIN && !sigabbrev_np(i))
                        continue; /* the C library keeps two real-time signals for itself */
                r = strv_push(&v, signal_to_string(i, text, sizeof(text)));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(v);
        return 0;
}
