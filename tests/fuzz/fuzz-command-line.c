/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of any bytes as the words of a command line. */

#include "base/strv.h"
#include "config/command-line.h"
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_assignments_ Assignments a = ASSIGNMENTS_NULL;
        _cleanup_settings_ Settings *settings = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *text = strndup((const char *)data, size);
        _cleanup_strv_ char **argv = NULL;

        if (!text || strv_push(&argv, "stead-launch") < 0)
                return 0;
        for (char *save = NULL, *w = strtok_r(text, "\n", &save); w;
             w = strtok_r(NULL, "\n", &save))
                if (strcmp(w, "--help") != 0 && strcmp(w, "--version") != 0) /* much to print */
                        (void)strv_push(&argv, w);
        if (command_line_parse((int)strv_length(argv), argv, &a, &error) == 0)
                (void)settings_from_assignments(&a, &settings, NULL);
        return 0;
}
