/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All files of /run/stead/network, and who may have a port. */

#include "network/published-list.h"

#include <fcntl.h>
#include <string.h>

void published_list_done(PublishedList *list)
{
        for (size_t i = 0; i < list->n; i++)
                published_done(&list->items[i]);
        free(list->items);
        *list = PUBLISHED_LIST_NULL;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const Published *)a)->machine, ((const Published *)b)->machine);
}

static int list_add(PublishedList *list, int dirfd, const char *name, Error *error)
{
        _cleanup_error_ Error cause = ERROR_NULL;
        Published *grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
        int r;

        if (!grown)
                return error_set(error, ENOMEM, "Out of memory");
        list->items = grown;
        grown[list->n] = PUBLISHED_NULL;
        r = published_read(dirfd, name, &grown[list->n], &cause);
        if (r == -ENOMEM)
                return error_move(error, &cause);
        if (r >= 0)
                list->n++;
        else if (r != -ENOENT) /* gone meanwhile */
                fprintf(stderr, "%s, ignoring it\n", cause.message);
        return 0;
}

int published_list_read(int dirfd, PublishedList *ret, Error *error)
{
        _cleanup_published_list_ PublishedList list = PUBLISHED_LIST_NULL;
        int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d)
                return error_errno(error, errno, "Failed to open '" PUBLISHED_DIRECTORY "'");
        for (struct dirent *e; (e = readdir(d));) {
                /* the lock, and files that are being written */
                int r = e->d_name[0] == '.' ? 0 : list_add(&list, dirfd, e->d_name, error);

                if (r < 0)
                        return r;
        }
        if (list.n > 0)
                qsort(list.items, list.n, sizeof(*list.items), compare_names);
        *ret = list;
        list = PUBLISHED_LIST_NULL;
        return 0;
}

const Published *published_list_find(const PublishedList *list, const char *machine)
{
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->items[i].machine, machine) == 0)
                        return &list->items[i];
        return NULL;
}

static const PublishedPort *find_overlap(const Published *other, const PublishedPort *port)
{
        for (size_t i = 0; i < other->n_ports; i++)
                if (published_port_overlaps(&other->ports[i], port))
                        return &other->ports[i];
        return NULL;
}

static int refuse(const Published *p, const Published *holder, const PublishedPort *port,
                  const PublishedPort *held, Error *error)
{
        error_set(error, EADDRINUSE, "Port %u/%s of the host is published by machine '%s'",
                  MAX_OF(port->first, held->first), port->protocol == IPPROTO_UDP ? "udp" : "tcp",
                  holder->machine);
        error_hint(error, "give machine '%s' another port, or stop '%s'", p->machine,
                   holder->machine);
        return -EADDRINUSE;
}

int published_list_check(const PublishedList *list, const Published *p, const char **ret_holder,
                         Error *error)
{
        for (size_t i = 0; i < list->n; i++) {
                const Published *other = &list->items[i];

                if (strcmp(other->machine, p->machine) == 0)
                        continue;
                for (size_t j = 0; j < p->n_ports; j++) {
                        const PublishedPort *held = find_overlap(other, &p->ports[j]);

                        if (!held)
                                continue;
                        if (ret_holder)
                                *ret_holder = other->machine;
                        return refuse(p, other, &p->ports[j], held, error);
                }
        }
        return 0;
}
