/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The resource keys as a manual page has them, made from the table. */

#include "config/option-parse.h"
#include "config/resource.h"

#include <string.h>

#define SYSTEMD_FLOOR 252 /* what every version that we work with has needs no word */

static void print_words(const ResourceKey *key, FILE *f)
{
        if (!key->words)
                return;
        fputs(key->type == RESOURCE_BPF_PROGRAM ? " Hooks: " : " Values: ", f);
        for (const char *const *w = key->words; *w; w++) {
                fputs(w == key->words ? "*" : ", *", f);
                option_put_scdoc(*w, f);
                fputs("*", f);
        }
        fputs(".", f);
}

int resource_print_keys(FILE *f)
{
        for (size_t i = 0; i < resource_key_count; i++) {
                const ResourceKey *key = &resource_keys[i];

                fprintf(f, "*%s=*", key->name);
                option_put_scdoc(resource_type_metavar(key->type), f);
                fputs("\n\t", f);
                option_put_scdoc(key->help, f);
                fputs(".", f);
                print_words(key, f);
                if (key->list)
                        fputs(" May be given more than once.", f);
                if (key->file) {
                        fputs(" Without systemd: ", f);
                        option_put_scdoc(key->file, f);
                        fputs(".", f);
                }
                if (key->fixed)
                        fputs(" Cannot be changed while the machine runs.", f);
                if (key->since > SYSTEMD_FLOOR)
                        fprintf(f, " Since systemd %u; an older one ignores it.", key->since);
                fputs("\n\n", f);
        }
        return fflush(f) != 0 || ferror(f) ? -EIO : 0;
}
