/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Extended attributes on their way, with the ACLs and file capabilities among them. */

#include "image/copy-entry.h"

#include <stdbool.h>

/* An entry to read from or write to: @fd, or if that is < 0 @name in the current directory, which
 * is not followed (links and nodes cannot be opened). */
typedef struct CopyPlace {
        int fd;
        const char *name;
} CopyPlace;

/* What did not come through. */
typedef struct CopyLoss {
        bool owner, attribute;
} CopyLoss;

/* Sends one packet for each. */
int copy_attributes_send(int socket_fd, CopyPlace place, CopyLoss *loss);

typedef struct CopyAttribute {
        char *name, *value;
        size_t size;
} CopyAttribute;

/* Those that have arrived for the next entry. */
typedef struct CopyAttributes {
        CopyAttribute *list;
        size_t n;
} CopyAttributes;

void copy_attributes_clear(CopyAttributes *a);
int copy_attributes_add(CopyAttributes *a, const CopyEntry *entry);
/* Sets those that are taken. @size: number of ids that this side knows, 0: all. */
void copy_attributes_apply(const CopyAttributes *a, CopyPlace place, uint32_t size, CopyLoss *loss);
/* What a new entry got from the default ACL of the directory that it is in. */
void copy_attributes_disinherit(CopyPlace place);
