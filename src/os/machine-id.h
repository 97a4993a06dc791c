/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/parse.h"

/* The id of the host, from /etc/machine-id. -ENOMEDIUM if it has none yet, see machine-id(5). */
int machine_id_of_host(Id128 *ret);
