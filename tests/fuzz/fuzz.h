/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one function of a fuzz target, named by libFuzzer. */

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#pragma GCC visibility pop
