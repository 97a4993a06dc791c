/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Brings the loopback interface of the current network namespace up. */
int loopback_up(void);
