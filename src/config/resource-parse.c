/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of single resource keys, by type. Strict where systemd is strict ("512m" and "512MB" are
 * no sizes to it), since it would go on without the limit. */

#include "config/resource-parse.h"

#include "base/parse.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define WHITE " \t\n\r"

ResourceItem *resource_item_add(ResourceValue *v, const char *name, const char *text)
{
        ResourceItem *grown = reallocarray(v->items, v->n_items + 1, sizeof(*grown)), *item;

        if (!grown)
                return NULL;
        v->items = grown;
        item = &grown[v->n_items];
        *item = (ResourceItem){ .name = name ? strdup(name) : NULL,
                                .text = text ? strdup(text) : NULL };
        v->n_items++; /* what was copied is freed with the value */
        return (name && !item->name) || (text && !item->text) ? NULL : item;
}

int resource_next_word(const char **p, const char *separators, char **ret)
{
        size_t n;

        *p += strspn(*p, separators);
        n = strcspn(*p, separators);
        if (n == 0)
                return 0;
        *ret = strndup(*p, n);
        *p += n;
        return *ret ? 1 : -ENOMEM;
}

/* Absolute, no "." or ".." or empty parts. */
static bool path_is_normal(const char *path)
{
        const char *p = path;

        if (*p != '/' || strlen(path) >= PATH_MAX)
                return false;
        while (*p) {
                size_t n = strcspn(++p, "/");

                if ((n == 0 && *p) || (n == 1 && p[0] == '.') ||
                    (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                p += n;
        }
        return true;
}

/* -EINVAL with "not one of a, b or c". */
static int not_one_of(const char *const *words, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        for (size_t i = 0; words[i]; i++)
                buffer_printf(&text, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
        return error_set(error, EINVAL, "not one of %s", text.data ?: "the words");
}

static bool word_is_known(const char *const *words, const char *word)
{
        for (size_t i = 0; words[i]; i++)
                if (strcmp(words[i], word) == 0)
                        return true;
        return false;
}

/* The digits after a dot as a fraction. */
static double parse_fraction(const char **p)
{
        double value = 0, unit = 1;

        for (; isdigit((unsigned char)**p); (*p)++) {
                unit /= 10;
                value += (**p - '0') * unit;
        }
        return value;
}

/* Numbers with units as systemd writes them: 1.5G to the base of 1024 or 1000. */
static int parse_scaled(const char *s, unsigned base, uint64_t *ret)
{
        static const char suffixes[] = "EPTGMK"; /* each part must be of a smaller one */
        uint64_t sum = 0;
        size_t next = 0;

        do {
                uint64_t number, factor = 1, part;
                double fraction = 0;
                size_t i;
                char *end;

                s += strspn(s, WHITE);
                if (!isdigit((unsigned char)*s))
                        return -EINVAL;
                errno = 0;
                number = strtoull(s, &end, 10);
                if (errno != 0)
                        return -ERANGE;
                s = end;
                if (*s == '.') {
                        s++;
                        fraction = parse_fraction(&s);
                }
                s += strspn(s, WHITE);
                for (i = next; i < sizeof(suffixes) - 1 && *s != suffixes[i]; i++)
                        ;
                for (size_t k = i; k < sizeof(suffixes) - 1; k++)
                        factor *= base;
                if (i < sizeof(suffixes) - 1 || *s == 'B')
                        s++;
                else if (*s != '\0')
                        return -EINVAL;
                next = i + 1;
                if (number + (fraction > 0) > UINT64_MAX / factor)
                        return -ERANGE;
                part = number * factor + (uint64_t)(fraction * (double)factor);
                if (part > UINT64_MAX - sum)
                        return -ERANGE;
                sum += part;
        } while (*s && next <= sizeof(suffixes) - 1);
        if (*s)
                return -EINVAL;
        *ret = sum;
        return 0;
}

/* "12.5%" as 1250, also the signs for thousandths and ten thousandths. */
static int parse_permyriad(const char *s, unsigned *ret)
{
        static const struct {
                const char *sign;
                unsigned digits; /* that may follow a dot */
        } signs[] = { { "%", 2 }, { "\u2030", 1 }, { "\u2031", 0 } };
        const char *p = s;
        uint64_t value = 0;

        if (!isdigit((unsigned char)*p))
                return -EINVAL;
        for (; isdigit((unsigned char)*p); p++) {
                value = value * 10 + (uint64_t)(*p - '0');
                if (value > INT_MAX)
                        return -ERANGE;
        }
        for (size_t i = 0; i < ELEMENTSOF(signs); i++) {
                const char *q = p;
                uint64_t v = value;
                unsigned digits = 0;

                if (*q == '.')
                        for (q++; digits < signs[i].digits && isdigit((unsigned char)*q); q++) {
                                v = v * 10 + (uint64_t)(*q - '0');
                                digits++;
                        }
                if (strcmp(q, signs[i].sign) != 0 || (q > p && digits == 0))
                        continue;
                for (; digits < signs[i].digits; digits++)
                        v *= 10;
                if (v > INT_MAX)
                        return -ERANGE;
                *ret = (unsigned)v;
                return 0;
        }
        return -EINVAL;
}

static void set_scale(ResourceValue *v, unsigned permyriad)
{
        v->form = RESOURCE_FORM_SCALE;
        v->permyriad = permyriad;
        v->scale = (uint32_t)(((uint64_t)permyriad * UINT32_MAX + 5000) / 10000);
}

/* Sizes of memory and numbers of tasks: plain, part of what there is, or all. */
static int parse_limit(const char *s, ResourceValue *v, Error *error)
{
        bool tasks = v->key->type == RESOURCE_TASKS;
        unsigned permyriad;
        int r;

        v->form = RESOURCE_FORM_NUMBER;
        if (strcmp(s, "infinity") == 0) {
                v->number = RESOURCE_INFINITY;
                return 0;
        }
        if (parse_permyriad(s, &permyriad) >= 0) {
                if (permyriad > 10000 || permyriad < v->key->minimum)
                        return error_set(error, ERANGE, "out of range, %s to 100%% are allowed",
                                         v->key->minimum > 0 ? "0.01%" : "0%");
                set_scale(v, permyriad);
                return 0;
        }
        r = tasks ? parse_uint64(s, &v->number) : parse_scaled(s, 1024, &v->number);
        if (r == -ERANGE || (r >= 0 && v->number == UINT64_MAX))
                return error_set(error, ERANGE, "too large, write infinity for no limit");
        if (r < 0)
                return error_set(error, EINVAL,
                                 tasks ? "not a number, a percentage such as 10%%, or infinity"
                                       : "not a size, write bytes with K, M, G or T such as 512M, "
                                         "a percentage such as 50%%, or infinity");
        if (v->number < v->key->minimum)
                return error_set(error, ERANGE, "out of range, at least %llu is allowed",
                                 (unsigned long long)v->key->minimum);
        return 0;
}

static int parse_weight(const char *s, uint64_t *ret, Error *error)
{
        uint64_t weight;

        if (parse_uint64(s, &weight) < 0 || weight < 1 || weight > RESOURCE_WEIGHT_MAX)
                return error_set(error, EINVAL, "not a weight, 1 to %d are allowed",
                                 RESOURCE_WEIGHT_MAX);
        *ret = weight;
        return 0;
}

static int parse_cpu_weight(const char *s, ResourceValue *v, Error *error)
{
        v->form = RESOURCE_FORM_NUMBER;
        if (strcmp(s, "idle") == 0) {
                v->number = 0;
                return 0;
        }
        if (parse_weight(s, &v->number, NULL) < 0)
                return error_set(error, EINVAL, "not a weight, 1 to %d and idle are allowed",
                                 RESOURCE_WEIGHT_MAX);
        return 0;
}

static int parse_plain_weight(const char *s, ResourceValue *v, Error *error)
{
        v->form = RESOURCE_FORM_NUMBER;
        return parse_weight(s, &v->number, error);
}

static int parse_cpu_quota(const char *s, ResourceValue *v, Error *error)
{
        unsigned permyriad;

        if (parse_permyriad(s, &permyriad) < 0)
                return error_set(error, EINVAL,
                                 "not a percentage, write 50%% for half a processor or 200%% for "
                                 "two");
        if (permyriad == 0)
                return error_set(error, ERANGE, "too small, at least 0.01%% is allowed");
        v->form = RESOURCE_FORM_NUMBER;
        v->permyriad = permyriad;
        v->number = (uint64_t)permyriad * USEC_PER_SEC / 10000;
        return 0;
}

static int parse_span(const char *s, ResourceValue *v, Error *error)
{
        v->form = RESOURCE_FORM_NUMBER;
        if (parse_time(s, USEC_PER_SEC, &v->number) < 0)
                return error_set(error, EINVAL, "not a time span, write for instance 100ms or 2s");
        return 0;
}

static int parse_percent(const char *s, ResourceValue *v, Error *error)
{
        unsigned permyriad;

        if (parse_permyriad(s, &permyriad) < 0 || permyriad > 10000)
                return error_set(error, EINVAL, "not a percentage, 0%% to 100%% are allowed");
        set_scale(v, permyriad);
        return 0;
}

static int parse_bool(const char *s, ResourceValue *v, Error *error)
{
        int r = parse_boolean(s);

        if (r < 0)
                return error_set(error, EINVAL, "not a boolean, write yes or no");
        v->form = RESOURCE_FORM_BOOLEAN;
        v->number = (uint64_t)r;
        return 0;
}

/* "3" or "3-5" */
static int parse_cpu_range(const char *word, uint32_t *ret_first, uint32_t *ret_last)
{
        const char *dash = strchr(word, '-');
        char first[16];
        uint32_t a, b;

        if ((dash ? (size_t)(dash - word) : strlen(word)) >= sizeof(first))
                return -EINVAL;
        (void)snprintf(first, sizeof(first), "%.*s", (int)(dash ? dash - word : 15), word);
        if (parse_uint32(first, &a) < 0 || parse_uint32(dash ? dash + 1 : first, &b) < 0 || b < a ||
            b > RESOURCE_CPU_MAX)
                return -EINVAL;
        *ret_first = a;
        *ret_last = b;
        return 0;
}

static int bitmap_set(ResourceValue *v, uint32_t first, uint32_t last)
{
        size_t size = last / 8 + 1;

        if (size > v->n_bitmap) {
                uint8_t *grown = realloc(v->bitmap, size);

                if (!grown)
                        return -ENOMEM;
                memset(grown + v->n_bitmap, 0, size - v->n_bitmap);
                v->bitmap = grown;
                v->n_bitmap = size;
        }
        for (uint32_t i = first; i <= last; i++)
                v->bitmap[i / 8] |= (uint8_t)(1 << i % 8);
        return 0;
}

static int parse_cpu_list(const char *s, ResourceValue *v, Error *error)
{
        int r;

        v->form = RESOURCE_FORM_BITMAP;
        for (;;) {
                _cleanup_free_ char *word = NULL;
                uint32_t first, last;

                r = resource_next_word(&s, WHITE ",", &word);
                if (r <= 0)
                        return r;
                if (parse_cpu_range(word, &first, &last) < 0)
                        return error_set(error, EINVAL,
                                         "'%s' is not a number or a range such as 0-3, up to %d",
                                         word, RESOURCE_CPU_MAX);
                r = bitmap_set(v, first, last);
                if (r < 0)
                        return r;
        }
}

/* "PATH VALUE": the path to an item of its own, and where the value begins. */
static int parse_device_path(const char **s, const char *what, ResourceValue *v, ResourceItem **ret,
                             Error *error)
{
        _cleanup_free_ char *path = NULL;
        int r = resource_next_word(s, WHITE, &path);

        if (r < 0)
                return r;
        *s += strspn(*s, WHITE);
        if (r == 0 || !**s)
                return error_set(error, EINVAL, "not a path and %s, such as /dev/sda %s", what,
                                 strcmp(what, "a weight") == 0      ? "200"
                                 : strcmp(what, "a time span") == 0 ? "25ms"
                                                                    : "5M");
        if (!path_is_normal(path))
                return error_set(error, EINVAL, "'%s' is not an absolute, plain path", path);
        v->form = RESOURCE_FORM_DEVICES;
        *ret = resource_item_add(v, path, NULL);
        return *ret ? 0 : -ENOMEM;
}

static int parse_device_rate(const char *s, ResourceValue *v, Error *error)
{
        ResourceItem *item;
        int r = parse_device_path(&s, "a rate", v, &item, error);

        if (r < 0)
                return r;
        if (strcmp(s, "infinity") == 0) {
                item->number = RESOURCE_INFINITY;
                return 0;
        }
        if (parse_scaled(s, 1000, &item->number) < 0 || item->number == 0)
                return error_set(error, EINVAL,
                                 "'%s' is not a rate, write a number with K, M, G or T to the base "
                                 "of 1000, or infinity",
                                 s);
        return 0;
}

static int parse_device_weight(const char *s, ResourceValue *v, Error *error)
{
        ResourceItem *item;
        int r = parse_device_path(&s, "a weight", v, &item, error);

        return r < 0 ? r : parse_weight(s, &item->number, error);
}

static int parse_device_time(const char *s, ResourceValue *v, Error *error)
{
        ResourceItem *item;
        int r = parse_device_path(&s, "a time span", v, &item, error);

        if (r < 0)
                return r;
        if (parse_time(s, USEC_PER_SEC, &item->number) < 0)
                return error_set(error, EINVAL, "'%s' is not a time span, write for instance 25ms",
                                 s);
        return 0;
}

static int parse_device_allow(const char *s, ResourceValue *v, Error *error)
{
        _cleanup_free_ char *device = NULL;
        bool group;
        int r = resource_next_word(&s, WHITE, &device);

        if (r < 0)
                return r;
        if (r == 0)
                return error_set(error, EINVAL, "not a device, such as /dev/fuse rwm");
        group = strncmp(device, "char-", 5) == 0 || strncmp(device, "block-", 6) == 0;
        if (!group && (strncmp(device, "/dev/", 5) != 0 || !path_is_normal(device)))
                return error_set(error, EINVAL,
                                 "'%s' is neither a path below /dev/ nor a group such as char-pts "
                                 "or block-loop",
                                 device);
        s += strspn(s, WHITE);
        if (strspn(s, "rwm") != strlen(s))
                return error_set(error, EINVAL, "'%s' is not made of r, w and m", s);
        v->form = RESOURCE_FORM_PAIRS;
        return resource_item_add(v, device, *s ? s : "rwm") ? 0 : -ENOMEM;
}

static int parse_choice(const char *s, ResourceValue *v, Error *error)
{
        if (!word_is_known(v->key->words, s))
                return not_one_of(v->key->words, error);
        v->form = RESOURCE_FORM_STRING;
        v->text = strdup(s);
        return v->text ? 0 : -ENOMEM;
}

static int parse_slice(const char *s, ResourceValue *v, Error *error)
{
        static const char suffix[] = ".slice";
        size_t n = strlen(s), stem = n - MIN_OF(n, sizeof(suffix) - 1);
        bool good = stem > 0 && n < 256 && strcmp(s + stem, suffix) == 0 && s[0] != '-' &&
                    s[stem - 1] != '-' && !strstr(s, "--");

        for (size_t i = 0; good && i < stem; i++)
                good = isalnum((unsigned char)s[i]) || strchr(":-_.\\", s[i]);
        if (!good && strcmp(s, "-.slice") != 0)
                return error_set(error, EINVAL,
                                 "not the name of a slice, such as machine-web.slice");
        v->form = RESOURCE_FORM_STRING;
        v->text = strdup(s);
        return v->text ? 0 : -ENOMEM;
}

static int parse_controllers(const char *s, ResourceValue *v, Error *error)
{
        v->form = RESOURCE_FORM_STRINGS;
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = resource_next_word(&s, WHITE, &word);

                if (r <= 0)
                        return r;
                if (!word_is_known(v->key->words, word)) {
                        r = not_one_of(v->key->words, error);
                        return error_prefix(error, "'%s'", word);
                }
                if (!resource_item_add(v, word, NULL))
                        return -ENOMEM;
        }
}

static int parse_paths(const char *s, ResourceValue *v, Error *error)
{
        if (!path_is_normal(s))
                return error_set(error, EINVAL, "not an absolute, plain path");
        v->form = RESOURCE_FORM_STRINGS;
        return resource_item_add(v, s, NULL) ? 0 : -ENOMEM;
}

static int parse_bpf_program(const char *s, ResourceValue *v, Error *error)
{
        _cleanup_free_ char *hook = strndup(s, strcspn(s, ":"));
        const char *path = s + strcspn(s, ":");

        if (!hook)
                return -ENOMEM;
        if (*path != ':' || !path_is_normal(path + 1))
                return error_set(error, EINVAL,
                                 "not a hook and a path, such as egress:/sys/fs/bpf/filter");
        if (!word_is_known(v->key->words, hook)) {
                (void)not_one_of(v->key->words, error);
                return error_prefix(error, "'%s'", hook);
        }
        v->form = RESOURCE_FORM_PAIRS;
        return resource_item_add(v, hook, path + 1) ? 0 : -ENOMEM;
}

static int (*const parsers[_RESOURCE_TYPE_MAX])(const char *, ResourceValue *, Error *) = {
        [RESOURCE_BOOLEAN] = parse_bool,
        [RESOURCE_SIZE] = parse_limit,
        [RESOURCE_TASKS] = parse_limit,
        [RESOURCE_WEIGHT] = parse_plain_weight,
        [RESOURCE_CPU_WEIGHT] = parse_cpu_weight,
        [RESOURCE_CPU_QUOTA] = parse_cpu_quota,
        [RESOURCE_TIME] = parse_span,
        [RESOURCE_PERCENT] = parse_percent,
        [RESOURCE_CPU_LIST] = parse_cpu_list,
        [RESOURCE_DEVICE_RATE] = parse_device_rate,
        [RESOURCE_DEVICE_WEIGHT] = parse_device_weight,
        [RESOURCE_DEVICE_TIME] = parse_device_time,
        [RESOURCE_DEVICE_ALLOW] = parse_device_allow,
        [RESOURCE_CHOICE] = parse_choice,
        [RESOURCE_SLICE] = parse_slice,
        [RESOURCE_CONTROLLERS] = parse_controllers,
        [RESOURCE_ADDRESSES] = resource_parse_addresses,
        [RESOURCE_PATHS] = parse_paths,
        [RESOURCE_BPF_PROGRAM] = parse_bpf_program,
        [RESOURCE_SOCKET_BIND] = resource_parse_socket_bind,
        [RESOURCE_INTERFACES] = resource_parse_interfaces,
        [RESOURCE_NFT_SET] = resource_parse_nft_sets,
};

static const ResourceForm forms[_RESOURCE_TYPE_MAX] = {
        /* of an empty value; what is not here has none */
        [RESOURCE_SIZE] = RESOURCE_FORM_NUMBER,
        [RESOURCE_TASKS] = RESOURCE_FORM_NUMBER,
        [RESOURCE_WEIGHT] = RESOURCE_FORM_NUMBER,
        [RESOURCE_CPU_WEIGHT] = RESOURCE_FORM_NUMBER,
        [RESOURCE_CPU_QUOTA] = RESOURCE_FORM_NUMBER,
        [RESOURCE_TIME] = RESOURCE_FORM_NUMBER,
        [RESOURCE_CPU_LIST] = RESOURCE_FORM_BITMAP,
        [RESOURCE_DEVICE_RATE] = RESOURCE_FORM_DEVICES,
        [RESOURCE_DEVICE_WEIGHT] = RESOURCE_FORM_DEVICES,
        [RESOURCE_DEVICE_TIME] = RESOURCE_FORM_DEVICES,
        [RESOURCE_DEVICE_ALLOW] = RESOURCE_FORM_PAIRS,
        [RESOURCE_CONTROLLERS] = RESOURCE_FORM_STRINGS,
        [RESOURCE_ADDRESSES] = RESOURCE_FORM_ADDRESSES,
        [RESOURCE_PATHS] = RESOURCE_FORM_STRINGS,
        [RESOURCE_BPF_PROGRAM] = RESOURCE_FORM_PAIRS,
        [RESOURCE_SOCKET_BIND] = RESOURCE_FORM_PORTS,
        [RESOURCE_INTERFACES] = RESOURCE_FORM_INTERFACES,
        [RESOURCE_NFT_SET] = RESOURCE_FORM_NFT_SETS,
};

static int parse_empty(ResourceValue *v, Error *error)
{
        v->form = forms[v->key->type];
        v->number = v->key->type == RESOURCE_INTERFACES ? 1 : v->key->empty;
        return v->form != RESOURCE_FORM_NONE
                       ? 0
                       : error_set(error, EINVAL, "this key has no empty value, write %s",
                                   resource_type_metavar(v->key->type));
}

int resource_parse_fresh(const ResourceKey *key, const char *value, ResourceValue *v, Error *error)
{
        v->key = key;
        return value[strspn(value, WHITE)] ? parsers[key->type](value, v, error)
                                           : parse_empty(v, error);
}
