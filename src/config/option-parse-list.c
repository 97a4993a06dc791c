/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values made of several words: capabilities, environment, filters, limits, processors, and the
 * words of the command line that become assignments in another spelling. */

#include "base/strv.h"
#include "config/option-parse.h"

#include <ctype.h>
#include <string.h>

#define SEPARATORS " \t,"

static CapabilitySet *capability_field(const Option *option, Settings *settings)
{
        return (CapabilitySet *)(void *)((char *)settings + option->offset);
}

int option_parse_capabilities(const Option *option, const char *value, const char *origin,
                              Settings *settings, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        bool ambient = option->offset == offsetof(Settings, ambient_capability);
        CapabilitySet sum = 0;
        int r = strv_split(value, SEPARATORS, &words);

        if (r < 0)
                return r;
        STRV_FOREACH (word, words) {
                CapabilitySet set = 0;

                if ((ambient && strcmp(*word, "all") == 0) || capability_set_parse(*word, &set) < 0)
                        return error_set(error, EINVAL, "'%s' is not a capability%s", *word,
                                         ambient ? "" : " or all");
                sum |= set;
        }
        *capability_field(option, settings) |= sum;
        return 0;
}

int option_format_capabilities(const Option *option, const Settings *settings, Buffer *out)
{
        const CapabilitySet *set =
                (const CapabilitySet *)(const void *)((const char *)settings + option->offset);
        _cleanup_free_ char *text = NULL;
        int r;

        if (*set == 0)
                return 0;
        r = capability_set_to_string(*set, &text);
        if (r < 0)
                return r;
        buffer_puts(out, text);
        return buffer_error(out);
}

int option_choices_capabilities(char ***ret)
{
        _cleanup_strv_ char **v = NULL;

        for (int i = 0; i < 64; i++) {
                const char *name = capability_to_name(i);
                int r = name ? strv_push(&v, name) : 0;

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

void option_quote(const char *word, Buffer *out)
{
        bool bare = word[0] != '\0';

        for (const char *p = word; *p; p++)
                bare = bare && (isalnum((unsigned char)*p) || strchr("_-+./:=@%,~^", *p) ||
                                (unsigned char)*p >= 0x80);
        if (bare) {
                buffer_puts(out, word);
                return;
        }
        buffer_puts(out, "\"");
        for (const char *p = word; *p; p++) {
                if (*p == '"' || *p == '\\')
                        buffer_printf(out, "\\%c", *p);
                else if (iscntrl((unsigned char)*p))
                        buffer_printf(out, "\\x%02x", (unsigned)(unsigned char)*p);
                else
                        buffer_append(out, p, 1);
        }
        buffer_puts(out, "\"");
}

static char ***strv_field(const Option *option, Settings *settings)
{
        return (char ***)(void *)((char *)settings + option->offset);
}

int option_parse_words(const Option *option, const char *value, const char *origin,
                       Settings *settings, Error *error)
{
        char ***field = strv_field(option, settings), **words = NULL;
        int r = strv_split_quoted(value, &words);

        if (r == -EINVAL)
                return error_set(error, EINVAL, "an open quote or an unknown escape");
        if (r < 0)
                return r;
        strv_free(*field);
        *field = words;
        return 0;
}

int option_format_words(const Option *option, const Settings *settings, Buffer *out)
{
        char *const *words =
                *(char *const *const *)(const void *)((const char *)settings + option->offset);

        for (char *const *w = words; w && *w; w++) {
                if (w != words)
                        buffer_puts(out, " ");
                option_quote(*w, out);
        }
        return buffer_error(out);
}

static bool assignment_is_valid(const char *s)
{
        size_t n = strcspn(s, "=");

        if (s[n] != '=' || n == 0 || isdigit((unsigned char)s[0]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && s[i] != '_')
                        return false;
        return true;
}

int option_parse_environment(const Option *option, const char *value, const char *origin,
                             Settings *settings, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split_quoted(value, &words);

        if (r == -EINVAL)
                return error_set(error, EINVAL, "an open quote or an unknown escape");
        STRV_FOREACH (word, words)
                if (!assignment_is_valid(*word))
                        return error_set(
                                error, EINVAL,
                                "not NAME=VALUE words, NAME being letters, digits and '_'");
        STRV_FOREACH (word, words)
                r = r >= 0 ? strv_env_set(strv_field(option, settings), *word) : r;
        return r;
}

int option_format_environment(const Option *option, const Settings *settings, Buffer *out)
{
        STRV_FOREACH (word, settings->environment) {
                if (word != settings->environment)
                        buffer_puts(out, "\n");
                option_quote(*word, out);
        }
        return buffer_error(out);
}

static bool filter_word_is_valid(const char *word)
{
        word += *word == '@';
        if (*word == '\0' || strlen(word) > 64)
                return false;
        for (; *word; word++)
                if (!islower((unsigned char)*word) && !isdigit((unsigned char)*word) &&
                    !strchr("_-", *word))
                        return false;
        return true;
}

/* A '~' at the front denies the whole list, as in nspawn; on a single word, that word. */
int option_parse_filter(const Option *option, const char *value, const char *origin,
                        Settings *settings, Error *error)
{
        _cleanup_strv_ char **words = NULL, **marked = NULL;
        bool all = value[0] == '~';
        int r = strv_split(value + all, SEPARATORS, &words);

        if (r < 0)
                return r;
        if (!words)
                return error_set(error, EINVAL, "names no system call");
        STRV_FOREACH (word, words) {
                const char *name = *word + (**word == '~');

                if (!filter_word_is_valid(name))
                        return error_set(error, EINVAL,
                                         "'%s' is not a system call or @group, with or without '~'",
                                         name);
                r = strv_pushf(&marked, "%s%s", all || **word == '~' ? "~" : "", name);
                if (r < 0)
                        return r;
        }
        return strv_extend(strv_field(option, settings), marked);
}

int option_format_filter(const Option *option, const Settings *settings, Buffer *out)
{
        STRV_FOREACH (word, settings->system_call_filter) {
                if (word != settings->system_call_filter)
                        buffer_puts(out,
                                    "\n"); /* one a line: a '~' at the front would be for all */
                buffer_puts(out, *word);
        }
        return buffer_error(out);
}

int option_parse_users(const Option *option, const char *value, const char *origin,
                       Settings *settings, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split(value, SEPARATORS, &words);

        STRV_FOREACH (word, words) {
                char ***field = strv_field(option, settings);

                if (!isalpha((unsigned char)**word) && **word != '_')
                        return error_set(error, EINVAL, "'%s' is not a user name", *word);
                for (const char *p = *word; *p; p++)
                        if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
                                return error_set(error, EINVAL, "'%s' is not a user name", *word);
                if (r >= 0 && !strv_contains(*field, *word))
                        r = strv_push(field, *word);
        }
        return r;
}

int option_format_users(const Option *option, const Settings *settings, Buffer *out)
{
        return option_format_words(option, settings, out);
}

int option_parse_property(const Option *option, const char *value, const char *origin,
                          Settings *settings, Error *error)
{
        size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

        if (n == 0 || value[n] != '=')
                return error_set(error, EINVAL, "not of the form NAME=VALUE");
        return strv_push(strv_field(option, settings), value);
}

int option_format_property(const Option *option, const Settings *settings, Buffer *out)
{
        return option_format_words(option, settings, out);
}

/* "3" or "0-7"; -EINVAL if it is neither or beyond what cpu_set_t holds. */
static int parse_cpu_range(const char *word, cpu_set_t *set)
{
        const char *dash = strchr(word, '-');
        _cleanup_free_ char *first = dash ? strndup(word, (size_t)(dash - word)) : strdup(word);
        uint32_t from, to;

        if (!first)
                return -ENOMEM;
        if (parse_uint32(first, &from) < 0 || parse_uint32(dash ? dash + 1 : word, &to) < 0 ||
            from > to || to >= CPU_SETSIZE)
                return -EINVAL;
        for (uint32_t i = from; i <= to; i++)
                CPU_SET(i, set);
        return 0;
}

int option_parse_cpu_affinity(const Option *option, const char *value, const char *origin,
                              Settings *settings, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        cpu_set_t set;
        int r = strv_split(value, SEPARATORS, &words);

        CPU_ZERO(&set);
        STRV_FOREACH (word, words)
                r = r >= 0 ? parse_cpu_range(*word, &set) : r;
        if (r == -EINVAL || (r >= 0 && CPU_COUNT(&set) == 0))
                return error_set(error, EINVAL, "not a list of processors below %d, such as 0-3,6",
                                 CPU_SETSIZE);
        if (r < 0)
                return r;
        settings->cpu_affinity = set;
        settings->cpu_affinity_set = true;
        return 0;
}

int option_format_cpu_affinity(const Option *option, const Settings *settings, Buffer *out)
{
        size_t start = out->size;

        for (size_t i = 0; settings->cpu_affinity_set && i < CPU_SETSIZE; i++) {
                size_t from = i;

                if (!CPU_ISSET(i, &settings->cpu_affinity))
                        continue;
                while (i + 1 < CPU_SETSIZE && CPU_ISSET(i + 1, &settings->cpu_affinity))
                        i++;
                buffer_printf(out, "%s%zu", out->size > start ? "," : "", from);
                if (i > from)
                        buffer_printf(out, "-%zu", i);
        }
        return buffer_error(out);
}

int option_word_environment(const Option *option, const char *word, const char *origin,
                            Assignments *a, Error *error)
{
        _cleanup_buffer_ Buffer quoted = BUFFER_NULL, plain = BUFFER_NULL;

        buffer_puts(&plain, word);
        if (!strchr(word, '=')) {
                const char *value = getenv(word);

                if (!value) /* nothing to copy; nothing is what the payload then sees */
                        return 0;
                buffer_printf(&plain, "=%s", value);
        }
        if (buffer_error(&plain) < 0)
                return -ENOMEM;
        option_quote(plain.data, &quoted);
        return buffer_error(&quoted) < 0 ? -ENOMEM
                                         : assignments_add(a, option, quoted.data, origin, true);
}

int option_word_path(const Option *option, const char *word, const char *origin, Assignments *a,
                     Error *error)
{
        _cleanup_free_ char *here = NULL, *path = NULL;

        if (word[0] == '/')
                return assignments_add(a, option, word, origin, true);
        here = getcwd(NULL, 0);
        if (!here)
                return error_errno(error, errno, "Failed to find the current directory");
        if (asprintf(&path, "%s/%s", here, word) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        return assignments_add(a, option, path, origin, true);
}
