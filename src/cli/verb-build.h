/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs of `stead build`, one file each. */

#include "cli/verb.h"

extern const Verb verb_build_elf;
