/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer tag: another name of a version. */

#include "cli/arguments.h"
#include "cli/layer-view.h"
#include "cli/verb-layer.h"
#include "image/layer-version.h"

#include <stdio.h>

static const Flag flags[] = {
        { "force", 'f', NULL, "Also if NEW means something else already" },
};

static int check_new(Store *store, const char *name, const Hash *commit, bool force, Hash *ret,
                     Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_ref_ Ref old = REF_NULL;
        int r = store_load_ref(store, name, &old, &problem);

        *ret = HASH_NULL;
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return error_move(error, &problem);
        if (!force && !hash_equal(&old.commit, commit)) {
                error_hint(error, "stead layer tag --force SOURCE %s", name);
                return error_set(error, EEXIST, "There is a layer '%s' already, version %s", name,
                                 layer_version_text(&old.commit).text);
        }
        *ret = old.commit;
        return layer_version_check(store, name, error);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        const char *name = a->words[1];
        Hash commit, before;
        int r = store_open(NULL, STORE_ADD, &store, error);

        if (r >= 0)
                r = store_resolve(&store, a->words[0], &commit, NULL, error);
        if (r >= 0)
                r = check_new(&store, name, &commit, arguments_has(a, "force"), &before, error);
        if (r >= 0 && !hash_equal(&before, &commit))
                r = layer_version_move(&store, name, &commit, &before, error);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_layer_tag = {
        .name = "layer tag",
        .operands = "NAME[@VERSION] NEW",
        .help = "Give a version of a layer another name",
        .text = "Costs nothing: both names mean the same data, until one of them gets another "
                "version.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
