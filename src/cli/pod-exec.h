/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A program of the host in the network of a pod. */

#include "base/error.h"

/* Becomes the program; returns only if that failed: 125 if the pod cannot be entered, 126 or 127 as
 * a shell does, with the error printed. */
int pod_exec(const char *name, char *const *argv);
