/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The content of files. */

#include <stdbool.h>

/* What is known after the first of many files. */
typedef struct DataCopier {
        int watch_fd;  /* a socket that is looked at from time to time */
        bool no_clone; /* the file systems do not share blocks */
        char *block;
} DataCopier;

void data_copier_done(DataCopier *c);

/* Copies all of @from (opened for reading, at any position) into the empty file @to: sharing blocks
 * where the file system can, holes as holes. -ECONNABORTED when the other end of the watched socket
 * is closed. */
int copy_data(DataCopier *c, int from, int to);
