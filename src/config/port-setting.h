/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ports of the host that lead into a machine (Port=). As systemd-nspawn writes them, and besides
 * ranges, and an address of the host to which they are bound. */

#include "config/address-setting.h"

typedef struct PortSetting {
        int protocol;           /* IPPROTO_TCP or IPPROTO_UDP */
        AddressSetting address; /* of the host; .family AF_UNSPEC: every address, both families */
        uint16_t host, machine; /* the first port of either side */
        uint16_t n;             /* so many, one by one; at least 1 */
        char *origin;           /* "file:line" or "--port", for messages */
} PortSetting;

typedef struct PortSettings {
        PortSetting *items; /* no two take the same port of the host */
        size_t n;
} PortSettings;

void port_settings_done(PortSettings *p);

/* [tcp:|udp:][ADDRESS:]HOST[-LAST][:MACHINE[-LAST]]. The message is the reason only. */
int port_setting_parse(const char *text, PortSetting *ret, Error *error);
/* Parses and adds. One that is there already, letter by letter or in other words, is fine; one that
 * overlaps with another is not. */
int port_settings_add(PortSettings *p, const char *text, const char *origin, Error *error);
/* Appends "tcp:127.0.0.1:8080:80", leaving out what need not be said. */
void port_setting_format(const PortSetting *p, Buffer *out);
