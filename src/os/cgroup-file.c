/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flat and flat keyed files, as Documentation/admin-guide/cgroup-v2.rst calls them. */

#include "os/cgroup-file.h"

#include "base/fd.h"
#include "base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t cgroup_read_number(int cgroup_fd, const char *file)
{
        _cleanup_free_ char *text = NULL;
        uint64_t value;

        if (read_file_at(cgroup_fd, file, 64, &text) < 0)
                return CGROUP_NO_NUMBER;
        text[strcspn(text, "\n")] = '\0';
        return parse_uint64(text, &value) < 0 ? CGROUP_NO_NUMBER : value;
}

uint64_t cgroup_keyed_number(const char *text, const char *key)
{
        size_t n = strlen(key);
        uint64_t value;

        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, n) == 0 && line[n] == ' ')
                        return sscanf(line + n, "%" SCNu64, &value) == 1 ? value : CGROUP_NO_NUMBER;
        }
        return CGROUP_NO_NUMBER;
}
