/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs of `stead layer`, one file each. */

#include "cli/verb.h"

extern const Verb verb_layer_build, verb_layer_export, verb_layer_import, verb_layer_squash;
