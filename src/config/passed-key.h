/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keys of a definition that are systemd's: [Unit], [Service], [Install] and [Resources]. systemd
 * reads past what it does not understand, so that a slip of the hand costs a dependency or a limit;
 * they are checked here as far as they can be without a host. */

#include "config/diagnostics.h"

#include <stdbool.h>

/* Of the definition of @machine. 0, or a negative errno with @error. A key that is not known to
 * systemd 257 but may be to a newer one is DIAGNOSTIC_WARNING in @ret_severity, anything else
 * DIAGNOSTIC_ERROR. */
int passed_key_check(const char *machine, const char *section, const char *key, const char *value,
                     DiagnosticSeverity *ret_severity, Error *error);

/* Whether a later value replaces this key's earlier ones instead of adding to them. An empty value
 * takes them back in either case. Only [Resources] and [Install] are read by us, the rest is left
 * to systemd. */
bool passed_key_replaces(const char *section, const char *key);
bool passed_key_resets(const char *section, const char *value);
