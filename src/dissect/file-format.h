/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that are no raw images, by their first bytes, so that a person is told what to do. */

#include "image/disk-refusal.h"

/* Refuses those. 0: none of them. */
int file_format_check(int image_fd, DiskRefusal *refusal);
