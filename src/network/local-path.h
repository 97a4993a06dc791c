/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a published port needs beside the table to be answered on 127.0.0.1 and ::1: answers for
 * loopback addresses are let in from the machine's link. Both settings are the link's and go with
 * it. Only after the table is there, whose guard drops what the machine itself sends there. */

/* @interface is up. -ENODEV: there is no such link. A family that the host does not have is left
 * out. */
int local_path_open(const char *interface);
