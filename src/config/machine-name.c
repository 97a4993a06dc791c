/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine may be called. Its name is a file name, a host name and a unit name at once. */

#include "config/definition.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

bool machine_name_is_valid(const char *name)
{
        char before = '.'; /* the start of a label */

        if (strlen(name) > 64) /* HOST_NAME_MAX */
                return false;
        for (; *name; before = *name++) {
                bool label = before == '.';

                if (*name == '.' && (label || before == '-'))
                        return false;
                if (*name == '-' && label)
                        return false;
                if (*name != '.' && *name != '-' && *name != '_' && !isalnum((unsigned char)*name))
                        return false;
        }
        return before != '.' && before != '-';
}

int machine_name_from_image(const char *path, char **ret)
{
        size_t n = strlen(path);
        char *stem;
        int r;

        if (n > 4 && strcmp(path + n - 4, ".raw") == 0)
                n -= 4;
        stem = strndup(path, n);
        if (!stem)
                return -ENOMEM;
        r = machine_name_from_path(stem, ret);
        free(stem);
        return r;
}

int machine_name_from_path(const char *path, char **ret)
{
        char name[NAME_MAX + 1];
        size_t end = strlen(path), start, n = 0;

        while (end > 0 && path[end - 1] == '/')
                end--;
        for (start = end; start > 0 && path[start - 1] != '/';)
                start--;
        for (size_t i = start; i < end && n < 64; i++) {
                char before = n > 0 ? name[n - 1] : '.';

                /* what would not be valid at this place is left out */
                if ((path[i] == '-' && before == '.') || (path[i] == '.' && before == '.'))
                        continue;
                while (path[i] == '.' && n > 0 && name[n - 1] == '-')
                        n--;
                if (isalnum((unsigned char)path[i]) || strchr("-_.", path[i]))
                        name[n++] = path[i];
        }
        while (n > 0 && strchr("-.", name[n - 1]))
                n--;
        name[n] = '\0';
        if (!machine_name_is_valid(name))
                return -EINVAL;
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}
