/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead try: a command on top of a machine of layers, whose writes stay apart. */

#include "base/fd.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/launcher.h"
#include "cli/layered-try.h"
#include "stack/switch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLICY "policy-rc.d"

static const Flag flags[] = {
        { "quiet", 'q', NULL, "Do not say what to do next" },
};

/* One that never started, or whose definition has changed since, has no stack that fits. One that
 * runs keeps its own. */
static int make_stack(Layered *l, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_close_ int lock_fd = -EBADF;
        const SwitchPlace place = { .machine = l->name,
                                    .state_fd = l->state_fd,
                                    .data_fd = l->state_fd };
        const char *path = store_place();
        int r;

        if (stack_is_ready(&l->stack, l->wanted.number, l->layers, path) ||
            faccessat(l->state_fd, "state.img", F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                return 0;
        r = generation_lock_state(l->state_fd, l->name, false, &lock_fd, NULL);
        if (r == -EBUSY)
                return 0;
        if (r >= 0)
                r = store_open(NULL, STORE_ADD, &store, error);
        return r < 0 ? r : switch_make_ready(&store, &place, l->layers, NULL, NULL, error);
}

/* Packages must not start their services: there is no init, and the network may be the host's.
 * Debian asks this program before it starts one (policy-rc.d). */
static int write_policy(int try_fd, Error *error)
{
        int r = write_file_atomic_at(try_fd, POLICY, "#!/bin/sh\nexit 101\n", 0755);

        return r < 0 ? error_errno(error, -r, "Failed to write '" POLICY "'") : 0;
}

/* A mount point that is missing would be made, and be a change. */
static bool wants_policy(const Layered *l)
{
        const char *store = store_place();
        _cleanup_stack_ Stack stack = STACK_NULL;

        (void)stack_load(l->state_fd, &stack, NULL); /* it was read a moment ago */
        for (size_t i = 0; i < stack.n_lowers; i++) {
                _cleanup_free_ char *path = NULL;
                char tree[HASH_TEXT_SIZE];

                if (asprintf(&path, "%s/checkouts/%s/usr/sbin", store,
                             hash_to_string(&stack.lowers[i].tree, tree)) < 0) {
                        path = NULL;
                        return false;
                }
                if (access(path, F_OK) >= 0)
                        return true;
        }
        return false;
}

static int make_argv(const Arguments *a, const Layered *l, const LayeredTry *t, char ***ret)
{
        _cleanup_free_ char *layers = strv_join(l->layers, " ");
        _cleanup_strv_ char **argv = NULL;
        int r = layers ? strv_push(&argv, "stead-launch") : -ENOMEM;

        if (r >= 0)
                r = strv_pushf(&argv, "--machine=%s-try", l->name);
        if (r >= 0)
                r = strv_pushf(&argv, "--hostname=%s", l->name);
        if (r >= 0)
                r = strv_pushf(&argv, "--layers=%s", layers);
        if (r >= 0)
                r = strv_pushf(&argv, "--try=%s", l->name);
        if (r >= 0)
                r = strv_push(&argv, "--settings=no");
        if (r >= 0)
                r = strv_push(&argv, "--resolv-conf=bind-host"); /* a copy would be a change */
        if (r >= 0)
                r = strv_push(&argv, "--as-pid2");
        if (r >= 0)
                r = strv_push(&argv, "--quiet");
        if (r >= 0 && wants_policy(l))
                r = strv_pushf(&argv, "--bind-ro=%s/" POLICY ":" LAYERED_TRY_POLICY, t->path);
        if (r >= 0)
                r = strv_extend(&argv, a->passed);
        if (r >= 0)
                r = strv_push(&argv, "--");
        if (r >= 0)
                r = strv_extend(&argv, a->command);
        if (r >= 0)
                *ret = TAKE_PTR(argv);
        return r;
}

/* In our place on the terminal, but not instead of us. Interrupts are the command's affair. */
static int run_launcher(char **argv, Error *error)
{
        struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
        int status = 0;
        pid_t pid;

        (void)sigaction(SIGINT, &ignore, &old_int);
        (void)sigaction(SIGQUIT, &ignore, &old_quit);
        pid = fork();
        if (pid == 0) {
                _cleanup_error_ Error problem = ERROR_NULL;

                (void)sigaction(SIGINT, &old_int, NULL);
                (void)sigaction(SIGQUIT, &old_quit, NULL);
                (void)launcher_exec(argv, &problem);
                error_print(&problem);
                _exit(EXIT_FAILURE);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return error_errno(error, errno, "Failed to run the launcher");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_layered_ Layered l = LAYERED_NULL;
        _cleanup_layered_try_ LayeredTry t = LAYERED_TRY_NULL;
        _cleanup_strv_ char **argv = NULL;
        int r, status;

        if (!a->words || !a->words[0] || !a->command || !a->command[0])
                return arguments_usage(a->verb, error, "'try' needs a machine and a command");
        r = layered_open(a->words[0], &l, error);
        if (r >= 0)
                r = make_stack(&l, error);
        if (r >= 0)
                r = layered_try_begin(&l, &t, error);
        if (r >= 0)
                r = write_policy(t.fd, error);
        if (r >= 0 && make_argv(a, &l, &t, &argv) < 0)
                r = error_set(error, ENOMEM, "Out of memory");
        if (r < 0)
                return r;
        status = run_launcher(argv, error);
        layered_try_tidy(&t);
        if (faccessat(t.fd, "upper", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                (void)layered_try_remove(&l, NULL); /* it never got so far */
        else if (status >= 0 && !arguments_has(a, "quiet"))
                fprintf(stderr,
                        "Kept apart from '%s'. Next: stead diff %s; stead commit %s LAYER -m "
                        "MESSAGE; stead discard %s\n",
                        l.name, l.name, l.name, l.name);
        return status;
}

const Verb verb_try = {
        .name = "try",
        .operands = "NAME [--] CMD...",
        .help = "Run a command on top of a machine of layers and keep what it writes apart",
        .text = "The command sees the machine's layers and all that the machine has written, "
                "whether it runs or not;\n"
                "what the command writes, the machine does not see. Several tries in a row add up, "
                "until `stead\n"
                "commit` makes a layer of it or `stead discard` throws it away. There is no init, "
                "the network is the\n"
                "host's, and packages do not start services. The exit status is the command's.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = 1,
        .command_after = 1,
        .launcher_options = true,
        .run = run,
};
