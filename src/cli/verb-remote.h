/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs of `stead remote`, one file each. */

#include "cli/verb.h"

extern const Verb verb_remote_add, verb_remote_key, verb_remote_list, verb_remote_remove;
