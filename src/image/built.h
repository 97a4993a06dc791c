/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What mkosi has made becomes a machine: a directory, a tar file or a disk image, compressed or
 * not. */

#include "image/staging.h"
#include "image/worker.h"

#define BUILT_OUTPUT "out" /* its output directory, in the staging directory */
#define BUILT_NAME "image" /* what it was told to call its output */

int built_publish(Staging *staging, const char *name, WorkerProgress progress, void *userdata,
                  Error *error);
