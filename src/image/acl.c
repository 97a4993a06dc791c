/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changing the ids of an ACL in place. */

#include "image/acl.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define ACL_VERSION 2
#define ACL_USER 0x02
#define ACL_GROUP 0x08

typedef struct AclEntry {
        uint16_t tag, permissions;
        uint32_t id;
} AclEntry;

bool acl_is_attribute(const char *name)
{
        return strcmp(name, "system.posix_acl_access") == 0 ||
               strcmp(name, "system.posix_acl_default") == 0;
}

int acl_map_ids(void *value, size_t size, AclMap map, void *userdata)
{
        char *p = value, *end = p + size;
        uint32_t version;
        bool changed = false;

        if (size < sizeof(version) || (size - sizeof(version)) % sizeof(AclEntry) != 0)
                return -EINVAL;
        memcpy(&version, p, sizeof(version));
        if (le32toh(version) != ACL_VERSION)
                return -EINVAL;
        for (p += sizeof(version); p < end; p += sizeof(AclEntry)) {
                AclEntry entry;
                uint32_t id;

                memcpy(&entry, p, sizeof(entry));
                if (le16toh(entry.tag) != ACL_USER && le16toh(entry.tag) != ACL_GROUP)
                        continue;
                id = map(le32toh(entry.id), userdata);
                changed = changed || id != le32toh(entry.id);
                entry.id = htole32(id);
                memcpy(p, &entry, sizeof(entry));
        }
        return changed;
}
