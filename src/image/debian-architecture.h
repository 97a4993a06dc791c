/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Debian for another architecture than the host's. */

#include "image/debian.h"

/* @word: as Debian calls it, "arm64"; NULL: the host's. -EINVAL: there is none of that name. */
int debian_set_architecture(DebianRecipe *recipe, const char *word, Error *error);

/* Whether programs of the new tree can be run, as its installation needs it. */
int debian_check_architecture(const DebianRecipe *recipe, Error *error);

/* As OCI calls it. */
const char *debian_oci_architecture(const DebianRecipe *recipe);
