/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer squash: fewer versions of a layer, or one layer instead of several. */

#include "image/layer-squash.h"
#include "cli/arguments.h"
#include "cli/verb-layer.h"

#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "message", 'm', "TEXT", "What the version is, for the log" },
        { "json", 0, NULL, "The result as JSON" },
};

static void report(const LayerSquashed *s, bool stack, bool json)
{
        char commit[HASH_TEXT_SIZE];

        (void)hash_to_string(&s->commit, commit);
        if (json)
                printf("{\"name\":\"%s\",\"commit\":\"%s\",\"squashed\":%zu,\"conflicts\":%zu}\n",
                       s->name, commit, s->n_before, s->n_conflicts);
        else
                printf("%zu %s became %s@%.8s\n", s->n_before, stack ? "layers" : "versions",
                       s->name, commit);
        if (s->n_conflicts > 0 && !json)
                fprintf(stderr,
                        "%zu files that several layers changed could not be merged; they are those "
                        "of the uppermost layer\n",
                        s->n_conflicts);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        const char *message = arguments_value(a, "message");
        _cleanup_free_ char *name = NULL;
        LayerSquashed squashed = { .name = NULL };
        bool stack = a->words[1] != NULL;
        int r;

        if (stack && (strcmp(a->words[1], "=") != 0 || !a->words[2]))
                return arguments_usage(a->verb, error,
                                       "'layer squash' takes one range of versions (NAME~3..NAME), "
                                       "or NEW = LAYER...");
        r = store_open(NULL, STORE_ADD, &store, error);
        if (r >= 0)
                r = stack ? layer_squash_stack(&store, a->words[0], a->words + 2, message,
                                               &squashed, error)
                          : layer_squash_versions(&store, a->words[0], message, &squashed, error);
        if (r < 0)
                return r;
        name = squashed.name;
        report(&squashed, stack, arguments_has(a, "json"));
        return EXIT_SUCCESS;
}

const Verb verb_layer_squash = {
        .name = "layer squash",
        .operands = "A..B | NEW = LAYER...",
        .help = "Make one version of several, or one layer of a stack",
        .text = "A..B: the versions of one layer from A to B become one with the content of B "
                "('web~5..web~2',\n"
                "'web~5..~2', 'web~5..' for all up to the newest); versions after B stay.\n"
                "NEW = LAYER...: the layers, from the lowest, become the one layer NEW; the old "
                "ones stay.\n"
                "Machines keep the versions that their generations name.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
