/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer remove: the end of a name. What only it had goes with the next collection. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/layer-view.h"
#include "cli/verb-layer.h"

#include <stdio.h>

static const Flag flags[] = {
        { "force", 'f', NULL, "Even if a machine uses it" },
        { "dry-run", 0, NULL, "Say what would be removed" },
};

static int check_unused(const Roots *roots, const char *layer, Error *error)
{
        _cleanup_strv_ char **users = NULL;
        _cleanup_free_ char *list = NULL;
        int r = layer_users(roots, layer, false, &users, error);

        if (r < 0 || !users)
                return r;
        list = strv_join(users, ", ");
        error_hint(error, "stead history %s; stead layer remove --force %s", users[0], layer);
        return error_set(error, EBUSY, "Layer '%s' is used by %s, or a generation of it", layer,
                         list ?: users[0]);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_roots_ Roots roots = ROOTS_NULL;
        /* machines get no new generation while a layer that they might want is removed */
        int r = store_open(NULL, STORE_REMOVE, &store, error);

        if (r >= 0 && !arguments_has(a, "force"))
                r = roots_collect(&roots, error);
        STRV_FOREACH (name, a->words) {
                _cleanup_ref_ Ref ref = REF_NULL;

                if (r >= 0)
                        r = store_load_ref(&store, *name, &ref, error);
                if (r >= 0 && !arguments_has(a, "force"))
                        r = check_unused(&roots, *name, error);
        }
        STRV_FOREACH (name, a->words) {
                if (r >= 0 && arguments_has(a, "dry-run"))
                        puts(*name);
                else if (r >= 0)
                        r = store_remove_ref(&store, *name, error);
        }
        if (r >= 0 && !arguments_has(a, "dry-run"))
                fputs("What only this had is removed by 'stead layer gc'.\n", stderr);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_layer_remove = {
        .name = "layer remove",
        .operands = "NAME...",
        .help = "Remove layers",
        .text = "Refused while a generation or a definition of a machine uses one. Its data goes "
                "with the next\n`stead layer gc`, which keeps what machines need.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
