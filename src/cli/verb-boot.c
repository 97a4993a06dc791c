/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead boot: a machine with its own init, on this terminal. */

#include "cli/foreground.h"

static int run(const Arguments *a, Error *error)
{
        return foreground_launch(a, "--boot", error);
}

const Verb verb_boot = {
        .name = "boot",
        .operands = "NAME|DIR [ARG...]",
        .help = "Boot a machine on this terminal",
        .text = "Runs the tree's own init; ARG... are its arguments. A word with a '/' is a "
                "directory.\n"
                "Press ^] three times within a second to stop the machine.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_ANY_OR_PATH,
        .minimum = 0,
        .maximum = 1,
        .command_after = 1,
        .launcher_options = true,
        .for_everyone = true,
        .run = run,
};
