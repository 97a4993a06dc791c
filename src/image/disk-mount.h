/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file systems that a disk image may hold, and how each is mounted: an image is not trusted, so
 * nothing that it says about itself decides how the kernel takes its errors. */

#include "base/error.h"

#include <stdbool.h>

/* Whether a machine may have it. @system: of an ESP or XBOOTLDR partition. */
bool disk_type_is_known(const char *type, bool system);
/* Whether it can be nothing but read-only. */
bool disk_type_is_fixed(const char *type);

/* Whether this kernel has it. */
bool disk_type_is_supported(const char *type);

/* A detached mount, without device nodes. @read_only: nothing at all is written, not even what a
 * journal holds. @discard: what is deleted is given back. @what, @path: "root" of which image, for
 * messages. */
int disk_mount(const char *type, const char *device, bool read_only, bool discard, const char *what,
               const char *path, Error *error);
