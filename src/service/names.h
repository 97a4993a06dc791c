/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names by which org.stead1 is known on the bus. */

#define STEAD1_NAME "org.stead1"
#define STEAD1_PATH "/org/stead1"
#define STEAD1_MANAGER "org.stead1.Manager"
#define STEAD1_MACHINE "org.stead1.Machine"
#define STEAD1_MACHINE_PREFIX "/org/stead1/machine"
#define STEAD1_JOB "org.stead1.Job"
#define STEAD1_JOB_PREFIX "/org/stead1/job"
#define STEAD1_PROCESS "org.stead1.Process"
#define STEAD1_PROCESS_PREFIX "/org/stead1/process"
#define STEAD1_ERROR "org.stead1.Error."
