/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When and how to colour. */

#include "cli/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ECMA-48 "select graphic rendition" */
static const char *const sequences[_COLOR_MAX] = {
        [COLOR_NONE] = "",          [COLOR_GOOD] = "\033[32m",  [COLOR_BUSY] = "\033[33m",
        [COLOR_BAD] = "\033[1;31m", [COLOR_FAINT] = "\033[90m", [COLOR_BOLD] = "\033[1m",
};

bool color_wanted(FILE *f)
{
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

        return !(no && *no) && term && strcmp(term, "dumb") != 0 && isatty(fileno(f));
}

const char *color_on(FILE *f, Color color)
{
        return color_wanted(f) ? sequences[color] : "";
}

const char *color_off(FILE *f, Color color)
{
        return color != COLOR_NONE && color_wanted(f) ? "\033[0m" : "";
}
