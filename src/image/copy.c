/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cp(1) knows owners, modes, links, times, ACLs, attributes, holes and reflinks; we would not do
 * better. */

#include "image/copy.h"

int copy_tree(Worker *worker, const char *source, const char *target, Error *error)
{
        const char *argv[] = { "cp",
                               "--archive",
                               "--reflink=auto",
                               "--one-file-system",
                               "--no-target-directory",
                               "--",
                               source,
                               target,
                               NULL };

        worker_stage(worker, "copying '%s'", source);
        return worker_program(worker, (char *const *)(void *)argv, NULL, error);
}
