/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One row a method. */

#include "service/access-rules.h"

#include "base/cleanup.h"
#include "service/names.h"

#include <string.h>

DEFINE_STRING_TABLE(access_action, AccessAction, NULL, "org.stead1.inspect",
                    "org.stead1.manage-machines", "org.stead1.set-resources", "org.stead1.login",
                    "org.stead1.shell", "org.stead1.exec");

static const AccessRule rules[] = {
        { "org.freedesktop.DBus.Peer", "Ping", ACCESS_FREE },
        { "org.freedesktop.DBus.Peer", "GetMachineId", ACCESS_FREE },
        { "org.freedesktop.DBus.Introspectable", "Introspect", ACCESS_INSPECT },
        { "org.freedesktop.DBus.Properties", "Get", ACCESS_INSPECT },
        { "org.freedesktop.DBus.Properties", "GetAll", ACCESS_INSPECT },
        { "org.freedesktop.DBus.Properties", "Set", ACCESS_INSPECT }, /* there is none to set */

        { STEAD1_MANAGER, "ListDefinitions", ACCESS_INSPECT },
        { STEAD1_MANAGER, "ListMachines", ACCESS_INSPECT },
        { STEAD1_MANAGER, "ListJobs", ACCESS_INSPECT },
        { STEAD1_MANAGER, "GetMachine", ACCESS_INSPECT },
        { STEAD1_MANAGER, "GetMachineByPID", ACCESS_INSPECT },
        { STEAD1_MANAGER, "Subscribe", ACCESS_INSPECT },
        { STEAD1_MANAGER, "Unsubscribe", ACCESS_INSPECT },
        { STEAD1_MANAGER, "Check", ACCESS_INSPECT, true },
        { STEAD1_MANAGER, "Plan", ACCESS_INSPECT, true },
        { STEAD1_MANAGER, "Diff", ACCESS_INSPECT, true },
        { STEAD1_MANAGER, "Start", ACCESS_MANAGE },
        { STEAD1_MANAGER, "Stop", ACCESS_MANAGE },
        { STEAD1_MANAGER, "Reboot", ACCESS_MANAGE },
        { STEAD1_MANAGER, "Restart", ACCESS_MANAGE },
        { STEAD1_MANAGER, "Update", ACCESS_MANAGE },
        { STEAD1_MANAGER, "Rollback", ACCESS_MANAGE },
        { STEAD1_MANAGER, "Kill", ACCESS_MANAGE },
        { STEAD1_MANAGER, "Apply", ACCESS_MANAGE },
        { STEAD1_MANAGER, "Set", ACCESS_SET },
        { STEAD1_MANAGER, "OpenLogin", ACCESS_LOGIN },
        { STEAD1_MANAGER, "OpenShell", ACCESS_SHELL },
        { STEAD1_MANAGER, "OpenConsole", ACCESS_SHELL }, /* root may have left a shell there */
        { STEAD1_MANAGER, "Exec", ACCESS_EXEC },

        { STEAD1_MACHINE, "Stop", ACCESS_MANAGE },
        { STEAD1_MACHINE, "Reboot", ACCESS_MANAGE },
        { STEAD1_MACHINE, "Kill", ACCESS_MANAGE },
        { STEAD1_MACHINE, "GetAddresses", ACCESS_INSPECT },
        { STEAD1_MACHINE, "GetOSRelease", ACCESS_INSPECT },

        /* of somebody else's; one's own are free, see access.c */
        { STEAD1_JOB, "Cancel", ACCESS_MANAGE },
        { STEAD1_JOB, "Wait", ACCESS_MANAGE },
        { STEAD1_PROCESS, "Kill", ACCESS_EXEC },
        { STEAD1_PROCESS, "Wait", ACCESS_EXEC },
};

const AccessRule *access_rule_find(const char *interface, const char *member)
{
        if (!interface || !member)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                if (strcmp(rules[i].interface, interface) == 0 &&
                    strcmp(rules[i].member, member) == 0)
                        return &rules[i];
        return NULL;
}
