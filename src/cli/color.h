/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Colours of the terminal, by meaning. Nothing is coloured unless the stream is a terminal that
 * can, and NO_COLOR (no-color.org) is not set. */

#include <stdbool.h>
#include <stdio.h>

typedef enum Color {
        COLOR_NONE,
        COLOR_GOOD,
        COLOR_BUSY,
        COLOR_BAD,
        COLOR_FAINT,
        COLOR_BOLD,
        _COLOR_MAX,
} Color;

bool color_wanted(FILE *f);
/* The sequences that switch a colour on and all off; "" where it is not wanted. */
const char *color_on(FILE *f, Color color);
const char *color_off(FILE *f, Color color);
