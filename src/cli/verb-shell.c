/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead shell: a login shell of a user in a machine, with any init and no help from inside. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "cli/session.h"

#include <unistd.h>

static const Flag flags[] = {
        { "user", 'u', "USER", "User of the machine (default: root); also USER@NAME" },
        { "env", 'e', "NAME=VALUE", "Set a variable; may be repeated" },
};

/* One word is a command line for the shell; several are words that it must not take apart. */
static int shell_words(char *const *words, char ***ret)
{
        _cleanup_strv_ char **quoted = NULL;

        if (strv_length(words) == 1)
                return strv_copy(words, ret);
        for (; words && *words; words++) {
                _cleanup_buffer_ Buffer text = BUFFER_NULL;
                int r;

                buffer_puts(&text, "'");
                for (const char *p = *words; *p; p++) {
                        if (*p == '\'')
                                buffer_puts(&text, "'\\''");
                        else
                                buffer_append(&text, p, 1);
                }
                buffer_puts(&text, "'");
                r = strv_push_take(&quoted, buffer_steal(&text));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(quoted);
        return 0;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **environment = NULL, **command = NULL;
        _cleanup_free_ char *user = NULL, *name = NULL;
        _cleanup_machine_ Machine *m = NULL;
        EnterRequest request = { .login_shell = true };
        int r = session_target(a->words[0], &user, &name, error);

        if (r >= 0)
                r = names_check(NAMES_RUNNING, name, error);
        if (r >= 0)
                r = machine_open(name, &m, error);
        if (r < 0)
                return r;
        if (arguments_values(a, "env", &environment) < 0 || shell_words(a->command, &command) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        request.argv = command;
        request.environment = environment;
        request.user = arguments_value(a, "user") ?: user;
        request.pty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
        return session_run(m, &request);
}

const Verb verb_shell = {
        .name = "shell",
        .operands = "[USER@]NAME [CMD...]",
        .help = "Open a login shell in a running machine",
        .text = "CMD is given to the shell with -c. ^] three times within a second leaves. The "
                "exit status\n"
                "is the shell's; 125 if it could not be started.",
        .group = VERB_GROUP_INSIDE,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = 1,
        .run = run,
};
