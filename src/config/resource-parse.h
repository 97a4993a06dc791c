/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parsers of resource values share. Nobody outside the resource files calls them. Each
 * parser fills a fresh ResourceValue whose key is set; messages are reasons only. */

#include "config/resource.h"

/* Adds one item with copies of @name and @text (either may be NULL); NULL for lack of memory. */
ResourceItem *resource_item_add(ResourceValue *v, const char *name, const char *text);
/* The word at *p, copied; moves *p behind it. 1 and the word, 0 at the end, or -ENOMEM. */
int resource_next_word(const char **p, const char *separators, char **ret);
/* Absolute, no "." or ".." or empty parts. */
bool resource_path_is_normal(const char *path);
/* -EINVAL with "not one of a, b or c". */
int resource_not_one_of(const char *const *words, Error *error);
bool resource_word_is_known(const char *const *words, const char *word);

/* Parses @value into @v, which is RESOURCE_VALUE_NULL; also an empty one. */
int resource_parse_fresh(const ResourceKey *key, const char *value, ResourceValue *v, Error *error);

int resource_parse_addresses(const char *s, ResourceValue *v, Error *error);
int resource_parse_socket_bind(const char *s, ResourceValue *v, Error *error);
int resource_parse_interfaces(const char *s, ResourceValue *v, Error *error);
int resource_parse_nft_sets(const char *s, ResourceValue *v, Error *error);

/* Numbers with units as systemd writes them: 1.5G to the base of 1024 or 1000. */
int resource_parse_size(const char *s, unsigned base, uint64_t *ret);
/* "12.5%" as 1250, also the signs for thousandths and ten thousandths. */
int resource_parse_permyriad(const char *s, unsigned *ret);
