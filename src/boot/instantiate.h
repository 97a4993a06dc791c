/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* --template=: the tree is made before anything is planned on it. */

#include "config/settings.h"

/* Makes the tree that the settings name from their template, unless it is there. For a dry run
 * nothing is made: the template is planned in its place. */
int boot_instantiate(Settings *settings, Error *error);
