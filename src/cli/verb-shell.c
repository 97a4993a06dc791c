/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead shell: a login shell of a user in a machine: a session where the machine has them, else
 * with any init and no help from inside. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "cli/session.h"

#include <unistd.h>

static const Flag flags[] = {
        { "user", 'u', "USER", "User of the machine (default: root); also USER@NAME" },
        { "env", 'e', "NAME=VALUE", "Set a variable; may be repeated" },
        { "session", 0, NULL, "Through PAM, or not at all; also with CMD" },
        { "direct", 0, NULL, "Never through PAM" },
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

/* Whoever sits at a terminal gets a session; a command is run at once, as by exec. */
static int choose(const Arguments *a, const Machine *m, EnterRequest *request, Error *error)
{
        bool session = arguments_has(a, "session"), direct = arguments_has(a, "direct");
        SessionLogin login = { .user = request->user,
                               .command = request->argv,
                               .environment = request->environment };
        _cleanup_error_ Error e = ERROR_NULL;
        int r;

        if (session && direct)
                return arguments_usage(a->verb, error, "--session and --direct exclude each other");
        if (!session && (direct || !request->pty || strv_length(request->argv) > 0))
                return session_run(m, request);
        r = session_log_in(m, &login, &e);
        if (r == -ENXIO && !session)
                return session_run(m, request);
        if (r >= 0)
                return r;
        error_print(&e);
        return EXIT_CANNOT_ENTER;
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
        return choose(a, m, &request, error);
}

const Verb verb_shell = {
        .name = "shell",
        .operands = "[USER@]NAME [CMD...]",
        .help = "Open a login shell in a running machine",
        .text = "On a terminal and without CMD it is a session of the machine's own, through PAM "
                "and known\n"
                "to its logind, where the machine runs systemd. CMD is given to the shell with -c. "
                "^]\n"
                "three times within a second leaves. The exit status is the shell's; 125 if it "
                "could not\n"
                "be started.",
        .group = VERB_GROUP_INSIDE,
        .operand_kind = OPERAND_RUNNING,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = 1,
        .run = run,
};
