/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead plan: what a start would do, without doing it. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/launcher.h"
#include "cli/names.h"

#include <string.h>

static const Flag flags[] = {
        { "json", 0, NULL, "Print one JSON object" },
};

static int run(const Arguments *a, Error *error)
{
        const char *word = a->words ? a->words[0] : NULL;
        _cleanup_strv_ char **argv = NULL;
        int r;

        if (!word && strv_length(a->passed) == 0 && strv_length(a->command) == 0)
                return arguments_usage(a->verb, error, "'plan' needs a name or launcher options");
        r = strv_push(&argv, "stead-launch");
        if (r >= 0)
                r = strv_push(&argv, arguments_has(a, "json") ? "--dry-run=json" : "--dry-run");
        if (r >= 0)
                r = strv_extend(&argv, a->passed);
        if (r >= 0 && word) {
                if (!strchr(word, '/') && strv_length(a->passed) == 0) {
                        r = names_check(NAMES_ALL, word, error);
                        if (r >= 0)
                                r = launcher_start_options(word, &argv, error);
                        if (r < 0)
                                return r;
                }
                r = launcher_target(word, &argv);
        }
        /* after `plan --` come launcher words as they are, after a name the payload's command */
        if (r >= 0 && word && strv_length(a->command) > 0)
                r = strv_push(&argv, "--");
        if (r >= 0)
                r = strv_extend(&argv, a->command);
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare the launcher's command line");
        return launcher_exec(argv, error);
}

const Verb verb_plan = {
        .name = "plan",
        .operands = "NAME|DIR [CMD...]",
        .help = "Show what a start would do, without doing it",
        .text = "`stead plan NAME` is the plan of `stead start NAME`; with options of the "
                "launcher's, of\n"
                "exactly that command line.",
        .group = VERB_GROUP_DEFINITION,
        .operand_kind = OPERAND_ANY_OR_PATH,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = 1,
        .command_after = 1,
        .launcher_options = true,
        .for_everyone = true,
        .run = run,
};
