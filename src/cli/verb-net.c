/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead net: the networks of machines, and what is wrong with them. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "cli/net-check.h"
#include "cli/net-list.h"

#include <string.h>

static const Flag flags[] = {
        { "json", 0, NULL, "Print a JSON array" },
};

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        const char *what = a->words[0];
        bool json = arguments_has(a, "json"), check = strcmp(what, "check") == 0;
        NameScope scope = NAMES_RUNNING | (check ? NAMES_PODS : 0);
        int r;

        if (!check && strcmp(what, "list") != 0)
                return arguments_usage(a->verb, error, "There is no 'net %s'; it is list or check",
                                       what);
        r = a->words[1] ? names_select(scope, a->words + 1, &names, error)
                        : names_list(scope, &names, error);
        if (r < 0)
                return r;
        return check ? net_check(names, json, error) : net_list(names, json, error);
}

const Verb verb_net = {
        .name = "net",
        .operands = "list|check [NAME...]",
        .help = "List the networks of machines, or find what is wrong with them",
        .text = "Without a name: all running machines, and pods for `net check`, which names the "
                "first thing that is\nwrong with each, and what to type; its exit status is 1 if "
                "there is one.",
        .group = VERB_GROUP_LOOK,
        .operand_kind = OPERAND_NET,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
