/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading mountinfo (proc(5)): the fifth field is the mount point, with octal escapes. */

#include "os/mount-table.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOUNTINFO_MAX ((size_t)64 * 1024 * 1024)

/* \040 and its like, in place. */
static void unescape(char *s)
{
        char *out = s;

        for (; *s; s++) {
                if (s[0] == '\\' && s[1] && s[2] && s[3]) {
                        *out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
                        s += 3;
                } else {
                        *out++ = *s;
                }
        }
        *out = '\0';
}

int mount_table_read(pid_t pid, MountTable *ret)
{
        char path[64] = "/proc/self/mountinfo";
        ssize_t size;

        if (pid > 0)
                (void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
        size = read_file_at(AT_FDCWD, path, MOUNTINFO_MAX, &ret->text);
        ret->next = ret->text;
        return size < 0 ? (int)size : 0;
}

void mount_table_done(MountTable *table)
{
        free(table->text);
        *table = MOUNT_TABLE_NULL;
}

int mount_table_next(MountTable *table, MountEntry *ret)
{
        char *line = table->next, *field = line;

        if (!line || !*line)
                return 0;
        table->next = strchrnul(line, '\n');
        if (*table->next)
                *table->next++ = '\0';
        if (sscanf(line, "%d %d ", &ret->id, &ret->parent) != 2)
                return -EBADMSG;
        for (int i = 0; i < 4 && field; i++) {
                field = strchr(field, ' ');
                field = field ? field + 1 : NULL;
        }
        if (!field)
                return -EBADMSG;
        field[strcspn(field, " ")] = '\0';
        unescape(field);
        ret->path = field;
        return 1;
}

int mount_table_find_below(const char *path, char **ret)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_NULL;
        size_t n = strlen(path);
        MountEntry entry;
        int r = mount_table_read(0, &table);

        while (r >= 0 && (r = mount_table_next(&table, &entry)) > 0) {
                if (strncmp(entry.path, path, n) != 0 ||
                    (entry.path[n] != '\0' && entry.path[n] != '/'))
                        continue;
                *ret = strdup(entry.path);
                return *ret ? 1 : -ENOMEM;
        }
        return r;
}
