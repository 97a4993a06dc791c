/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What forwarding for machines changed in the host's settings, in a file that outlives us:
 *
 *         link ve-web
 *         set ipv4/conf/eth0/forwarding 0 1
 *
 * A link that forwarding was wanted for, and a setting with its value before and by us. The file is
 * written before a setting is, so that what we changed always stands in it. */

#include "base/error.h"

#include <stddef.h>

#define FORWARDING_FOLDER "/run/stead/network"
#define FORWARDING_RECORD FORWARDING_FOLDER "/.forwarding"

typedef struct SettingChange {
        char *name; /* as sysctl.h has it */
        char *before, *after;
} SettingChange;

typedef struct ForwardingRecord {
        SettingChange *changes; /* in the order in which they are made */
        size_t n_changes;
        char **links;
} ForwardingRecord;

#define FORWARDING_RECORD_NULL ((ForwardingRecord){})

void forwarding_record_done(ForwardingRecord *record);
#define _cleanup_forwarding_record_ _cleanup_(forwarding_record_done)

/* Without a file the record is empty. -EBADMSG: it is not one that we wrote. */
int forwarding_record_read(ForwardingRecord *ret, Error *error);
/* Replaces the file at once; an empty record removes it. Under the lock of forwarding.c. */
int forwarding_record_write(const ForwardingRecord *record, Error *error);

const SettingChange *forwarding_record_find(const ForwardingRecord *record, const char *name);
/* Appends; -ENOMEM. */
int forwarding_record_add(ForwardingRecord *record, const char *name, const char *before,
                          const char *after);
/* Forgets @link (NULL: none), and those that the host has no more. */
void forwarding_record_drop_links(ForwardingRecord *record, const char *link);
