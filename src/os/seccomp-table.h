/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the build generates for seccomp.c, and for nobody else: gen-seccomp writes it into an
 * include file. It is static data here, so that the sizes of the filters are known to the compiler.
 */

#include "os/seccomp-compile.h"

#include "os/seccomp-table.inc"
