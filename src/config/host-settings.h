/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /etc/stead/stead.conf: what the admin says about this host and all its machines together. What is
 * said about one machine is in its definition. */

#include "config/diagnostics.h"

#define HOST_SETTINGS_PATH "/etc/stead/stead.conf"

typedef struct HostSettings {
        unsigned start_parallel; /* 0: by the number of processors */
        unsigned start_turn;     /* seconds */
        /* per cent of the time in which something waits for it; 100: any will do */
        unsigned start_cpu_pressure, start_io_pressure, start_memory_pressure;
} HostSettings;

extern const HostSettings host_settings_default;

/* Reads @path over the defaults; a missing file is none. What is wrong goes to @diagnostics and
 * leaves the default in force. Fails only for lack of memory, or if the file cannot be read. */
int host_settings_load(const char *path, HostSettings *ret, Diagnostics *diagnostics, Error *error);

/* The same from @text, which is torn apart, over what @settings has. For tests and the fuzzer too.
 * Fails only for lack of memory. */
int host_settings_parse(const char *path, char *text, HostSettings *settings,
                        Diagnostics *diagnostics);
