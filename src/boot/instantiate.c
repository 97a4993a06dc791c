/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the new tree belongs, and what it is called. */

#include "boot/instantiate.h"

#include "boot/plan-parts.h"
#include "config/definition.h"
#include "image/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* 1: the tree is there already. */
static int find_place(Settings *s, Error *error)
{
        if (!s->directory && !s->machine) {
                error_set(error, EINVAL, "Template '%s' is given, but not what to make of it",
                          s->template_path);
                error_hint(error, "add --machine=NAME, or --directory=PATH");
                return -EINVAL;
        }
        if (!s->directory && plan_find_tree(s->machine, "", &s->directory) >= 0)
                return 1;
        if (!s->directory && asprintf(&s->directory, "/var/lib/machines/%s", s->machine) < 0) {
                s->directory = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return access(s->directory, F_OK) >= 0;
}

static int take_name(Settings *s, Error *error)
{
        if (s->machine || machine_name_from_path(s->directory, &s->machine) >= 0)
                return 0;
        error_set(error, EINVAL, "No machine name can be made from '%s'", s->directory);
        error_hint(error, "add --machine=NAME");
        return -EINVAL;
}

int boot_instantiate(Settings *s, Error *error)
{
        int r;

        if (!s->template_path)
                return 0;
        r = find_place(s, error);
        if (r != 0)
                return r < 0 ? r : 0;
        r = take_name(s, error);
        if (r < 0)
                return r;
        if (s->dry_run) {
                fprintf(stderr, "'%s' does not exist yet: planned on its template.\n",
                        s->directory);
                free(s->directory);
                s->directory = TAKE_PTR(s->template_path);
                return 0;
        }
        if (geteuid() != 0) {
                error_set(error, EPERM, "Only root can make the tree '%s'", s->directory);
                error_hint(error, "sudo stead create %s --from=%s", s->machine, s->template_path);
                return -EPERM;
        }
        if (!s->quiet)
                fprintf(stderr, "Making '%s' from '%s'.\n", s->directory, s->template_path);
        return template_copy(s->template_path, s->directory, s->hostname ?: s->machine, error);
}
