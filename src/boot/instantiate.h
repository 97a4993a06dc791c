/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* --template=, --layers=: the tree is made before anything is planned on it. */

#include "config/settings.h"
#include "image/layer-root.h"

/* Makes the tree that the settings name from their template, unless it is there. For a dry run
 * nothing is made: the template is planned in its place. */
int boot_instantiate(Settings *settings, Error *error);

/* Brings the layers that the settings name together, and takes them. For a dry run they are only
 * looked at. */
int boot_open_layers(const Settings *settings, LayerRoot **ret, Error *error);
