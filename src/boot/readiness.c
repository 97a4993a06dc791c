/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readiness of inits without sd_notify, by the names of PID 1's children. */

#include "boot/readiness.h"

#include "base/fd.h"
#include "base/strv.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Long enough for an init to have begun its scripts, so that their absence means their end. */
#define SETTLE_USEC (2 * USEC_PER_SEC)

bool readiness_is_announced(InitKind kind)
{
        return kind == INIT_SYSTEMD;
}

static bool is_one_of(const char *name, const char *const *names)
{
        for (; *names; names++)
                if (strcmp(name, *names) == 0)
                        return true;
        return false;
}

/* Whether one of @names is a child of @pid. */
static bool has_child(pid_t pid, const char *const *names)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **children = NULL;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
        if (read_file_at(AT_FDCWD, path, 1 << 20, &text) < 0 ||
            strv_split(text, " ", &children) < 0)
                return false;
        STRV_FOREACH (c, children) {
                _cleanup_free_ char *comm = NULL;

                (void)snprintf(path, sizeof(path), "/proc/%s/comm", *c);
                if (read_file_at(AT_FDCWD, path, 64, &comm) < 0)
                        continue;
                comm[strcspn(comm, "\n")] = '\0';
                if (is_one_of(comm, names))
                        return true;
        }
        return false;
}

bool readiness_check(InitKind kind, pid_t pid, uint64_t age_usec)
{
        static const char *const logins[] = { "getty", "agetty", "login", "sulogin",
                                              "bash",  "sh",     NULL };
        static const char *const scripts[] = { "rc", "rcS", "startpar", "openrc", "init", NULL };
        static const char *const supervisors[] = { "runsvdir", "s6-svscan", "s6-supervise", NULL };

        switch (kind) {
        case INIT_SYSVINIT:
        case INIT_OPENRC:
        case INIT_BUSYBOX:
                return !has_child(pid, scripts) &&
                       (has_child(pid, logins) || age_usec > SETTLE_USEC);
        case INIT_RUNIT:
        case INIT_S6:
                return has_child(pid, supervisors);
        case INIT_SYSTEMD:
                return false;
        case INIT_NONE:
        case INIT_OTHER:
        case _INIT_KIND_MAX:
        case _INIT_KIND_INVALID:
                break;
        }
        return true;
}
