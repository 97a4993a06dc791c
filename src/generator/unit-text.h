/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a definition adds to the template unit, as the text of a drop-in. */

#include "generator/source.h"

/* The drop-in of @s. @sources: all of them, which Source.after counts. -ENOMEM at worst. */
int unit_text_format(const Source *s, const Source *sources, Buffer *out);
