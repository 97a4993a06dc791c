/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a definition adds to the template unit, as the text of a drop-in. */

#include "generator/source.h"

/* The drop-in of @s. @sources: all of them, which Source.after counts. -ENOMEM at worst. */
int unit_text_format(const Source *s, const Source *sources, Buffer *out);

/* The drop-in of a pod's unit, and the slice of its members. -ENOMEM at worst. */
int unit_text_format_pod(const Source *s, Buffer *out);
/* The drop-in of its check of health, which ends before the members among @machines do. */
int unit_text_format_health(const Source *s, const Source *machines, size_t n, Buffer *out);
/* Whether there is one. */
/* Whether there is something to check, or to withdraw before the members stop. */
bool unit_text_has_health(const Source *s);
int unit_text_format_slice(const Source *s, Buffer *out);
/* "machine-NAME.slice", with what slices read as levels escaped. */
int unit_text_slice_name(const char *pod, Buffer *out);
