/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The supervisor's console socket, /run/stead/machines/NAME/console (SOCK_SEQPACKET, root only).
 * A client first gets what the console log holds from then on as plain packets of output; it sends
 * packets whose first byte says what they are. */

#include "base/error.h"

#include <stdint.h>

#define CONTROL_PACKET_MAX 4096U

typedef enum ControlType {
        CONTROL_INPUT = 'i', /* bytes typed */
        CONTROL_SIZE = 'w',  /* ControlSize: the client's window */
} ControlType;

typedef struct ControlSize {
        uint8_t type;
        uint8_t zero;
        uint16_t rows, columns;
} __attribute__((packed)) ControlSize;

/* Client: connects. -ENXIO when the machine is not running or has no console. */
int control_connect(const char *name, int *ret_fd, Error *error);
/* Supervisor: listens, non-blocking. */
int control_listen(int directory_fd, int *ret_fd, Error *error);
