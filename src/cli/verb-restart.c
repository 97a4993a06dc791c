/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead restart: stop and start, so that a changed definition takes effect. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/life.h"
#include "cli/names.h"

static const Flag flags[] = {
        { "timeout", 0, "SPAN", "Wait at most so long for each half (default: 90s)" },
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
        return life_restart(names, timeout);
}

const Verb verb_restart = {
        .name = "restart",
        .operands = "NAME...",
        .help = "Stop and start machines, so that changed definitions take effect",
        .text = "See `stead reboot` for a reboot inside, without a change of definition.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
