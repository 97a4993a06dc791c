/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Layers of a container image onto a tree. Each is read twice: once to see that it is the one which
 * its digest names and what it hides, and only then to unpack it, so that nothing unchecked is ever
 * unpacked and the order of its entries does not matter. */

#include "image/archive.h"
#include "image/oci.h"

/* In a worker, whose root directory becomes the tree. @limits: name, keep_devices, counters. */
int oci_layers_unpack(Worker *worker, int image_fd, const OciImage *image,
                      const ArchiveSource *limits, int tree_fd, Error *error);
