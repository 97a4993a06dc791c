/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One definition as the generator needs it: what could be read of it, what was wrong with it, and
 * which paths of the host its machine needs. Reads files only. */

#include "config/definition.h"

typedef struct Source {
        Definition *definition;
        bool pod;           /* of a pod and not of a machine */
        Settings *settings; /* NULL if the definition has errors */
        Diagnostics diagnostics;
        char *tree;     /* root of the machine, or where the state of one of layers is */
        bool has_image; /* that is in a file system in a file */
        bool disk;      /* its root is a disk image */
        char **paths;   /* all that must be mounted, the tree first */
        size_t *after;  /* indices of sources that start before this one, see references.h */
        size_t n_after, n_told; /* the first @n_told of them are the definition's own words */
} Source;

#define SOURCE_NULL ((Source){})
void source_done(Source *s);

/* Reads the definition of @name, of a pod if @place says so. Errors in it are in the diagnostics of
 * *ret. -ENOENT if there is nothing to generate: it is masked, or gone since the directories were
 * listed. */
int source_load(const DefinitionPlace *place, const char *name, Source *ret);
/* The main file, or the first of its drop-ins where there is none. */
const char *source_path(const Source *s);
/* Whether it is one of ours and not a .nspawn file, whose machine may be systemd-nspawn's. */
bool source_is_ours(const Source *s);
/* Whether it is a machine in @pod. */
bool source_is_member(const Source *s, const char *pod);
