/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's databases of users and groups with all their sources (LDAP, systemd, ...), asked
 * through getent(1): its modules are shared libraries, which a static program cannot take in. */

/* Looks up @key in @database ("passwd", "group", "shadow"). 1 and the entry's fields, 0 if there is
 * none, negative errno if it cannot be asked. The caller frees the fields with strv_free(). */
int name_service_find(const char *database, const char *key, char ***ret_fields);
