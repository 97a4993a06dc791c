/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead stop: an orderly end, by the way that the machine's init has for it. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/life.h"
#include "cli/names.h"

static const Flag flags[] = {
        { "all", 'a', NULL, "All running machines" },
        { "force", 'f', NULL, "Kill at once, which may lose data" },
        { "no-block", 0, NULL, "Do not wait for the end" },
        { "timeout", 0, "SPAN", "Wait at most so long (default: until StopTimeoutSec= kills it)" },
};

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        uint64_t timeout;
        int r = arguments_timeout(a, USEC_INFINITY, &timeout, error);

        if (r < 0)
                return r;
        if (arguments_has(a, "all"))
                r = names_list(NAMES_RUNNING, &names, error);
        else if (!a->words)
                return arguments_usage(a->verb, error, "'stop' needs %s or --all",
                                       a->verb->operands);
        else
                r = names_select(NAMES_ALL, a->words, &names, error);
        if (r < 0)
                return r;
        return life_stop(names, arguments_has(a, "force"), !arguments_has(a, "no-block"), timeout);
}

const Verb verb_stop = {
        .name = "stop",
        .operands = "NAME...",
        .help = "Stop machines in an orderly way",
        .text = "Each init is asked in its own way and given StopTimeoutSec= (90 s) before it is "
                "killed.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
