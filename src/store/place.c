/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/place.h"

#include <stdlib.h>

const char *store_place(void)
{
        return secure_getenv("STEAD_STORE") ?: STORE_DIRECTORY;
}
