/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead remote: the table of its verbs. Each is a row in a file of its own, remote-VERB.c. */

#include "cli/verb-remote.h"

#include "base/cleanup.h"

static const Verb *const verbs[] = {
        &verb_remote_add,
        &verb_remote_list,
        &verb_remote_remove,
        &verb_remote_key,
};

const Verb verb_remote = {
        .name = "remote",
        .operands = "VERB ...",
        .help = "Say where layers are pulled from, and make keys for publishing",
        .text = "A remote is a URL and the keys that are trusted to sign its layers, in "
                "/etc/stead/remotes/NAME.remote.",
        .group = VERB_GROUP_LAYERS,
        .verbs = verbs,
        .n_verbs = ELEMENTSOF(verbs),
};
