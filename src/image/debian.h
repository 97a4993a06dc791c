/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A new Debian tree, ready to be a machine. */

#include "base/string-table.h"
#include "image/worker.h"

#include <errno.h>

typedef enum DebianInit {
        DEBIAN_SYSTEMD,
        DEBIAN_SYSVINIT,
        DEBIAN_OPENRC,
        DEBIAN_RUNIT,
        _DEBIAN_INIT_MAX,
        _DEBIAN_INIT_INVALID = -EINVAL,
} DebianInit;
DECLARE_STRING_TABLE(debian_init, DebianInit);

typedef struct DebianRecipe {
        const char *suite; /* "bookworm" */
        DebianInit init;
        const char *architecture; /* "i386", "arm64": not the host's; or NULL */
        const char *include;      /* further packages, with commas; or NULL */
        const char *mirror;       /* NULL: Debian's own, with updates and security */
} DebianRecipe;

/* The suite of "debian/12", "debian/bookworm", "bookworm": NULL if it is none of them. */
const char *debian_suite(const char *word);
/* "12" of "bookworm"; the suite itself if it has no number. */
const char *debian_release(const char *suite);
/* "debian/11, debian/12, ..." for messages. */
const char *debian_choices(void);

/* Fills the empty directory @path, which is @tree_fd. */
int debian_install(Worker *worker, const DebianRecipe *recipe, const char *path, int tree_fd,
                   Error *error);
