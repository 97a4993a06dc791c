/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of what is merged. */

#include "stack/merge-path.h"

#include "stack/alternative.h"
#include "stack/merge-debconf.h"
#include "stack/merge-lines.h"
#include "stack/merge-packages.h"
#include "stack/merge-users.h"

#include <fnmatch.h>
#include <string.h>

/* The first row that fits counts. */
static const MergeRule rules[] = {
        { "/etc/passwd", merge_passwd, "users", false },
        { "/etc/group", merge_group, "groups", false },
        { "/etc/shadow", merge_shadow, "passwords", false },
        { "/etc/gshadow", merge_gshadow, "passwords of groups", false },
        { "/etc/subuid", merge_subordinate, "subordinate users", false },
        { "/etc/subgid", merge_subordinate, "subordinate groups", false },
        { "/etc/passwd-", merge_passwd, "users", true },
        { "/etc/group-", merge_group, "groups", true },
        { "/etc/shadow-", merge_shadow, "passwords", true },
        { "/etc/gshadow-", merge_gshadow, "passwords of groups", true },
        { "/etc/subuid-", merge_subordinate, "subordinate users", true },
        { "/etc/subgid-", merge_subordinate, "subordinate groups", true },
        { "/etc/shells", merge_line_set, "shells", false },
        { "/var/lib/shells.state", merge_line_set, "shells", false },
        { "/var/lib/dpkg/status", merge_dpkg_status, "packages", false },
        { "/var/lib/dpkg/status-old", merge_dpkg_copy, "packages", true },
        { "/var/lib/dpkg/available", merge_dpkg_copy, "packages", true },
        { "/var/lib/dpkg/available-old", merge_dpkg_copy, "packages", true },
        { "/var/lib/dpkg/diversions", merge_diversions, "diversions", false },
        { "/var/lib/dpkg/diversions-old", merge_diversions, "diversions", true },
        { "/var/lib/dpkg/statoverride", merge_statoverride, "owners and modes", false },
        { "/var/lib/dpkg/statoverride-old", merge_statoverride, "owners and modes", true },
        { "/var/lib/dpkg/arch", merge_line_set, "architectures", false },
        { "/var/lib/dpkg/triggers/Unincorp", merge_word_lines, "triggers", false },
        { "/var/lib/dpkg/triggers/*", merge_line_set, "triggers", false },
        { "/var/lib/dpkg/alternatives/*", merge_alternative, "choices", false },
        { "/var/lib/apt/extended_states", merge_apt_states, "packages", false },
        { "/var/cache/debconf/*.dat", merge_debconf, "answers", false },
        { "/var/cache/debconf/*.dat-old", merge_debconf, "answers", true },
        { "/var/lib/ucf/hashfile", merge_ucf, "configuration files", false },
        { "/var/lib/ucf/registry", merge_ucf, "configuration files", false },
        { "/var/lib/ucf/hashfile.*", merge_ucf, "configuration files", true },
        { "/var/lib/ucf/registry.*", merge_ucf, "configuration files", true },
        { "/var/lib/systemd/deb-systemd-*helper-*/*.dsh-also", merge_line_set, "units", false },
};

const MergeRule *merge_rule_find(const char *path)
{
        if (strncmp(path, "/etc/", 5) != 0 && strncmp(path, "/var/", 5) != 0)
                return NULL; /* most paths are in /usr */
        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                if (fnmatch(rules[i].pattern, path, 0) == 0)
                        return rules + i;
        return NULL;
}
