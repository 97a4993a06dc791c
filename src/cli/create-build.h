/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine that mkosi builds: by the host's own where that is new enough, else in a machine of
 * ours, a Debian 13 whose layer is made once. */

#include "base/error.h"

#include <stdbool.h>

typedef struct CreateBuild {
        const char *name;
        const char *directory; /* with mkosi.conf in it */
        const char *mirror;    /* of Debian, for the machine that builds; or NULL */
        bool quiet;
} CreateBuild;

int create_build(const CreateBuild *request, Error *error);
