/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A definition after merging: which assignments are in force, in the order of sections and keys. */

#include "config/definition.h"

typedef struct ViewLine {
        const char *section, *key, *value, *origin; /* all borrowed from the definition */
} ViewLine;

typedef struct DefinitionView {
        ViewLine *lines;
        size_t n;
} DefinitionView;

#define DEFINITION_VIEW_NULL ((DefinitionView){})
void definition_view_done(DefinitionView *v);

/* The later value of a key wins; a list keeps all after its last empty value. -ENOMEM only. */
int definition_view(const Definition *d, DefinitionView *ret);
