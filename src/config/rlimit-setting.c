/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resource limits: "soft:hard" in the unit that systemd.exec(5) gives each of them. */

#include "base/strv.h"
#include "config/option-parse.h"

#include <string.h>

typedef enum LimitUnit {
        LIMIT_COUNT,
        LIMIT_BYTES,
        LIMIT_SECONDS,
        LIMIT_MICROSECONDS,
        LIMIT_NICE,
} LimitUnit;

static LimitUnit limit_unit(int resource)
{
        switch (resource) {
        case RLIMIT_CPU:
                return LIMIT_SECONDS;
        case RLIMIT_RTTIME:
                return LIMIT_MICROSECONDS;
        case RLIMIT_NICE:
                return LIMIT_NICE;
        case RLIMIT_NOFILE:
        case RLIMIT_NPROC:
        case RLIMIT_LOCKS:
        case RLIMIT_SIGPENDING:
        case RLIMIT_RTPRIO:
                return LIMIT_COUNT;
        default:
                return LIMIT_BYTES;
        }
}

/* A nice level is signed; what setrlimit() wants is 20 minus it. */
static int parse_nice(const char *s, uint64_t *ret)
{
        bool level = s[0] == '+' || s[0] == '-';
        uint64_t n;

        if (parse_uint64(s + level, &n) < 0 || n > (level ? 20 : 40) || (s[0] == '+' && n > 19))
                return -EINVAL;
        *ret = s[0] == '+' ? 20 - n : s[0] == '-' ? 20 + n : n;
        return 0;
}

static int parse_limit(const char *s, int resource, rlim_t *ret)
{
        uint64_t value = 0;
        int r = -EINVAL;

        if (strcmp(s, "infinity") == 0) {
                *ret = RLIM_INFINITY;
                return 0;
        }
        switch (limit_unit(resource)) {
        case LIMIT_COUNT:
                r = parse_uint64(s, &value);
                break;
        case LIMIT_BYTES:
                r = parse_size(s, &value);
                break;
        case LIMIT_SECONDS:
                r = parse_time(s, USEC_PER_SEC, &value);
                value = value / USEC_PER_SEC + (value % USEC_PER_SEC > 0);
                break;
        case LIMIT_MICROSECONDS:
                r = parse_time(s, 1, &value);
                break;
        case LIMIT_NICE:
                r = parse_nice(s, &value);
                break;
        }
        if (r < 0 || value == RLIM_INFINITY) /* only the word means infinity */
                return -EINVAL;
        *ret = value;
        return 0;
}

static int row_resource(const Option *option)
{
        return (int)((option->offset - offsetof(Settings, rlimits)) / sizeof(struct rlimit));
}

static const char *unit_text(int resource)
{
        switch (limit_unit(resource)) {
        case LIMIT_BYTES:
                return "bytes with an optional K, M, G, T";
        case LIMIT_SECONDS:
                return "seconds or a time span";
        case LIMIT_MICROSECONDS:
                return "microseconds or a time span";
        case LIMIT_NICE:
                return "a nice level with its sign, or 0 to 40";
        case LIMIT_COUNT:
        default:
                return "a number";
        }
}

int option_parse_rlimit(const Option *option, const char *value, const char *origin,
                        Settings *settings, Error *error)
{
        const char *colon = strchr(value, ':');
        _cleanup_free_ char *soft = strndup(value, colon ? (size_t)(colon - value) : strlen(value));
        int resource = row_resource(option);
        struct rlimit limit;

        if (!soft)
                return -ENOMEM;
        if (parse_limit(soft, resource, &limit.rlim_cur) < 0 ||
            parse_limit(colon ? colon + 1 : soft, resource, &limit.rlim_max) < 0)
                return error_set(error, EINVAL, "not VALUE or SOFT:HARD, each %s or infinity",
                                 unit_text(resource));
        if (limit.rlim_cur > limit.rlim_max)
                return error_set(error, EINVAL, "the soft limit is above the hard one");
        settings->rlimits[resource] = limit;
        settings->rlimits_set |= UINT32_C(1) << resource;
        return 0;
}

static void format_limit(rlim_t value, Buffer *out)
{
        if (value == RLIM_INFINITY)
                buffer_puts(out, "infinity");
        else
                buffer_printf(out, "%llu", (unsigned long long)value);
}

int option_format_rlimit(const Option *option, const Settings *settings, Buffer *out)
{
        int resource = row_resource(option);
        const struct rlimit *limit = &settings->rlimits[resource];

        if (!(settings->rlimits_set & (UINT32_C(1) << resource)))
                return 0;
        format_limit(limit->rlim_cur, out);
        if (limit->rlim_cur != limit->rlim_max) {
                buffer_puts(out, ":");
                format_limit(limit->rlim_max, out);
        }
        return buffer_error(out);
}

static bool row_is_limit(const Option *option)
{
        return option->parse == option_parse_rlimit;
}

int option_choices_rlimits(char ***ret)
{
        _cleanup_strv_ char **v = NULL;

        for (size_t i = 0; i < option_count; i++) {
                int r = row_is_limit(&option_table[i])
                                ? strv_pushf(&v, "RLIMIT_%s", option_table[i].key + strlen("Limit"))
                                : 0;

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

/* "RLIMIT_NOFILE=1024" is LimitNOFILE=1024; the name also goes without its prefix. */
int option_word_rlimit(const Option *option, const char *word, const char *origin, Assignments *a,
                       Error *error)
{
        const char *equals = strchr(word, '=');
        const char *name = strncmp(word, "RLIMIT_", 7) == 0 ? word + 7 : word;
        _cleanup_free_ char *key = NULL;
        const Option *row;
        int r;

        if (!equals)
                return error_set(error, EINVAL, "not NAME=VALUE, such as RLIMIT_NOFILE=1024:4096");
        if (asprintf(&key, "Limit%.*s", (int)(equals - name), name) < 0) {
                key = NULL;
                return -ENOMEM;
        }
        row = option_by_key("Exec", key);
        if (!row || !row_is_limit(row)) {
                r = error_set(error, EINVAL, "'%.*s' is not a resource limit", (int)(equals - word),
                              word);
                error_hint(error, "stead-launch --rlimit=help");
                return r;
        }
        r = option_check(row, equals + 1, error);
        return r < 0 ? r : assignments_add(a, row, equals + 1, origin, true);
}
