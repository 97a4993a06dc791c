/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Libraries that a program loads by itself, as it announces them: the notes of section
 * .note.dlopen, JSON as uapi-group.org's "ELF dlopen metadata" has it. */

#include <libelf.h>

/* Adds the first soname of each entry: to @wanted where the program cannot do without it, or would
 * rather not ("required", "recommended"), else to @optional. What is not understood is passed over.
 * -ENOMEM. */
int dlopen_note_read(Elf_Data *data, char ***wanted, char ***optional);
