/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values of resource keys as text that is the same for values that mean the same: what a person
 * sees, and what is compared. But for lists with "; " and an infinite CPUQuota= it could be parsed
 * again. */

#include "config/resource.h"

/* Items of a list are sorted, with "; " between where they have blanks themselves. "" is an empty
 * list. A weight that is not set is shown as the normal one. */
void resource_format(const ResourceValue *v, Buffer *out);
/* The value when nobody says anything, in that form: what an empty one leads to. NULL where it
 * depends on the host or on the unit. */
const char *resource_default(const ResourceKey *key);
