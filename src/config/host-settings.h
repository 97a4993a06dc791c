/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /etc/stead/stead.conf: what the admin says about this host and all its machines together. What is
 * said about one machine is in its definition. */

#include "base/parse.h"
#include "config/address-setting.h"
#include "config/diagnostics.h"

#define HOST_SETTINGS_PATH "/etc/stead/stead.conf"

typedef struct HostSettings {
        unsigned start_parallel; /* 0: by the number of processors */
        unsigned start_turn;     /* seconds */
        /* per cent of the time in which something waits for it; 100: any will do */
        unsigned start_cpu_pressure, start_io_pressure, start_memory_pressure;
        AddressSetting network_pool;  /* IPv4 network for machines without addresses of their own */
        AddressSetting network_pool6; /* /48 of unique local addresses; AF_UNSPEC: see below */
} HostSettings;

extern const HostSettings host_settings_default;

/* Reads @path over the defaults; a missing file is none. What is wrong goes to @diagnostics and
 * leaves the default in force. Fails only for lack of memory, or if the file cannot be read. */
int host_settings_load(const char *path, HostSettings *ret, Diagnostics *diagnostics, Error *error);

/* The same from @text, which is torn apart, over what @settings has. For tests and the fuzzer too.
 * Fails only for lack of memory. */
int host_settings_parse(const char *path, char *text, HostSettings *settings,
                        Diagnostics *diagnostics);

/* The IPv6 pool that is in force: the one given, or one that is made of the host's @machine_id, so
 * that no two hosts have the same (RFC 4193) and every boot has this one. */
AddressSetting host_settings_pool6(const HostSettings *settings, const Id128 *machine_id);
