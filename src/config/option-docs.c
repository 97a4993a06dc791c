/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Build-time program: writes what is made from the option table. `list` is for the test that
 * compares them all; `fill FRAME` copies a manual page and puts the generated part in the place of
 * a line @OPTIONS@, @KEYS@, @PODKEYS@ or @RESOURCES@. */

#include "config/option.h"
#include "config/resource.h"

#include <string.h>

static int print_list(FILE *f)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];

                fprintf(f, "%s\t%s\t%s\t%.1s\n", o->section ?: "-", o->key ?: "-", o->name ?: "-",
                        o->letter ? &o->letter : "-");
        }
        return 0;
}

/* Ours, then systemd's. */
static int print_resources(FILE *f)
{
        int r = option_print_resource_keys(f);

        return r < 0 ? r : resource_print_keys(f);
}

static int fill(const char *path)
{
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        if (!f)
                return -errno;
        while (getline(&line, &size, f) >= 0) {
                int r = 0;

                if (strcmp(line, "@OPTIONS@\n") == 0)
                        r = option_print_scdoc(stdout);
                else if (strcmp(line, "@KEYS@\n") == 0)
                        r = option_print_keys(stdout);
                else if (strcmp(line, "@PODKEYS@\n") == 0)
                        r = option_print_pod_keys(stdout);
                else if (strcmp(line, "@RESOURCES@\n") == 0)
                        r = print_resources(stdout);
                else
                        fputs(line, stdout);
                if (r < 0)
                        return r;
        }
        return ferror(f) ? -EIO : 0;
}

int main(int argc, char **argv)
{
        const char *what = argc > 1 ? argv[1] : "";
        int r = -EINVAL;

        if (strcmp(what, "scdoc") == 0)
                r = option_print_scdoc(stdout);
        else if (strcmp(what, "keys") == 0)
                r = option_print_keys(stdout);
        else if (strcmp(what, "bash") == 0)
                r = option_print_completion(stdout);
        else if (strcmp(what, "help") == 0)
                r = option_print_help(stdout);
        else if (strcmp(what, "list") == 0)
                r = print_list(stdout);
        else if (strcmp(what, "fill") == 0 && argc > 2)
                r = fill(argv[2]);
        else
                fputs("Usage: option-docs scdoc|keys|bash|help|list|fill FRAME\n", stderr);
        if (r < 0)
                fprintf(stderr, "option-docs: %s\n", strerror(-r));
        return r < 0 || fflush(stdout) != 0;
}
