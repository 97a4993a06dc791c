/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which machines refer to which: one that uses files of another's tree starts after it, unless that
 * would be a circle. Must not know how units are written. */

#include "generator/source.h"

/* Fills Source.after of all. Fails only for lack of memory. */
int references_find(Source *sources, size_t n);
