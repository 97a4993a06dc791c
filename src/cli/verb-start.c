/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead start: machines in the background. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/life.h"
#include "cli/names.h"

static const Flag flags[] = {
        { "no-block", 0, NULL, "Do not wait until they are ready" },
        { "timeout", 0, "SPAN", "Wait at most so long (default: 90s)" },
};

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        uint64_t timeout;
        int r = arguments_timeout(a, LIFE_START_USEC, &timeout, error);

        if (r < 0)
                return r;
        r = names_select(NAMES_DEFINED | NAMES_TREES, a->words, &names, error);
        if (r < 0)
                return r;
        return life_start(names, !arguments_has(a, "no-block"), timeout);
}

const Verb verb_start = {
        .name = "start",
        .operands = "NAME...",
        .help = "Start machines in the background",
        .text = "Returns when they are ready. A machine that runs already is left alone.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
