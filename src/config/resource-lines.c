/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the definition's keys to lines. What is not in force has been dropped when it was read. */

#include "config/resource-lines.h"

#include "base/strv.h"
#include "config/resource.h"

#include <string.h>

static char **find_line(char **lines, const char *key)
{
        size_t n = strlen(key);

        STRV_FOREACH (l, lines)
                if (strncmp(*l, key, n) == 0 && (*l)[n] == '=')
                        return l;
        return NULL;
}

static int extend_line(char **line, const char *value)
{
        char *longer = NULL;

        if (asprintf(&longer, "%s %s", *line, value) < 0)
                return -ENOMEM;
        free(*line);
        *line = longer;
        return 0;
}

int resource_lines(const Definition *d, char ***ret)
{
        _cleanup_strv_ char **lines = NULL;

        for (size_t i = 0; i < d->n_passed; i++) {
                const PassedKey *k = &d->passed[i];
                const ResourceKey *key = resource_key(k->key);
                char **line = NULL;
                int r;

                if (strcmp(k->section, "Resources") != 0)
                        continue;
                if (key && key->type == RESOURCE_CPU_LIST)
                        line = find_line(lines, k->key);
                r = line ? extend_line(line, k->value)
                         : strv_pushf(&lines, "%s=%s", k->key, k->value);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(lines);
        return 0;
}
