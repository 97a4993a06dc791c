/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An IPv4 or IPv6 address with the size of its network, as Address=, Gateway=, DNS= and their like
 * take it. Text only: whether an address is free is the network's question. */

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct AddressSetting {
        int family;        /* AF_INET, AF_INET6, or AF_UNSPEC: none */
        unsigned prefix;   /* 32 or 128 where none was given */
        uint8_t bytes[16]; /* network order; the first 4 for AF_INET, the rest 0 */
} AddressSetting;

typedef struct AddressSettings {
        AddressSetting *items; /* in the order given, none twice */
        size_t n;
} AddressSettings;

void address_settings_done(AddressSettings *a);
/* Adds a copy; one that is there already stays where it is. -ENOMEM only. */
int address_settings_add(AddressSettings *a, const AddressSetting *address);

/* "IPv4" or "IPv6", for messages. */
const char *address_family_name(int family);

/* ADDRESS[/PREFIX] of any kind. The message is the reason only. */
int address_setting_parse(const char *text, AddressSetting *ret, Error *error);
/* The same for an address that a link of a machine can have: no network, no broadcast address, not
 * loopback, multicast or unspecified. */
int address_setting_parse_own(const char *text, AddressSetting *ret, Error *error);
/* ADDRESS without a prefix, of another host: not multicast or unspecified. */
int address_setting_parse_peer(const char *text, AddressSetting *ret, Error *error);
/* A network: the bits beyond the prefix must be 0. */
int address_setting_parse_network(const char *text, AddressSetting *ret, Error *error);

/* The same address, whatever the prefix. */
bool address_setting_equal(const AddressSetting *a, const AddressSetting *b);
/* Whether @address is in the network that @network's prefix makes of it. */
bool address_setting_contains(const AddressSetting *network, const AddressSetting *address);
bool address_setting_is_link_local(const AddressSetting *a);
/* 0.0.0.0 or :: */
bool address_setting_is_unspecified(const AddressSetting *a);

/* Appends "192.0.2.5/24"; without a prefix if that is the whole address. */
void address_setting_format(const AddressSetting *a, Buffer *out);
