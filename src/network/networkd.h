/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What we have to know of the host's systemd-networkd. */

#include <stdbool.h>

/* Whether it runs now, and so gives addresses to links that are called as its shipped files say. */
bool networkd_runs(void);
