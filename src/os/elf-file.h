/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an ELF file says that it needs to be loaded. Read with libelf; nothing of it is executed, so
 * that files of another architecture, and files that nobody trusts, are fine. Never by mmap: who
 * cuts such a file short meanwhile would end us. */

#include "base/cleanup.h"

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ElfFile {
        unsigned char class; /* ELFCLASS32 or ELFCLASS64 */
        uint16_t machine;    /* EM_X86_64 ... */
        bool program;        /* has an entry point of its own: not only a library */
        char *interpreter;   /* PT_INTERP, or NULL: static, or a library */
        char *soname;
        char **needed;
        char *rpath, *runpath; /* as written, with their colons */
} ElfFile;

#define ELF_FILE_NULL ((ElfFile){})
#define _cleanup_elf_file_ _cleanup_(elf_file_done)
void elf_file_done(ElfFile *e);

/* -ENOEXEC: not an ELF file. -EBADMSG: a damaged one. */
int elf_file_read(int fd, ElfFile *ret);

/* For whoever reads more of it, with the same answers. Has looked at what libelf would trust. */
int elf_open(int fd, Elf **ret);

static inline void elf_endp(Elf **elf)
{
        (void)elf_end(*elf); /* the count of references */
}
#define _cleanup_elf_ _cleanup_(elf_endp)
