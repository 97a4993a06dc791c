/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading mountinfo (proc(5)): the fifth field is the mount point, with octal escapes. */

#include "os/mount-table.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
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

int mount_table_find_below(const char *path, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t n = strlen(path);
        char *next;
        ssize_t size = read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text);

        if (size < 0)
                return (int)size;
        for (char *line = text; *line; line = next) {
                char *field = line;

                next = strchrnul(line, '\n');
                if (*next)
                        *next++ = '\0';
                for (int i = 0; i < 4 && field; i++) {
                        field = strchr(field, ' ');
                        field = field ? field + 1 : NULL;
                }
                if (!field)
                        return -EBADMSG;
                field[strcspn(field, " ")] = '\0';
                unescape(field);
                if (strncmp(field, path, n) != 0 || (field[n] != '\0' && field[n] != '/'))
                        continue;
                *ret = strdup(field);
                return *ret ? 1 : -ENOMEM;
        }
        return 0;
}
