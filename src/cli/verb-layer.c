/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer: the table of its verbs. Each is a row in a file of its own, layer-VERB.c. */

#include "cli/verb-layer.h"

/* A line each, so that two new verbs do not meet. */
/* clang-format off */
static const Verb *const verbs[] = {
        &verb_layer_list,
        &verb_layer_show,
        &verb_layer_log,
        &verb_layer_diff,
        &verb_layer_tag,
        &verb_layer_remove,
        &verb_layer_fsck,
        &verb_layer_gc,
        &verb_layer_import,
        &verb_layer_export,
        &verb_layer_squash,
        &verb_layer_build,
        NULL,
};
/* clang-format on */

const Verb verb_layer = {
        .name = "layer",
        .operands = "VERB ...",
        .help = "Keep layers: list, compare, name, check and remove them",
        .text = "A layer is a tree, or a difference of trees, in the store; a name of it means its "
                "latest version.\nNAME@VERSION is an earlier one, by the first eight digits or "
                "more of its id, NAME~2 the last but two.",
        .group = VERB_GROUP_LAYERS,
        .verbs = verbs,
        .n_verbs = ELEMENTSOF(verbs) - 1,
};
