/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From here on this process can read descriptor 0, write to 1 and 2, use a little memory and
 * processor time, and nothing else. */

/* What is missing is an error, but: without root's rights the user stays, and a kernel without
 * filters has none. Returns a bare -errno. */
int sandbox_enter(void);
