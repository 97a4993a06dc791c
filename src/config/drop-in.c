/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Line by line: what is replaced goes, what is new is put behind the last line of the section. */

#include "config/drop-in.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/strv.h"
#include "config/resource.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#define SECTION "[Resources]"
#define BLANKS " \t\r"
#define DROP_IN_SIZE_MAX (1024 * 1024)

int drop_in_path(const char *name, char **ret)
{
        if (asprintf(ret, "/etc/stead/%s.machine.d/50-set.conf", name) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* The first word of a value: the device, of those lists that have one. */
static bool same_word(const char *a, const char *b)
{
        size_t n = strcspn(a, BLANKS), m = strcspn(b, BLANKS);

        return n == m && memcmp(a, b, n) == 0;
}

/* Whether the line "@name=@old" is of no more use beside @assignment. */
static bool replaces(const char *assignment, const char *name, const char *old)
{
        const char *value = strchr(assignment, '=');
        const ResourceKey *key = resource_key(name);
        size_t n = strlen(name);

        if (!value || (size_t)(value - assignment) != n || memcmp(assignment, name, n) != 0)
                return false;
        value++;
        if (!key || !key->list || key->type == RESOURCE_CPU_LIST || *value == '\0' ||
            strcmp(value, old) == 0)
                return true;
        return (key->type == RESOURCE_DEVICE_RATE || key->type == RESOURCE_DEVICE_WEIGHT ||
                key->type == RESOURCE_DEVICE_TIME || key->type == RESOURCE_DEVICE_ALLOW) &&
               same_word(value, old);
}

/* Whether @line, one of the section, is replaced by any of @assignments. */
static bool is_replaced(const char *line, char *const *assignments)
{
        const char *equals = strchr(line, '=');
        _cleanup_free_ char *name = NULL;
        const char *end = equals;

        line += strspn(line, BLANKS);
        if (!equals || *line == '#' || *line == ';')
                return false;
        while (end > line && strchr(BLANKS, end[-1]))
                end--;
        name = strndup(line, (size_t)(end - line));
        if (!name)
                return false;
        equals += 1 + strspn(equals + 1, BLANKS);
        for (char *const *a = assignments; a && *a; a++)
                if (replaces(*a, name, equals))
                        return true;
        return false;
}

static bool is_continued(const char *line)
{
        size_t n = strlen(line);

        return n > 0 && line[n - 1] == '\\';
}

/* The lines that stay, and how many come before the place for new ones (0: there is no section). */
static int keep_lines(const char *text, char *const *assignments, char ***ret, size_t *ret_place)
{
        bool inside = false, continued = false, dropping = false;
        size_t n = 0;

        *ret_place = 0;
        while (*text) {
                size_t size = strcspn(text, "\n");
                _cleanup_free_ char *line = strndup(text, size);
                const char *word = line ? line + strspn(line, BLANKS) : NULL;

                if (!line)
                        return -ENOMEM;
                if (!continued) {
                        if (*word == '[')
                                inside = strncmp(word, SECTION, strlen(SECTION)) == 0;
                        dropping = inside && is_replaced(line, assignments);
                }
                continued = is_continued(line);
                text += size + (text[size] == '\n');
                if (dropping)
                        continue;
                if (strv_push(ret, line) < 0)
                        return -ENOMEM;
                n++;
                if (inside && *word)
                        *ret_place = n;
        }
        return 0;
}

/* A list of processors is set, not added to, but files add up. */
static void put_assignment(const char *assignment, Buffer *out)
{
        _cleanup_free_ char *name = strndup(assignment, strcspn(assignment, "="));
        const ResourceKey *key = name ? resource_key(name) : NULL;

        if (!name)
                out->failed = true;
        else if (key && key->type == RESOURCE_CPU_LIST && assignment[strlen(name) + 1])
                buffer_printf(out, "%s=\n", name);
        buffer_printf(out, "%s\n", assignment);
}

int drop_in_merge(const char *text, char *const *assignments, char **ret)
{
        _cleanup_strv_ char **lines = NULL;
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        size_t place, n;
        int r = keep_lines(text, assignments, &lines, &place);

        if (r < 0)
                return r;
        n = strv_length(lines);
        if (place == 0 && n == 0)
                buffer_puts(&out, "# Written by `stead set --persist`.\n");
        for (size_t i = 0; i <= n; i++) {
                if (i == n && place == 0)
                        buffer_printf(&out, "%s" SECTION "\n", n > 0 ? "\n" : "");
                if (i == (place > 0 ? place : n))
                        for (char *const *a = assignments; a && *a; a++)
                                put_assignment(*a, &out);
                if (i < n)
                        buffer_printf(&out, "%s\n", lines[i]);
        }
        *ret = buffer_steal(&out);
        return *ret ? 0 : -ENOMEM;
}

int drop_in_set(const char *path, char *const *assignments, Error *error)
{
        _cleanup_free_ char *old = NULL, *text = NULL,
                            *parent = strndup(path, (size_t)(strrchr(path, '/') - path));
        ssize_t n = read_file_at(AT_FDCWD, path, DROP_IN_SIZE_MAX, &old);
        int r;

        if (n < 0 && n != -ENOENT)
                return error_errno(error, (int)-n, "Failed to read '%s'", path);
        r = parent ? drop_in_merge(n < 0 ? "" : old, assignments, &text) : -ENOMEM;
        if (r >= 0)
                r = mkdir_parents_at(AT_FDCWD, parent, 0755);
        if (r >= 0)
                r = write_file_synced_at(AT_FDCWD, path, text, 0644);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", path) : 0;
}
