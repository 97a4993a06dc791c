/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.stead1.Machine: an object for each running machine. */

#include "service/service.h"

int machine_object_offer(Service *s, Error *error);
