/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The [Resources] of a definition as "KEY=VALUE" lines that can be handed on one by one. */

#include "config/definition.h"

/* Lists of processors become one line, since systemd adds them up in files but not on the bus. */
int resource_lines(const Definition *d, char ***ret);
