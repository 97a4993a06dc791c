/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree as a copy of another one. */

#include "image/worker.h"

/* Copies the content of @source into the directory @target (absolute paths), sharing blocks where
 * the file system can, without what is mounted below. */
int copy_tree(Worker *worker, const char *source, const char *target, Error *error);
