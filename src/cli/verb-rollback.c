/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead rollback: the layers that a machine had before. */

#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/layered-change.h"
#include "cli/life.h"

#include <stdio.h>

static const Flag flags[] = {
        { "now", 0, NULL, "Restart the machine if it runs, and wait until it is ready" },
        { "timeout", 0, "SPAN", "Wait at most so long for each half of a restart (default: 90s)" },
        { "quiet", 'q', NULL, "Do not say what was done" },
};

/* Without a number: what is in force, if something else is wanted; else the last one that was
 * different. */
static int find_target(const Layered *l, unsigned *ret, Error *error)
{
        Generation *list = NULL;
        size_t n = 0;
        unsigned number = 0;
        int r;

        if (l->stack.generation && l->stack.generation != l->wanted.number) {
                *ret = l->stack.generation;
                return 0;
        }
        r = generation_list(l->state_fd, &list, &n, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (list[i].number < l->wanted.number && !generation_is_same(&list[i], &l->wanted))
                        number = list[i].number;
        generation_list_free(list, n);
        if (number == 0) {
                error_hint(error, "stead history %s", l->name);
                return error_set(error, ENOENT, "Machine '%s' has never had other layers", l->name);
        }
        *ret = number;
        return 0;
}

static int parse_number(const char *word, unsigned *ret, Error *error)
{
        uint32_t number;

        if (parse_uint32(word, &number) < 0 || number == 0) {
                error_hint(error, "stead history NAME");
                return error_set(error, EINVAL, "'%s' is not the number of a generation", word);
        }
        *ret = number;
        return 0;
}

static void tell(const Layered *l, const Generation *g, unsigned target)
{
        printf("%s: generation %u, with the layers of %u:", l->name, g->number, target);
        for (size_t i = 0; i < g->n_layers; i++) {
                _cleanup_free_ char *version = NULL;

                if (layered_version(&g->layers[i], &version) >= 0)
                        printf(" %s", version);
        }
        printf("\n");
        (void)fflush(stdout);
}

static int run(const Arguments *a, Error *error)
{
        bool now = arguments_has(a, "now");
        _cleanup_layered_ Layered l = LAYERED_NULL;
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_generation_ Generation g = GENERATION_NULL;
        unsigned target = 0;
        uint64_t timeout;
        int r = arguments_timeout(a, LIFE_START_USEC, &timeout, error);

        if (r >= 0)
                r = layered_open(a->words[0], &l, error);
        if (r >= 0)
                r = a->words[1] ? parse_number(a->words[1], &target, error)
                                : find_target(&l, &target, error);
        if (r >= 0)
                r = store_open(NULL, STORE_ADD, &store,
                               error); /* no garbage collection meanwhile */
        if (r >= 0)
                r = layered_go_back(&store, &l, target, &g, error);
        if (r < 0)
                return r;
        if (!arguments_has(a, "quiet"))
                tell(&l, &g, target);
        r = now ? layered_restart(l.name, timeout, 0, error) : 0;
        if (r == 0 && !arguments_has(a, "quiet"))
                printf("  In force from its next start on: stead restart %s\n", l.name);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_rollback = {
        .name = "rollback",
        .operands = "NAME [NUMBER]",
        .help = "Go back to layers that a machine had before",
        .text = "NUMBER is one of `stead history`. Without it: the last generation with other "
                "layers than the one\n"
                "wanted now, or, if that is not in force yet, the one that is; so a second "
                "rollback "
                "takes the first\n"
                "one back. It is a new generation. What the updates in between changed of the "
                "machine's own files\n"
                "is put back as it was; where the machine has changed them since, both are merged.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
