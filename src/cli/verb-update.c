/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead update: the newest versions of the layers that machines are made of. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/layered-change.h"
#include "cli/layered-report.h"
#include "cli/life.h"
#include "cli/names.h"
#include "cli/table.h"
#include "store/checkout.h"

#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const Flag flags[] = {
        { "all", 'a', NULL, "All machines of layers" },
        { "now", 0, NULL, "Restart machines that run, and wait until they are ready" },
        { "pull", 0, NULL, "Pull layers that come from a remote first" },
        { "dry-run", 0, NULL, "Only say what would change" },
        { "keep-failed", 0, NULL, "With --now: leave a machine that does not become ready" },
        { "verbose", 'v', NULL, "Also files that the update does not touch" },
        { "timeout", 0, "SPAN", "Wait at most so long for each half of a restart (default: 90s)" },
        { "json", 0, NULL, "Print a JSON array" },
};

typedef struct Update {
        const Arguments *arguments;
        Store store;
        uint64_t timeout;
        json_t *array; /* NULL: text */
} Update;

/* @json: standard output is for that alone. */
static int spawn_pull(char *const *argv, bool json, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return r;
        if (json)
                r = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(ret, "/proc/self/exe", &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        return r;
}

static int run_pull(const char *layer, bool json, Error *error)
{
        char program[] = "stead", verb[] = "pull";
        _cleanup_free_ char *name = strndup(layer, strcspn(layer, "@~"));
        char *argv[] = { program, verb, name, NULL };
        int status, r;
        pid_t pid;

        if (!name)
                return error_set(error, ENOMEM, "Out of memory");
        r = spawn_pull(argv, json, &pid);
        if (r != 0 || waitpid(pid, &status, 0) < 0)
                return error_errno(error, r ?: errno, "Failed to run 'stead pull %s'", name);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                error_hint(error, "stead pull %s", name);
                return error_set(error, EIO, "Layer '%s' could not be pulled", name);
        }
        return 0;
}

/* Each layer of all machines once, if it comes from somewhere. */
static int pull_all(Update *u, char *const *names, Error *error)
{
        _cleanup_strv_ char **done = NULL;

        for (char *const *n = names; n && *n; n++) {
                _cleanup_strv_ char **layers = NULL;
                int r = layered_names(*n, &layers, error);

                for (char **l = layers; r >= 0 && l && *l; l++) {
                        _cleanup_ref_ Ref ref = REF_NULL;

                        if (strpbrk(*l, "@~") || strv_contains(done, *l) ||
                            store_load_ref(&u->store, *l, &ref, NULL) < 0 || !ref.origin)
                                continue;
                        r = strv_push(&done, *l);
                        if (r >= 0)
                                r = run_pull(*l, u->array != NULL, error);
                }
                if (r < 0)
                        return error_errno(error, -r, "Failed to pull the layers of machine '%s'",
                                           *n);
        }
        return 0;
}

static void tell(Update *u, const Layered *l, const Generation *after, const Drift *drift)
{
        printf("%s: generation %u", l->name, after->number);
        for (size_t i = 0; i < after->n_layers; i++) {
                _cleanup_free_ char *version = NULL;

                if (layered_version(&after->layers[i], &version) >= 0)
                        printf(" %s", version);
        }
        printf("\n");
        layered_report_print(drift, arguments_has(u->arguments, "verbose"));
}

static void tell_json(Update *u, const Layered *l, const Generation *after, const Drift *drift,
                      const char *state)
{
        json_t *object = drift ? layered_report_json(drift) : json_object();

        (void)json_object_set_new(object, "name", json_string(l->name));
        (void)json_object_set_new(object, "generation", json_integer(after->number));
        (void)json_object_set_new(object, "state", json_string(state));
        (void)json_object_set_new(object, "layers", layered_layers_json(after));
        (void)json_array_append_new(u->array, object);
}

/* Restarts one that runs, if that is wanted; where it does not become ready it goes back. */
static int bring_into_force(const Update *u, const Layered *l, Error *error)
{
        bool back = !arguments_has(u->arguments, "keep-failed");
        int r = 0;

        if (arguments_has(u->arguments, "now")) {
                (void)fflush(stdout);
                r = layered_restart(l->name, u->timeout, back ? l->stack.generation : 0, error);
        }
        if (r == 0 && !u->array)
                printf("  In force from its next start on: stead restart %s; back: stead rollback "
                       "%s\n",
                       l->name, l->name);
        return r;
}

/* After bring_into_force(). */
static const char *state_after(int r)
{
        return r < 0 ? "failed" : r > 0 ? "current" : "pending";
}

/* Nothing newer: but perhaps what is there already is not in force. */
static int stay(Update *u, const Layered *l, Error *error)
{
        bool pending = l->wanted.number != l->stack.generation;
        int r = pending ? 0 : 1;

        if (!u->array && pending)
                printf("%s: generation %u is the newest already\n", l->name, l->wanted.number);
        else if (!u->array)
                printf("%s: up to date (generation %u)\n", l->name, l->wanted.number);
        if (pending && !arguments_has(u->arguments, "dry-run"))
                r = bring_into_force(u, l, error);
        if (u->array)
                tell_json(u, l, &l->wanted, NULL, state_after(r));
        return r;
}

static int make_checkouts(Update *u, const Generation *g, Error *error)
{
        for (size_t i = 0; i < g->n_layers; i++) {
                _cleanup_free_ char *path = NULL;
                int r = checkout_make(&u->store, &g->layers[i].tree, NULL, &path, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int update_one(Update *u, const char *name, Error *error)
{
        bool dry = arguments_has(u->arguments, "dry-run");
        _cleanup_layered_ Layered l = LAYERED_NULL;
        _cleanup_generation_ Generation after = GENERATION_NULL;
        _cleanup_drift_ Drift drift = DRIFT_NULL;
        int r = layered_open(name, &l, error);

        if (r >= 0)
                r = layered_resolve(&u->store, &l, &after, error);
        if (r < 0)
                return r;
        if (l.wanted.number > 0 && generation_is_same(&l.wanted, &after))
                return stay(u, &l, error);
        r = layered_look(&u->store, &l, &after, &drift, error);
        after.number = l.wanted.number + 1;
        /* before a restart, so that the machine is down for no longer than it must */
        if (r >= 0 && !dry)
                r = make_checkouts(u, &after, error);
        if (r >= 0 && !dry)
                r = generation_add(l.state_fd, &after, error);
        if (r < 0)
                return r;
        if (!u->array)
                tell(u, &l, &after, &drift);
        if (!dry)
                r = bring_into_force(u, &l, error);
        if (u->array)
                tell_json(u, &l, &after, &drift, dry ? "possible" : state_after(r));
        return r;
}

/* One after another: what is wrong with an update shall not hit all of them. */
static int update_all(Update *u, char *const *names, Error *error)
{
        for (char *const *n = names; *n; n++) {
                _cleanup_free_ char *left = NULL;
                int r;

                (void)fflush(stdout);
                r = update_one(u, *n, error);
                if (r >= 0)
                        continue;
                left = n[1] ? strv_join(n + 1, " ") : NULL;
                r = error_prefix(error, "Updating '%s'", *n);
                if (left)
                        fprintf(stderr, "Not updated after that failure: %s\n", left);
                return r;
        }
        return 0;
}

static int choose(const Arguments *a, char ***ret, Error *error)
{
        if (arguments_has(a, "all") == (a->words && a->words[0]))
                return arguments_usage(a->verb, error, "'update' takes names, or --all");
        for (char *const *w = a->words; w && *w; w++)
                if (names_find_disk(*w, NULL) > 0) {
                        _cleanup_layered_ Layered l = LAYERED_NULL;
                        int r = layered_open(*w, &l, error); /* says why not */

                        if (r < 0)
                                return r;
                }
        return arguments_has(a, "all") ? layered_list(ret, error)
                                       : names_select(NAMES_DEFINED, a->words, ret, error);
}

static int run(const Arguments *a, Error *error)
{
        Update u = { .arguments = a, .store = STORE_NULL };
        _cleanup_strv_ char **names = NULL;
        int r = arguments_timeout(a, LIFE_START_USEC, &u.timeout, error);

        if (r >= 0)
                r = choose(a, &names, error);
        if (r >= 0 && arguments_has(a, "json"))
                u.array = json_array();
        if (r >= 0)
                r = store_open(NULL, STORE_ADD, &u.store, error);
        if (r >= 0 && arguments_has(a, "pull"))
                r = pull_all(&u, names, error);
        if (r >= 0 && names)
                r = update_all(&u, names, error);
        store_close(&u.store);
        if (u.array && json_print_take(u.array) < 0 && r >= 0)
                r = error_set(error, ENOMEM, "Out of memory");
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_update = {
        .name = "update",
        .operands = "[NAME...]",
        .help = "Bring machines of layers to the newest versions",
        .text = "Shows which packages change and which files of the machine hide what is new, the "
                "most important\n"
                "first, and writes a new generation. It comes into force at the next start, or "
                "with --now at once:\n"
                "a machine that does not become ready then goes back to what it had, unless "
                "--keep-failed is given.\n"
                "Machines are taken one after another; the first failure is the end. A layer named "
                "with its\n"
                "version in the definition (NAME@VERSION) stays at it.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
