/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead run: one command as first process of a tree. */

#include "cli/foreground.h"

static int run(const Arguments *a, Error *error)
{
        return foreground_launch(a, NULL, error);
}

const Verb verb_run = {
        .name = "run",
        .operands = "NAME|DIR [--] [CMD...]",
        .help = "Run one command in a tree that is not running",
        .text = "Without a command: a shell. For a machine that runs, see `stead exec`.\n"
                "The exit status is the command's.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_ANY_OR_PATH,
        .minimum = 0,
        .maximum = 1,
        .command_after = 1,
        .launcher_options = true,
        .for_everyone = true,
        .run = run,
};
