/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The environment variables by which systemd-nspawn is told things that have no option there. A
 * variable that asks for what we cannot do is an error: it was set by someone who relies on it. */

#include "base/strv.h"
#include "config/command-line.h"
#include "config/option-parse.h"

#include <string.h>

static const struct {
        const char *variable;
        const char *option; /* long name; NULL: cannot be changed */
        int only;           /* the boolean that is the state of affairs anyway, where it is NULL */
} variables[] = {
        { "SYSTEMD_NSPAWN_CONTAINER_SERVICE", "container-service", -1 },
        { "SYSTEMD_NSPAWN_API_VFS_WRITABLE", "api-writable", -1 },
        { "SYSTEMD_NSPAWN_TMPFS_TMP", "temporary-tmp", -1 },
        { "SYSTEMD_NSPAWN_CHECK_OS_RELEASE", "check-os-release", -1 },
        { "SYSTEMD_NSPAWN_NETWORK_MAC", "network-mac-address", -1 },
        { "SYSTEMD_SUPPRESS_SYNC", "suppress-sync", -1 },
        { "SYSTEMD_NSPAWN_LOCK", NULL, 1 },
        { "SYSTEMD_NSPAWN_USE_CGNS", NULL, 1 },
        { "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", NULL, 1 },
        { "SYSTEMD_NSPAWN_SHARE_NS_IPC", NULL, 0 },
        { "SYSTEMD_NSPAWN_SHARE_NS_PID", NULL, 0 },
        { "SYSTEMD_NSPAWN_SHARE_NS_UTS", NULL, 0 },
        { "SYSTEMD_NSPAWN_SHARE_SYSTEM", NULL, 0 },
};

static int add_variable(size_t i, const char *value, Assignments *a, Error *error)
{
        const char *variable = variables[i].variable;
        _cleanup_free_ char *origin = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        const Option *o;
        int r;

        option_printable(value, &text);
        if (!variables[i].option) {
                if (parse_boolean(value) == variables[i].only)
                        return 0;
                r = error_set(error, EOPNOTSUPP, "$%s=%s is not supported by this version",
                              variable, text.data ?: "");
                error_hint(error, "unset %s", variable);
                return r;
        }
        o = option_by_name(variables[i].option);
        r = option_check(o, value, error);
        if (r < 0) {
                r = error_prefix(error, "$%s=%s", variable, text.data ?: "");
                error_hint(error, "unset %s", variable);
                return r;
        }
        if (asprintf(&origin, "$%s", variable) < 0) {
                origin = NULL;
                return -ENOMEM;
        }
        return assignments_add(a, o, value, origin, true);
}

int command_line_environment(char *const *environment, Assignments *ret, Error *error)
{
        _cleanup_assignments_ Assignments a = ASSIGNMENTS_NULL;

        for (size_t i = 0; i < ELEMENTSOF(variables); i++) {
                const char *value = strv_env_get(environment, variables[i].variable);
                int r = value && *value ? add_variable(i, value, &a, error) : 0;

                if (r < 0)
                        return r == -ENOMEM ? error_errno(error, ENOMEM,
                                                          "Failed to read the environment")
                                            : r;
        }
        assignments_done(ret);
        *ret = a;
        a = ASSIGNMENTS_NULL;
        return 0;
}
