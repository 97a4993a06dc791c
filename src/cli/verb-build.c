/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead build: the table of its verbs. Each is a row in a file of its own, build-VERB.c. */

#include "cli/verb-build.h"

static const Verb *const verbs[] = { &verb_build_elf };

const Verb verb_build = {
        .name = "build",
        .operands = "VERB ...",
        .help = "Make trees out of parts",
        .text = "Trees are made in /var/lib/machines, or as layers of the store.",
        .group = VERB_GROUP_TREES,
        .verbs = verbs,
        .n_verbs = ELEMENTSOF(verbs),
};
