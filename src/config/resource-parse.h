/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parsers of resource values share. Nobody outside the resource files calls them. Each
 * parser fills a fresh ResourceValue whose key is set; messages are reasons only. */

#include "config/resource.h"

/* Adds one item with copies of @name and @text (either may be NULL); NULL for lack of memory. */
ResourceItem *resource_item_add(ResourceValue *v, const char *name, const char *text);
/* The word at *p, copied; moves *p behind it. 1 and the word, 0 at the end, or -ENOMEM. */
int resource_next_word(const char **p, const char *separators, char **ret);

/* Parses @value into @v, which is RESOURCE_VALUE_NULL; also an empty one. */
int resource_parse_fresh(const ResourceKey *key, const char *value, ResourceValue *v, Error *error);

int resource_parse_addresses(const char *s, ResourceValue *v, Error *error);
int resource_parse_socket_bind(const char *s, ResourceValue *v, Error *error);
int resource_parse_interfaces(const char *s, ResourceValue *v, Error *error);
int resource_parse_nft_sets(const char *s, ResourceValue *v, Error *error);
