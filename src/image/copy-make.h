/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One entry of a copy, in the directory where the receiver is. */

#include "image/copy-receiver.h"

int copy_make_file(Receiver *c, const CopyEntry *e, const char *name);
/* A link, fifo, socket or device. */
int copy_make_other(Receiver *c, const CopyEntry *e, const char *name);
/* Another name of what was sent before, or a file, where that cannot be. */
int copy_make_link(Receiver *c, const CopyEntry *e, const char *name);
/* And goes into it. */
int copy_make_directory(Receiver *c, const CopyEntry *e, const char *name);
/* The directory where we are is complete. */
int copy_leave_directory(Receiver *c, const CopyEntry *e, Error *error);
