/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turning a verb's words into the launcher's. */

#include "cli/foreground.h"

#include "base/strv.h"
#include "cli/launcher.h"
#include "cli/names.h"
#include "cli/net-check.h"

#include <string.h>
#include <sys/stat.h>

/* A name is looked up before the launcher is asked, since we know what it may have been meant to
 * be. With options of the launcher's it may well name something that they make. */
static int check_name(const Arguments *a, const char *word, Error *error)
{
        struct stat st;
        int r;

        if (strchr(word, '/') || strv_length(a->passed) > 0)
                return 0;
        r = names_check(NAMES_ALL, word, error);
        if (r < 0 && stat(word, &st) >= 0 && S_ISDIR(st.st_mode))
                error_hint(error, "stead %s ./%s  (a word with '/' is a directory)", a->verb->name,
                           word);
        return r;
}

int foreground_launch(const Arguments *a, const char *option, Error *error)
{
        const char *word = a->words ? a->words[0] : NULL;
        _cleanup_strv_ char **argv = NULL;
        int r = strv_push(&argv, "stead-launch");

        if (!word && strv_length(a->passed) == 0)
                return arguments_usage(a->verb, error, "'%s' needs a name or a directory",
                                       a->verb->name);
        if (word) {
                int q = check_name(a, word, error);

                if (q < 0)
                        return q;
        }
        if (r >= 0)
                r = strv_extend(&argv, a->passed);
        if (r >= 0 && option)
                r = strv_push(&argv, option);
        if (r >= 0 && word)
                r = launcher_target(word, &argv);
        if (r >= 0 && strv_length(a->command) > 0)
                r = strv_push(&argv, "--");
        if (r >= 0)
                r = strv_extend(&argv, a->command);
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare the launcher's command line");
        if (word && option)
                net_check_later();
        return launcher_exec(argv, error);
}
