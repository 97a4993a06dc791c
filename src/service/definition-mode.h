/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a definition is everybody's to read on disk, and may so be shown to everybody. */

#include <stdbool.h>

/* @name: a valid machine name, or NULL for all definitions. False also when it cannot be told. */
bool definition_is_public(const char *name);
