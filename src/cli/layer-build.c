/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer build: a base from Debian's archive. */

#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/progress-display.h"
#include "cli/verb-layer.h"
#include "image/debian-architecture.h"
#include "image/layer-base.h"

#include <inttypes.h>
#include <stdio.h>

static const Flag flags[] = {
        { "name", 0, "LAYER", "Not debian/12/base and its like" },
        { "init", 0, "INIT", "systemd, sysvinit, openrc or runit (default: systemd)" },
        { "architecture", 0, "ARCH", "Not the host's (i386, arm64, ...)" },
        { "include", 0, "PACKAGE,...", "Further packages; needs --name=" },
        { "mirror", 0, "URL", "Mirror, or a whole line of sources.list" },
        { "message", 'm', "TEXT", "What the version is, for the log" },
        { "json", 0, NULL, "Progress and result as JSON" },
        { "quiet", 'q', NULL, "No progress display" },
};

static int parse(const Arguments *a, LayerBase *base, Error *error)
{
        const char *init = arguments_value(a, "init") ?: "systemd";
        DebianRecipe *recipe = &base->debian;
        int r;

        recipe->suite = debian_suite(a->words[0]);
        if (!recipe->suite)
                return arguments_usage(a->verb, error, "'%s' is none of %s", a->words[0],
                                       debian_choices());
        recipe->init = debian_init_from_string(init);
        if (recipe->init < 0) {
                _cleanup_free_ char *choices = string_table_choices(&debian_init_table);

                return arguments_usage(a->verb, error, "--init= takes %s, not '%s'", choices ?: "",
                                       init);
        }
        recipe->include = arguments_value(a, "include");
        recipe->mirror = arguments_value(a, "mirror");
        r = debian_set_architecture(recipe, arguments_value(a, "architecture"), error);
        if (r < 0)
                return r;
        base->name = arguments_value(a, "name");
        base->message = arguments_value(a, "message");
        if (recipe->include && !base->name)
                return arguments_usage(a->verb, error,
                                       "--include= needs --name=: machines that are made of '%s' "
                                       "share the plain one",
                                       a->words[0]);
        if (base->name && !ref_name_is_valid(base->name))
                return arguments_usage(a->verb, error, "--name= takes a layer's name, not '%s'",
                                       base->name);
        return 0;
}

static void print_json(const LayerBuilt *b)
{
        char commit[HASH_TEXT_SIZE], tree[HASH_TEXT_SIZE];

        printf("{\"name\":\"%s\",\"commit\":\"%s\",\"tree\":\"%s\",\"unchanged\":%s,\"bytes\":"
               "%" PRIu64 ",\"files\":%" PRIu64 ",\"packages\":%u}\n",
               b->name, hash_to_string(&b->version.commit, commit),
               hash_to_string(&b->version.tree, tree), b->version.unchanged ? "true" : "false",
               b->size.bytes, b->size.n_files, b->n_packages);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_progress_display_ ProgressDisplay display;
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_free_ char *name = NULL;
        LayerBase base = { .name = NULL };
        LayerBuilt built;
        char commit[HASH_TEXT_SIZE], size[FORMAT_MAX];
        int r;

        progress_display_init(&display, arguments_has(a, "json"), arguments_has(a, "quiet"));
        r = parse(a, &base, error);
        if (r != 0)
                return r;
        r = store_open(NULL, STORE_ADD, &store, error);
        if (r >= 0)
                r = layer_base_build(&store, &base, &display.progress, &built, error);
        progress_display_end(&display);
        if (r < 0)
                return r;
        name = built.name;
        if (arguments_has(a, "json"))
                print_json(&built);
        else
                printf("%s %s@%.8s: %u packages, %" PRIu64 " files, %s\n",
                       built.version.unchanged ? "Unchanged:" : "Built", name,
                       hash_to_string(&built.version.commit, commit), built.n_packages,
                       built.size.n_files, format_size(built.size.bytes, size));
        return EXIT_SUCCESS;
}

const Verb verb_layer_build = {
        .name = "layer build",
        .operands = "debian/12",
        .help = "Build a base from Debian's archive, or bring one up to date",
        .text = "The layer is debian/12/base (debian/12/openrc with --init=openrc), which 'stead "
                "create NAME debian/12'\n"
                "builds by itself when it is missing. Building it again makes a new version if any "
                "package has\n"
                "changed, which machines take with 'stead update'.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
