/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead discard: nothing has been tried. */

#include "cli/arguments.h"
#include "cli/layered-try.h"

static int run(const Arguments *a, Error *error)
{
        _cleanup_layered_ Layered l = LAYERED_NULL;
        int r = layered_open(a->words[0], &l, error);

        if (r >= 0)
                r = layered_try_remove(&l, error);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_discard = {
        .name = "discard",
        .operands = "NAME",
        .help = "Throw away what was tried on a machine",
        .text = "The machine itself is not touched.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_ANY,
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
