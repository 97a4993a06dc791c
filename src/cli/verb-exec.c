/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead exec: a command in one running machine with its exact exit status, or in several. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/exec-many.h"
#include "cli/names.h"
#include "cli/pod-exec.h"
#include "cli/session.h"

#include <string.h>
#include <unistd.h>

#define POD_PREFIX "pod:"

static const Flag flags[] = {
        { "all", 'a', NULL, "In all running machines; then no name is given" },
        { "user", 'u', "USER", "User of the machine (default: root); also USER@NAME" },
        { "env", 'e', "NAME=VALUE", "Set a variable; may be repeated" },
        { "chdir", 'C', "DIR", "Start in this directory of the machine (default: /)" },
        { "tty", 't', NULL, "Give the command a terminal (default: if stdin and stdout are one)" },
        { "no-tty", 'T', NULL, "Hand stdin, stdout and stderr over as they are" },
        { "json", 0, NULL, "With several machines: print output and statuses as JSON" },
};

static int make_request(const Arguments *a, EnterRequest *request, char ***environment,
                        Error *error)
{
        if (strv_length(a->command) == 0)
                return arguments_usage(a->verb, error, "'exec' needs a command: %s",
                                       a->verb->operands);
        if (arguments_values(a, "env", environment) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        STRV_FOREACH (e, *environment)
                if (!strchr(*e, '=') || **e == '=')
                        return arguments_usage(a->verb, error, "--env= takes NAME=VALUE, not '%s'",
                                               *e);
        request->argv = a->command;
        request->environment = *environment;
        request->user = arguments_value(a, "user");
        request->directory = arguments_value(a, "chdir");
        return 0;
}

/* Programs of the host: nothing of a machine's applies. */
static int exec_in_pod(const Arguments *a, const char *name, Error *error)
{
        if (a->n_given > 0)
                return arguments_usage(a->verb, error, "In a pod, 'exec' takes no options");
        return pod_exec(name, a->command);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **environment = NULL, **names = NULL, **word = NULL;
        _cleanup_free_ char *user = NULL, *name = NULL;
        _cleanup_machine_ Machine *m = NULL;
        EnterRequest request = {};
        int r = make_request(a, &request, &environment, error);

        if (r < 0)
                return r;
        if (arguments_has(a, "all")) {
                r = names_list(NAMES_RUNNING, &names, error);
                if (r >= 0 && !names)
                        r = error_set(error, ENXIO, "No machine is running");
                return r < 0 ? r : exec_many(names, &request, arguments_has(a, "json"), error);
        }
        if (strncmp(a->words[0], POD_PREFIX, strlen(POD_PREFIX)) == 0)
                return exec_in_pod(a, a->words[0] + strlen(POD_PREFIX), error);
        r = session_target(a->words[0], &user, &name, error);
        if (r < 0)
                return r;
        if (!request.user)
                request.user = user;
        if (strv_push(&word, name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = names_select(NAMES_RUNNING, word, &names, error);
        if (r < 0)
                return r;
        if (strpbrk(name, "*?[") || arguments_has(a, "json"))
                return exec_many(names, &request, arguments_has(a, "json"), error);
        r = machine_open(name, &m, error);
        if (r < 0)
                return r;
        request.pty = arguments_has(a, "tty") || (!arguments_has(a, "no-tty") &&
                                                  isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
        return session_run(m, &request);
}

const Verb verb_exec = {
        .name = "exec",
        .operands = "[USER@]NAME [--] CMD...",
        .help = "Run a command in running machines",
        .text = "The exit status is the command's, 128 + n if signal n ended it; 127 if there is "
                "no such\n"
                "command, 126 if it cannot be executed, 125 if the machine cannot be entered. With "
                "--all\n"
                "or a pattern ('web*') it is 0 if the command succeeded everywhere, else the "
                "highest one.\n"
                "pod:POD runs a program of the host in the network of a pod.",
        .group = VERB_GROUP_INSIDE,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = 1,
        .run = run,
};
