/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead enable: machines that start with the host. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/life.h"
#include "cli/names.h"

static const Flag flags[] = {
        { "now", 0, NULL, "Start them now, too" },
};

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        int r = names_select(NAMES_DEFINED | NAMES_TREES, a->words, &names, error);

        if (r >= 0)
                r = life_enable(names, true, error);
        if (r < 0)
                return r;
        return arguments_has(a, "now") ? life_start(names, true, LIFE_START_USEC) : EXIT_SUCCESS;
}

const Verb verb_enable = {
        .name = "enable",
        .operands = "NAME...",
        .help = "Start machines when the host boots",
        .text = "As `systemctl enable stead@NAME` does it.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
