/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The directory that systemd gives a generator: files and links below it. */

#include "base/error.h"

/* Writes a file, with the directories above it. It must not exist yet. */
int output_write(int dirfd, const char *path, const char *text, Error *error);
/* Makes a symbolic link, with the directories above it. One that exists stays. */
int output_link(int dirfd, const char *path, const char *target, Error *error);
