/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What all machines of the host publish. */

#include "network/published.h"

typedef struct PublishedList {
        Published *items; /* by name, so that the same files always make the same table */
        size_t n;
} PublishedList;

#define PUBLISHED_LIST_NULL ((PublishedList){})
#define _cleanup_published_list_ _cleanup_(published_list_done)

void published_list_done(PublishedList *list);

/* Every file of the directory but those that make no sense: each of them costs one line on stderr,
 * since one bad file must not take all other machines from the network. */
int published_list_read(int dirfd, PublishedList *ret, Error *error);

/* The entry of that machine or NULL. */
const Published *published_list_find(const PublishedList *list, const char *machine);

/* -EADDRINUSE if a port of @p is another machine's already; the message names both. A machine that
 * was killed keeps its ports here until its next start or `stead-firewall remove`: who knows which
 * machines live may remove it and ask again, hence its name in *ret_holder (into @list; NULL is
 * fine). */
int published_list_check(const PublishedList *list, const Published *p, const char **ret_holder,
                         Error *error);
