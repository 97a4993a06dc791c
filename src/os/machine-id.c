/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The id that the host keeps over reboots; what it is mixed into is others' business. */

#include "os/machine-id.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int machine_id_of_host(Id128 *ret)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(AT_FDCWD, "/etc/machine-id", 64, &text);

        if (n < 0)
                return n == -ENOENT ? -ENOMEDIUM : (int)n;
        text[strcspn(text, "\n")] = '\0';
        if (text[0] == '\0' || strcmp(text, "uninitialized") == 0)
                return -ENOMEDIUM;
        return parse_id128(text, ret);
}
