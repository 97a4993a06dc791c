/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Working on a running machine's file systems from inside: a process of ours that joins the
 * machine's mount and user namespace has there the rights of the machine's root and nowhere else
 * any. It stays in our pid namespace, so that nothing in the machine can see or touch it. */

#include "machine/machine.h"

/* The machine's root directory, seen with our rights: to look, not to open what a hostile machine
 * could have put there. -ENXIO when it has ended. */
int machine_open_root(const Machine *m, Error *error);

/* For an errand's child: joins, becomes root of the machine with all rights that it has in its user
 * namespace (without one: with those of its PID 1), and makes its root ours. */
int machine_join(const Machine *m, Error *error);
