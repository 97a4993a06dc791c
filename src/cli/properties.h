/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The facts about a machine as KEY=VALUE, for `stead show` and for programs. */

#include "cli/overview.h"

#include <jansson.h>

typedef struct Property {
        const char *key;
        /* A new reference; NULL: not known, and then not shown. */
        json_t *(*get)(const Overview *o);
} Property;

extern const Property property_table[];
extern const size_t property_count;

const Property *property_find(const char *key);
const Property *property_nearest(const char *key);
/* As text: lists with spaces between, booleans as yes and no. The caller frees it. */
char *property_to_string(const json_t *value);
/* An object of all, by the same keys. */
json_t *properties_to_json(const Overview *o);
