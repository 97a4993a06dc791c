/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The table of methods, and the actions of polkit (dbus/org.stead1.policy.in) that they need. */

#include "base/string-table.h"

#include <errno.h>
#include <stdbool.h>

typedef enum AccessAction {
        ACCESS_FREE, /* says nothing about machines */
        ACCESS_INSPECT,
        ACCESS_MANAGE,
        ACCESS_SET,
        ACCESS_LOGIN,
        ACCESS_SHELL,
        ACCESS_EXEC,
        _ACCESS_ACTION_MAX,
        _ACCESS_ACTION_INVALID = -EINVAL,
} AccessAction;
/* The id of the action: "org.stead1.inspect"; NULL for the first. */
DECLARE_STRING_TABLE(access_action, AccessAction);

typedef struct AccessRule {
        const char *interface, *member;
        AccessAction action;
        bool definition; /* shows a definition: one that not all may read needs ACCESS_MANAGE */
} AccessRule;

/* NULL: there is no such method. */
const AccessRule *access_rule_find(const char *interface, const char *member);
