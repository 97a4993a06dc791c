/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Extended attributes of both sides of a copy. */

#include "image/copy-attribute.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "image/acl.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#define NOBODY 65534U

static ssize_t list(CopyPlace p, char *names, size_t size)
{
        return p.fd >= 0 ? flistxattr(p.fd, names, size) : llistxattr(p.name, names, size);
}

static ssize_t get(CopyPlace p, const char *name, void *value, size_t size)
{
        return p.fd >= 0 ? fgetxattr(p.fd, name, value, size)
                         : lgetxattr(p.name, name, value, size);
}

static int set(CopyPlace p, const char *name, const void *value, size_t size)
{
        int r = p.fd >= 0 ? fsetxattr(p.fd, name, value, size, 0)
                          : lsetxattr(p.name, name, value, size, 0);

        return r < 0 ? -errno : 0;
}

/* State of an overlay is not content: as a copy it would be somebody else's. */
static bool is_copied(const char *name)
{
        return strncmp(name, "trusted.overlay.", 16) != 0 &&
               strncmp(name, "user.overlay.", 13) != 0;
}

/* A user that has no number on our side reads as -1. */
static uint32_t known_or_nobody(uint32_t id, void *userdata)
{
        const uint32_t *size = userdata;

        return id == UINT32_MAX || (*size > 0 && id >= *size) ? NOBODY : id;
}

static int send_one(int socket_fd, CopyPlace place, const char *name, char *value, CopyLoss *loss)
{
        CopyEntry entry = COPY_ENTRY_NULL;
        ssize_t n = get(place, name, value, COPY_TEXT_MAX);
        uint32_t all = 0;

        if (n < 0) {
                loss->attribute = loss->attribute || errno != ENODATA;
                return 0;
        }
        if (acl_is_attribute(name) && acl_map_ids(value, (size_t)n, known_or_nobody, &all) > 0)
                loss->owner = true;
        entry.kind = COPY_ATTRIBUTE;
        entry.name = name;
        entry.text = value;
        entry.text_size = (size_t)n;
        return copy_entry_send(socket_fd, &entry);
}

int copy_attributes_send(int socket_fd, CopyPlace place, CopyLoss *loss)
{
        _cleanup_free_ char *names = NULL, *value = NULL;
        ssize_t size = list(place, NULL, 0);
        int r = 0;

        if (size <= 0) /* none, or a file system that knows none */
                return 0;
        names = malloc((size_t)size);
        value = malloc(COPY_TEXT_MAX);
        if (!names || !value)
                return -ENOMEM;
        size = list(place, names, (size_t)size);
        if (size < 0) {
                loss->attribute = true; /* there are more than just before */
                return 0;
        }
        for (const char *name = names; r >= 0 && name < names + size; name += strlen(name) + 1)
                if (is_copied(name))
                        r = send_one(socket_fd, place, name, value, loss);
        return r;
}

void copy_attributes_clear(CopyAttributes *a)
{
        for (size_t i = 0; i < a->n; i++) {
                free(a->list[i].name);
                free(a->list[i].value);
        }
        free(a->list);
        *a = (CopyAttributes){};
}

int copy_attributes_add(CopyAttributes *a, const CopyEntry *entry)
{
        CopyAttribute *grown = reallocarray(a->list, a->n + 1, sizeof(CopyAttribute)), *one;

        if (!grown)
                return -ENOMEM;
        a->list = grown;
        one = &grown[a->n];
        *one = (CopyAttribute){ .name = strdup(entry->name),
                                .value = malloc(entry->text_size + 1),
                                .size = entry->text_size };
        if (!one->name || !one->value) {
                free(one->name);
                free(one->value);
                return -ENOMEM;
        }
        memcpy(one->value, entry->text, entry->text_size);
        a->n++;
        return 0;
}

void copy_attributes_apply(const CopyAttributes *a, CopyPlace place, uint32_t size, CopyLoss *loss)
{
        for (size_t i = 0; i < a->n; i++) {
                CopyAttribute *one = &a->list[i];

                if (acl_is_attribute(one->name) &&
                    acl_map_ids(one->value, one->size, known_or_nobody, &size) > 0)
                        loss->owner = true;
                /* labels of SELinux are each system's own matter */
                if (set(place, one->name, one->value, one->size) < 0 &&
                    strcmp(one->name, "security.selinux") != 0)
                        loss->attribute = true;
        }
}

void copy_attributes_disinherit(CopyPlace place)
{
        static const char *const names[] = { "system.posix_acl_access",
                                             "system.posix_acl_default" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (place.fd >= 0)
                        (void)fremovexattr(place.fd, names[i]); /* mostly there is none */
}
