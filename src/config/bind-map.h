/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The free map of a bind mount: which ids of the source are which ids in the machine. Words like
 * map=1000:33 and map=1000:33:10; one list for users, one for groups. */

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

typedef struct BindIds {
        uint32_t source, machine, count;
} BindIds;

/* So many entries, with what idmap puts between them, are surely one write to uid_map, which takes
 * less than a page (user_namespaces(7)). */
#define BIND_MAP_MAX 32U

typedef struct BindMap {
        BindIds *ids; /* in the order given; no two overlap on either side */
        unsigned n;
} BindMap;

void bind_map_done(BindMap *map);

/* Adds "SOURCE:MACHINE[:COUNT]". */
int bind_map_add(BindMap *map, const char *text, Error *error);

/* Appends ",map=..." words, or ",umap=..." and ",gmap=..." if users and groups differ. */
void bind_maps_format(const BindMap *users, const BindMap *groups, Buffer *out);
