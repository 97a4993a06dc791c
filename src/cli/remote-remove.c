/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead remote remove: forgets where layers came from; the layers stay. */

#include "cli/arguments.h"
#include "cli/verb-remote.h"
#include "store/remote.h"

static int run(const Arguments *a, Error *error)
{
        int r = 0;

        for (char **name = a->words; r >= 0 && *name; name++)
                r = remote_remove(REMOTES_DIRECTORY, *name, error);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_remote_remove = {
        .name = "remote remove",
        .operands = "NAME...",
        .help = "Forget remotes; the layers that were pulled stay",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_NONE,
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
