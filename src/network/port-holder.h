/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which process of the host has a port that a machine is to publish. A port of the host that is
 * listened on would be taken from its listener without a word, so it is refused. */

#include "network/published.h"

typedef struct PortHolder {
        uint16_t port;
        pid_t pid; /* 0: not known, e.g. a process that we may not look into, or the kernel */
        char *command;
        char *unit; /* "nginx.service"; NULL if it is in none */
} PortHolder;

#define PORT_HOLDER_NULL ((PortHolder){})
#define _cleanup_port_holder_ _cleanup_(port_holder_done)

void port_holder_done(PortHolder *holder);

/* 1 and the holder of the first taken port of @port in our network namespace, 0 if all are free. */
int port_holder_find(const PublishedPort *port, PortHolder *ret);
/* -EADDRINUSE: "Port 80/tcp of the host is held by nginx (pid 812, nginx.service)". */
int port_holder_refuse(const PublishedPort *port, const PortHolder *holder, Error *error);
