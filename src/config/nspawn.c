/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What systemd-nspawn does where nobody said anything. */

#include "config/nspawn.h"

#include <string.h>

bool nspawn_is_meant(const char *word)
{
        const char *slash = word ? strrchr(word, '/') : NULL;

        return word && strcmp(slash ? slash + 1 : word, "systemd-nspawn") == 0;
}

int nspawn_defaults(Assignments *a)
{
        static const char *const rows[][2] = {
                { "container-service", "systemd-nspawn" },
                { "private-users", "no" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int r = assignments_add(a, option_by_name(rows[i][0]), rows[i][1], "systemd-nspawn",
                                        true);

                if (r < 0)
                        return r;
        }
        return 0;
}
