/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an ELF file needs to run: what the loader brings, and hints at what it asks for while it
 * runs. */

#include "base/error.h"
#include "os/elf-file.h"

typedef struct ElfNeeds {
        ElfFile file;
        char **dlopen;          /* sonames of .note.dlopen that it cannot do without, or wants */
        char **dlopen_optional; /* the ones that it only suggests */
        bool asks_names;        /* calls getaddrinfo(), getpwnam() and the like: needs NSS */
        bool asks_iconv;        /* calls iconv_open(): needs gconv modules for all but UTF-8 */
        bool ends_threads;      /* by pthread_exit() or pthread_cancel(): glibc loads libgcc then */
} ElfNeeds;

#define ELF_NEEDS_NULL ((ElfNeeds){})
#define _cleanup_elf_needs_ _cleanup_(elf_needs_done)
void elf_needs_done(ElfNeeds *n);

/* -ENOEXEC: not an ELF file. @path is for messages. */
int elf_needs_read(int fd, const char *path, ElfNeeds *ret, Error *error);
