/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead reboot: the machine's init is asked to reboot; its launcher stays. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/life.h"
#include "cli/names.h"

static const Flag flags[] = {
        { "no-block", 0, NULL, "Do not wait until they are ready again" },
        { "timeout", 0, "SPAN", "Wait at most so long (default: 180s)" },
};

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        uint64_t timeout;
        int r = arguments_timeout(a, 180 * USEC_PER_SEC, &timeout, error);

        if (r < 0)
                return r;
        r = names_select(NAMES_RUNNING, a->words, &names, error);
        if (r < 0)
                return r;
        return life_reboot(names, !arguments_has(a, "no-block"), timeout);
}

const Verb verb_reboot = {
        .name = "reboot",
        .operands = "NAME...",
        .help = "Reboot machines in an orderly way",
        .text = "The settings of the running machine are kept; `stead restart` reads the "
                "definition again.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
