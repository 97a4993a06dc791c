/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The closure of ELF programs: they, their loader, and the libraries that these need, and those in
 * turn. Found as the loader would find them, without running anything. */

#include "image/carry.h"
#include "image/library-path.h"

typedef struct Closure {
        Carry carry;
        LibraryCache cache;
        char *first;                 /* ELF file: what the others are like */
        bool asks_names, asks_iconv; /* some part of it does */
        char **missing; /* libraries that were asked for and are not in the tree, with who asked */
        char **suggested;       /* libraries that are loaded if they are there, and were left out */
        char **odd_libraries;   /* where those are that only ld.so.cache knows */
        char **odd_directories; /* which they are in */
} Closure;

#define CLOSURE_NULL ((Closure){ .carry = CARRY_NULL })
#define _cleanup_closure_ _cleanup_(closure_done)
void closure_done(Closure *c);
/* @root_fd: of the tree that everything is taken from; borrowed. */
int closure_open(int root_fd, Closure *ret, Error *error);

/* A program, by its path in the tree or by a name that is looked for in the usual directories: an
 * ELF file or a script, whose interpreter comes along. @ret_path: where it is; or NULL. */
int closure_add_program(Closure *c, const char *word, char **ret_path, Error *error);
/* A library by its soname, for programs like those that were added. 0 if there is none. */
int closure_add_library(Closure *c, const char *soname, const char *why, Error *error);
/* A file, or a directory with everything below it, and the libraries of what is ELF in it, as far
 * as they are there: of a directory of modules not every one is wanted. */
int closure_add_all(Closure *c, const char *path, Error *error);
