/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of map=, umap= and gmap=. Whether the machine has the ids is decided when its range is
 * known. */

#include "config/bind-map.h"

#include "base/parse.h"
#include "base/strv.h"

#include <string.h>

#define ID_MAX (UINT32_MAX - 1) /* the last one means "no id" */

void bind_map_done(BindMap *map)
{
        free(map->ids);
        *map = (BindMap){};
}

static int parse_ids(const char *text, BindIds *ret)
{
        _cleanup_strv_ char **fields = NULL;
        BindIds ids = { .count = 1 };
        size_t n;
        int r = strv_split(text, ":", &fields);

        if (r < 0)
                return r;
        n = strv_length(fields);
        /* strv_split() drops empty fields, which are none here */
        if (n < 2 || n > 3 || text[0] == ':' || text[strlen(text) - 1] == ':' || strstr(text, "::"))
                return -EINVAL;
        r = parse_uint32(fields[0], &ids.source);
        if (r >= 0)
                r = parse_uint32(fields[1], &ids.machine);
        if (r >= 0 && n == 3)
                r = parse_uint32(fields[2], &ids.count);
        if (r < 0)
                return r;
        if (ids.count == 0)
                return -EINVAL;
        if (ids.source > ID_MAX || ids.count - 1 > ID_MAX - ids.source || ids.machine > ID_MAX ||
            ids.count - 1 > ID_MAX - ids.machine)
                return -ERANGE;
        *ret = ids;
        return 0;
}

static bool overlap(uint32_t a, uint32_t n_a, uint32_t b, uint32_t n_b)
{
        return a < b ? b - a < n_a : a - b < n_b;
}

int bind_map_add(BindMap *map, const char *text, Error *error)
{
        BindIds ids, *grown;
        int r = parse_ids(text, &ids);

        if (r == -ENOMEM)
                return error_set(error, ENOMEM, "Out of memory");
        if (r < 0)
                return error_set(error, -r,
                                 "'%s' is not SOURCE:MACHINE or SOURCE:MACHINE:COUNT with ids from "
                                 "0 to %u, such as 1000:33",
                                 text, ID_MAX);
        for (unsigned i = 0; i < map->n; i++) {
                const BindIds *other = &map->ids[i];

                if (overlap(ids.source, ids.count, other->source, other->count) ||
                    overlap(ids.machine, ids.count, other->machine, other->count))
                        return error_set(error, EINVAL,
                                         "'%s' overlaps with '%u:%u:%u'; an id can be mapped once",
                                         text, other->source, other->machine, other->count);
        }
        if (map->n >= BIND_MAP_MAX)
                return error_set(error, E2BIG, "more than %u entries in a map", BIND_MAP_MAX);
        grown = reallocarray(map->ids, map->n + 1, sizeof(BindIds));
        if (!grown)
                return error_set(error, ENOMEM, "Out of memory");
        map->ids = grown;
        map->ids[map->n++] = ids;
        return 0;
}

static void format_map(const char *word, const BindMap *map, Buffer *out)
{
        for (unsigned i = 0; i < map->n; i++) {
                buffer_printf(out, ",%s=%u:%u", word, map->ids[i].source, map->ids[i].machine);
                if (map->ids[i].count != 1)
                        buffer_printf(out, ":%u", map->ids[i].count);
        }
}

void bind_maps_format(const BindMap *users, const BindMap *groups, Buffer *out)
{
        if (users->n == groups->n &&
            (users->n == 0 || memcmp(users->ids, groups->ids, users->n * sizeof(BindIds)) == 0)) {
                format_map("map", users, out);
        } else {
                format_map("umap", users, out);
                format_map("gmap", groups, out);
        }
}
