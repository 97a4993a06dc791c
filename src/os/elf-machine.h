/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which architecture a program is for, from the first bytes of its file, and whether this kernel
 * runs such programs by itself. Of ELF nothing else is looked at: elf-file.h has the rest. */

#include <stdbool.h>
#include <stddef.h>

#define ELF_MACHINE_HEADER 20 /* bytes up to the end of e_machine, in either class */

typedef enum ElfFit {
        ELF_NATIVE,
        ELF_SECONDARY, /* of the 32-bit side of a 64-bit kernel */
        ELF_FOREIGN,
} ElfFit;

typedef struct ElfMachine {
        const char *name;   /* as systemd calls it: "x86-64", "arm64" */
        const char *debian; /* "amd64"; NULL: Debian has no such port */
        ElfFit fit;
} ElfMachine;

/* false: no ELF file. */
bool elf_machine_read(const void *header, size_t n, ElfMachine *ret);

/* The one that Debian calls so, and how its programs begin; false: not known. */
bool elf_machine_of_debian(const char *name, ElfMachine *ret,
                           unsigned char header[static ELF_MACHINE_HEADER]);
