/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading and writing settings of a network namespace. Must not know what they are good for. */

#include "network/sysctl.h"

#include "base/fd.h"

#include <fcntl.h>
#include <string.h>

#define VALUE_MAX 4096

typedef struct SysctlPath {
        char path[sizeof(SYSCTL_NET) + SYSCTL_NAME_MAX];
} SysctlPath;

static SysctlPath sysctl_path(const char *name)
{
        SysctlPath p;

        (void)snprintf(p.path, sizeof(p.path), SYSCTL_NET "/%s", name);
        return p;
}

int sysctl_read(const char *name, char **ret)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(AT_FDCWD, sysctl_path(name).path, VALUE_MAX, &text);

        if (n < 0)
                return (int)n;
        text[strcspn(text, "\n")] = '\0';
        for (char *p = text; (p = strchr(p, '\t')); p++)
                *p = ' ';
        *ret = TAKE_PTR(text);
        return 0;
}

bool sysctl_is(const char *name, const char *value)
{
        _cleanup_free_ char *text = NULL;

        return sysctl_read(name, &text) >= 0 && strcmp(text, value) == 0;
}

static int set_error(const char *name, const char *value, int number, Error *error)
{
        (void)error_errno(error, number, "Failed to write '%s' to '" SYSCTL_NET "/%s'", value,
                          name);
        if (number == EROFS)
                error_hint(error, "mount -o remount,rw /proc/sys (in a container: from outside, "
                                  "where the container is defined)");
        else
                error_hint(error, "sysctl -w net/%s='%s'", name, value);
        return -number;
}

int sysctl_check_writable(const char *name, const char *value, Error *error)
{
        /* with the effective ids, as open() would */
        if (faccessat(AT_FDCWD, sysctl_path(name).path, W_OK, AT_EACCESS) < 0)
                return set_error(name, value, errno, error);
        return 0;
}

int sysctl_write(const char *name, const char *value, Error *error)
{
        int r = write_file_at(AT_FDCWD, sysctl_path(name).path, value);

        return r < 0 ? set_error(name, value, -r, error) : 0;
}
