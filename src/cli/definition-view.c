/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is left of a definition's assignments after later ones have replaced earlier ones. */

#include "cli/definition-view.h"

#include <errno.h>
#include <string.h>

void definition_view_done(DefinitionView *v)
{
        free(v->lines);
        *v = DEFINITION_VIEW_NULL;
}

static int add_line(DefinitionView *v, ViewLine line)
{
        ViewLine *grown = reallocarray(v->lines, v->n + 1, sizeof(ViewLine));

        if (!grown)
                return -ENOMEM;
        v->lines = grown;
        v->lines[v->n++] = line;
        return 0;
}

/* Keys of other programs come in the order of the files, but below one head each. */
static bool section_is_new(const Definition *d, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (strcmp(d->passed[k].section, d->passed[i].section) == 0)
                        return false;
        return true;
}

static int add_passed(DefinitionView *v, const Definition *d)
{
        for (size_t i = 0; i < d->n_passed; i++) {
                if (!section_is_new(d, i))
                        continue;
                for (size_t k = i; k < d->n_passed; k++) {
                        const PassedKey *p = &d->passed[k];
                        int r;

                        if (strcmp(p->section, d->passed[i].section) != 0)
                                continue;
                        r = add_line(v, (ViewLine){ p->section, p->key, p->value, p->origin });
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int add_option(DefinitionView *v, const Definition *d, const Option *option)
{
        for (size_t i = 0; i < d->assignments.n; i++) {
                const Assignment *a = &d->assignments.items[i];
                int r;

                if (a->option != option || !assignments_is_in_force(&d->assignments, i))
                        continue;
                r = add_line(v, (ViewLine){ option->section, option->key, a->value ?: "yes",
                                            a->origin });
                if (r < 0)
                        return r;
        }
        return 0;
}

int definition_view(const Definition *d, DefinitionView *ret)
{
        DefinitionView v = DEFINITION_VIEW_NULL;
        int r = 0;

        /* section by section, as the option table first names them */
        for (size_t first = 0; r >= 0 && first < option_count; first++) {
                const char *section = option_table[first].section;
                bool seen = !section;

                for (size_t k = 0; k < first && !seen; k++)
                        seen = option_table[k].section &&
                               strcmp(option_table[k].section, section) == 0;
                for (size_t i = first; !seen && r >= 0 && i < option_count; i++)
                        if (option_table[i].section && option_table[i].key &&
                            strcmp(option_table[i].section, section) == 0)
                                r = add_option(&v, d, &option_table[i]);
        }
        if (r >= 0)
                r = add_passed(&v, d);
        if (r < 0) {
                definition_view_done(&v);
                return r;
        }
        *ret = v;
        return 0;
}
