/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.stead1.Manager, the object /org/stead1. */

#include "service/service.h"

int manager_offer(Service *s, Error *error);
