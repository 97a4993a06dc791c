/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead disable: machines that no longer start with the host. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/life.h"
#include "cli/names.h"

static const Flag flags[] = {
        { "now", 0, NULL, "Stop them now, too" },
};

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        int r = names_select(NAMES_ALL, a->words, &names, error);

        if (r >= 0)
                r = life_enable(names, false, error);
        if (r < 0)
                return r;
        return arguments_has(a, "now") ? life_stop(names, false, true, USEC_INFINITY)
                                       : EXIT_SUCCESS;
}

const Verb verb_disable = {
        .name = "disable",
        .operands = "NAME...",
        .help = "No longer start machines when the host boots",
        .text = "As `systemctl disable stead@NAME` does it. What the [Install] section of a "
                "definition\nsays is in force regardless.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
