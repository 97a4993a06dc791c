/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of what is known but not supported. A row leaves this file when it enters the option
 * table. */

#include "config/later-option.h"

#include "base/cleanup.h"

#include <string.h>

static const char *const options[] = {
        "image",          "image-policy", "oci-bundle",         "root-hash",
        "root-hash-sig",  "verity-data",  "network-interface",  "network-macvlan",
        "network-ipvlan", "network-veth", "network-veth-extra", "network-bridge",
        "network-zone",   "port",         "share-system",       "bind-user-shell",
};

static const LaterKey keys[] = {
        { "Network", "VirtualEthernet", .private_network = true },
        { "Network", "VirtualEthernetExtra", .private_network = true },
        { "Network", "Interface", .private_network = true },
        { "Network", "MACVLAN", .private_network = true },
        { "Network", "IPVLAN", .private_network = true },
        { "Network", "Bridge", .private_network = true },
        { "Network", "Zone", .private_network = true },
        { "Network", "Port" },
        { "Network", "Address" },
        { "Network", "Gateway" },
        { "Network", "DNS" },
        { "Network", "Pod" },
        { "Resources", "DiskMax" },
        { "Image", "Layers" },
        { "Image", "Image" },
        { "Image", "OCI" },
};

bool later_option(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (strcmp(options[i], name) == 0)
                        return true;
        return false;
}

bool later_letter(char letter)
{
        return letter != '\0' && strchr("inp", letter);
}

const LaterKey *later_key(const char *section, const char *key)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].key, key) == 0)
                        return &keys[i];
        return NULL;
}
