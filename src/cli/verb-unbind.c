/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead unbind: takes away what stead bind has put into a running machine. */

#include "cli/arguments.h"
#include "cli/names.h"
#include "machine/live-mount.h"

static const Flag flags[] = {
        { "lazy", 'l', NULL, "Even while it is in use: its users keep it until they let go" },
};

static int run(const Arguments *a, Error *error)
{
        _cleanup_machine_ Machine *m = NULL;
        const char *name = a->words[0], *destination = a->words[1];
        int r = names_check(NAMES_RUNNING, name, error);

        if (r >= 0)
                r = machine_open(name, &m, error);
        if (r < 0)
                return r;
        if (destination[0] != '/')
                return arguments_usage(a->verb, error, "'%s' is not an absolute path", destination);
        r = live_mount_detach(m, destination, arguments_has(a, "lazy"), error);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_unbind = {
        .name = "unbind",
        .operands = "NAME DST",
        .help = "Take away what was bound into a running machine",
        .text = "Only what `stead bind NAME` lists; mounts of the definition stay.",
        .group = VERB_GROUP_INSIDE,
        .operand_kind = OPERAND_UNBIND,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
