/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machines that run now, as objects of the bus. Their state files are the truth: they are read
 * again whenever one is asked for, and watched so that signals tell of every change. */

#include "service/service.h"

#include "machine/machine.h"

int registry_new(Service *service, Registry **ret, Error *error);
Registry *registry_free(Registry *r);
DEFINE_CLEANUP(Registry, registry_free)

/* The running machine of that name as of now, or NULL; the registry's own, good until the next
 * look. */
const Machine *registry_find(Registry *r, const char *name);
/* All, sorted by name. The caller frees the array, not the machines. */
int registry_list(Registry *r, const Machine ***ret, size_t *ret_n);

/* The object of machine @name; the caller frees it. */
int machine_object_path(const char *name, char **ret);
