/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Machines whose root is a disk image: their launcher needs devices that no other one needs. */

#include "generator/source.h"

/* Names of machines with an image in /var/lib/machines, sorted. @root is prefixed to it. */
int disk_image_list(const char *root, char ***ret);
/* Whether that is the root of the machine, or another image is. */
bool disk_image_is_root(const Source *s, char *const *images);
/* The devices, for its [Service] section. */
void disk_image_put_devices(Buffer *out);
