/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* readdir() tells an error by errno alone. */

#include "base/directory.h"

#include <errno.h>
#include <string.h>

int directory_next(DIR *d, struct dirent **ret)
{
        struct dirent *e;

        do {
                errno = 0;
                e = readdir(d);
                if (!e)
                        return -errno;
        } while (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
        *ret = e;
        return 1;
}
