/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs of `stead layer`, one file each. */

#include "cli/verb.h"

extern const Verb verb_layer_build, verb_layer_diff, verb_layer_export, verb_layer_fsck,
        verb_layer_gc, verb_layer_import, verb_layer_list, verb_layer_log, verb_layer_remove,
        verb_layer_show, verb_layer_squash, verb_layer_tag;
