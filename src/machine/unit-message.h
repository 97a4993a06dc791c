/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The talk between a launcher and its stead-unit, which speaks to systemd and machined for it, over
 * one SOCK_SEQPACKET pair:
 *
 *   launcher                                stead-unit
 *       | -- SCOPE name, properties --------> | makes the scope and sits down in it
 *       | <------------ OK unit, cgroup ----- |
 *       | -- REGISTER leader, id, ... ------> |
 *       | <------------------------- OK ----- |
 *       | -- SET unit, properties ----------> |
 *       | <------------------------- OK ----- |
 *       | -- UNREGISTER name ---------------> |
 *       | <------------------------- OK ----- |
 *       | <----------------------- STOP ----- | at any time: systemd asks for an orderly stop
 *
 * Each request gets one answer, OK or FAILED, in order. Either side's end is the other's end of
 * file. A message is a word and KEY=VALUE fields, all in one datagram. */

#include "base/error.h"

#define UNIT_MESSAGE_MAX 65536

typedef enum UnitVerb {
        UNIT_SCOPE,      /* name, slice, description, stop-timeout-usec, property... */
        UNIT_REGISTER,   /* name, id, service, root, leader, interface (by number) */
        UNIT_UNREGISTER, /* name */
        UNIT_SET,        /* unit, property... */
        UNIT_OK,         /* of SCOPE: unit, cgroup */
        UNIT_FAILED,     /* number, message, hint */
        UNIT_STOP,
        _UNIT_VERB_MAX,
        _UNIT_VERB_INVALID = -EINVAL,
} UnitVerb;

int unit_message_send(int fd, UnitVerb verb, char *const *fields);
/* The same with number, message and hint of @error. */
int unit_message_send_error(int fd, const Error *error);
/* Waits @timeout_ms (-1: for ever). 0: a message came; -ENODATA: end of file; -EAGAIN: nothing in
 * time; -EBADMSG. The caller frees @ret_fields. */
int unit_message_receive(int fd, int timeout_ms, UnitVerb *ret_verb, char ***ret_fields);
/* A field's first value, or NULL. */
const char *unit_message_field(char *const *fields, const char *key);
/* Sets @error from the fields of FAILED; returns its negative errno. */
int unit_message_error(char *const *fields, Error *error);
