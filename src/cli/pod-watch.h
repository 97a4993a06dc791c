/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Looking after the health of a pod. */

#include "machine/pod-network.h"

/* Runs the check of the pod every so often until SIGTERM or SIGINT, or until the pod is stopped.
 * The service addresses are withdrawn at the end. */
int pod_watch(const PodNetwork *p, Error *error);
