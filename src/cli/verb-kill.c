/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead kill: a signal to the first process of a machine, or to all of them. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "machine/machine.h"
#include "os/cgroup.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

static const Flag flags[] = {
        { "signal", 's', "SIGNAL", "Signal by name or number (default: SIGTERM)" },
        { "whom", 0, "leader|all", "The machine's first process, or all (default: all)" },
};

static int kill_all(const Machine *m, int signal)
{
        _cleanup_close_ int fd = -EBADF;

        if (!m->cgroup) {
                /* without a cgroup only the end of the pid namespace reaches all */
                return signal == SIGKILL ? pidfd_signal(m->leader_fd, signal) : -EOPNOTSUPP;
        }
        fd = open(m->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : cgroup_kill(fd, signal);
}

static int kill_one(const char *name, bool all, int signal, Error *error)
{
        _cleanup_machine_ Machine *m = NULL;
        int r = machine_open(name, &m, error);

        if (r < 0)
                return r;
        r = all ? kill_all(m, signal) : pidfd_signal(m->leader_fd, signal);
        if (r == -EOPNOTSUPP)
                error_hint(error, "stead kill --whom=leader %s", name);
        if (r < 0)
                return error_errno(error, -r, "Failed to signal machine '%s'", name);
        return 0;
}

static int run(const Arguments *a, Error *error)
{
        const char *whom = arguments_value(a, "whom") ?: "all";
        const char *signal_name = arguments_value(a, "signal") ?: "SIGTERM";
        _cleanup_strv_ char **names = NULL;
        int r, signal = parse_signal(signal_name);

        if (signal < 0)
                return arguments_usage(a->verb, error, "'%s' is no signal", signal_name);
        if (strcmp(whom, "all") != 0 && strcmp(whom, "leader") != 0)
                return arguments_usage(a->verb, error, "--whom= takes 'leader' or 'all', not '%s'",
                                       whom);
        r = names_select(NAMES_RUNNING, a->words, &names, error);
        if (r < 0)
                return r;
        STRV_FOREACH (n, names) {
                r = kill_one(*n, strcmp(whom, "all") == 0, signal, error);
                if (r < 0)
                        return r;
        }
        return EXIT_SUCCESS;
}

const Verb verb_kill = {
        .name = "kill",
        .operands = "NAME...",
        .help = "Send a signal to the processes of machines",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
