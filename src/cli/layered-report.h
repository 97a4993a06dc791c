/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a change of layers means to a machine, for people: packages, then what hides what, the most
 * important first. */

#include "stack/drift.h"

#include <jansson.h>
#include <stdbool.h>

/* To stdout, indented. @all: also what is of no consequence. */
void layered_report_print(const Drift *d, bool all);
json_t *layered_report_json(const Drift *d);
