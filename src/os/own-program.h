/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The other programs that belong to ours. In a build they lie beside each other, one folder a room;
 * installed, those that nobody types are in the libexec directory. */

/* Opens @name (O_PATH), which is built in the room @room. -ENOENT if it is nowhere. */
int own_program_open(const char *room, const char *name);
