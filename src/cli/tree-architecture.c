/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/tree-architecture.h"

#include "base/fd.h"
#include "cli/names.h"
#include "machine/foreign.h"
#include "os/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One of them is in any tree that boots. */
static const char *const programs[] = { "/usr/lib/systemd/systemd", "/sbin/init", "/init",
                                        "/bin/sh" };

int tree_architecture_diagnose(const char *name, const Settings *settings, Diagnostics *d)
{
        _cleanup_binfmt_handler_ BinfmtHandler handler = BINFMT_HANDLER_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_close_ int root = -EBADF, fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        char header[BINFMT_HEADER_MAX];
        ssize_t n = -1;
        size_t i;

        if (settings->layers || settings->image)
                return 0;
        if (settings->directory)
                path = strdup(settings->directory);
        else if (asprintf(&path, TREES_DIRECTORY "/%s", name) < 0)
                path = NULL;
        if (!path)
                return -ENOMEM;
        root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (i = 0; root >= 0 && fd < 0 && i < ELEMENTSOF(programs); i++)
                fd = path_open_regular(root, programs[i]);
        if (fd >= 0)
                n = read(fd, header, sizeof(header));
        if (n < 0 || foreign_find_handler(path, programs[i - 1], header, (size_t)n, &handler,
                                          &problem) != -ENOEXEC)
                return 0;
        return diagnostics_add(d, DIAGNOSTIC_ERROR, path, &problem);
}
