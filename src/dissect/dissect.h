/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An image to lines of text. */

#include "base/buffer.h"
#include "image/disk-refusal.h"

int dissect(int image_fd, Buffer *out, DiskRefusal *refusal);
