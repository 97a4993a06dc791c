/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may call what. Every method call passes here before any object sees it, and what is not in
 * the table does not exist. Root may do everything; others what polkit says, which is asked while
 * other calls go on. The question names the caller's connection, so that it is about whoever really
 * sent the message. */

#include "service/service.h"

int access_new(Service *service, Access **ret, Error *error);
Access *access_free(Access *a);
DEFINE_CLEANUP(Access, access_free)
