/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an ELF file says that it needs to run. Read with libelf; nothing of it is executed, so that
 * files of another architecture, and files that nobody trusts, are fine. */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ElfFile {
        unsigned char class; /* ELFCLASS32 or ELFCLASS64 */
        uint16_t machine;    /* EM_X86_64 ... */
        bool program;        /* has an entry point of its own: not only a library */
        char *interpreter;   /* PT_INTERP, or NULL: static, or a library */
        char *soname;
        char **needed;
        char *rpath, *runpath;  /* as written, with their colons */
        char **dlopen;          /* sonames of .note.dlopen that it cannot do without, or wants */
        char **dlopen_optional; /* the ones that it only suggests */
        bool asks_names;        /* calls getaddrinfo(), getpwnam() and the like: needs NSS */
        bool asks_iconv;        /* calls iconv_open(): needs gconv modules for all but UTF-8 */
        bool ends_threads;      /* by pthread_exit() or pthread_cancel(): glibc loads libgcc then */
} ElfFile;

#define ELF_FILE_NULL ((ElfFile){})
#define _cleanup_elf_file_ _cleanup_(elf_file_done)
void elf_file_done(ElfFile *e);

/* -ENOEXEC: not an ELF file. @path is for messages. */
int elf_file_read(int fd, const char *path, ElfFile *ret, Error *error);
