/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bash completion, from the table of verbs. */

#include <stdio.h>

void completion_print(FILE *f);
