/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts from which boot_plan_new() puts a plan together; for plan*.c only. Each takes what it
 * needs out of the settings and fills its fields of the plan. */

#include "boot/plan.h"

#include <sys/stat.h>

/* plan-identity.c */
/* The directory of that name, or with @suffix ".raw" the disk image, where trees are kept; -ENOENT:
 * there is none. */
int plan_find_tree(const char *name, const char *suffix, char **ret);
int plan_directory(BootPlan *plan, Settings *s, Error *error);
int plan_layers(BootPlan *plan, const LayerRoot *layers, Error *error);
int plan_disk(BootPlan *plan, Settings *s, const DiskRoot *disk, Error *error);
int plan_name(BootPlan *plan, Settings *s, Error *error);
int plan_uuid(BootPlan *plan, const Settings *s, int root_fd, Error *error);
int plan_os_release(BootPlan *plan, const Settings *s, int root_fd, Error *error);

/* plan-users.c: user namespace, ownership, users of the host. @root: of the tree's top directory.
 */
int plan_users(BootPlan *plan, const Settings *s, const struct stat *root, int root_fd,
               Error *error);
int plan_systemd_age(BootPlan *plan, int root_fd, Error *error);

/* plan-process.c */
int plan_program(BootPlan *plan, Settings *s, int root_fd, Error *error);
int plan_user(BootPlan *plan, Settings *s, int root_fd, Error *error);
int plan_environment(BootPlan *plan, const Settings *s, Error *error);
int plan_limits(BootPlan *plan, const Settings *s, Error *error);

/* plan-architecture.c: after the mounts are known. */
int plan_architecture(BootPlan *plan, int root_fd, Error *error);

/* plan-print-network.c: what is printed of a network, lists of lines. -ENOMEM. */
typedef struct PlanNetworkLines {
        char **links, **addresses, **gateways, **dns, **ports;
} PlanNetworkLines;
int plan_network_lines(const NetworkPlan *plan, PlanNetworkLines *ret);
void plan_network_lines_done(PlanNetworkLines *lines);
