/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What we have to know of the host's systemd-networkd. */

#include <stdbool.h>

/* Whether it runs now, and so gives addresses to links that are called as its shipped files say. */
bool networkd_runs(void);
/* The host's end @link of a machine whose addresses are ours: networkd would give it others by its
 * shipped file, and take ours away whenever it is restarted. @alone: before the link is made; else
 * after its end. It has heard of it when this returns; on a host without it nothing is done. */
void networkd_leave_alone(const char *link, bool alone);
