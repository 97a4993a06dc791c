/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All names of a directory of the store, for who goes through the whole of it. */

#include "store/store.h"

#define OBJECT_DIRECTORIES 256

/* @d_type as in struct dirent. Stops at a negative result, which it returns. @hidden: those
 * that begin with '.', what was being written when somebody was killed; else all others. */
typedef int (*NameFunction)(int dirfd, const char *name, unsigned char d_type, void *userdata);
/* A directory that is missing is an empty one. -errno. */
int names_in(int dirfd, const char *directory, bool hidden, NameFunction function, void *userdata);

/* The directory of objects whose first byte is @first: "objects/ab". */
typedef struct ObjectDirectory {
        char path[sizeof("objects/ab")];
} ObjectDirectory;
ObjectDirectory object_directory(unsigned first);
/* The id of the object @name in it; -EINVAL: no object has such a name. */
int object_id_of(unsigned first, const char *name, Hash *ret);
