/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps of bind mounts. On an idmapped mount, an id on disk is looked up inside of the given user
 * namespace, and what it is outside is shown: so "outside" is a number of the host that lies in the
 * machine's range. */

#include "machine/bind-owners.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdlib.h>

/* A stretch of ids that another entry has taken. */
typedef struct Taken {
        uint32_t first, count;
} Taken;

static int by_first(const void *a, const void *b)
{
        const Taken *x = a, *y = b;

        return x->first < y->first ? -1 : x->first > y->first;
}

/* What is neither the source nor the target of an entry stays itself. */
static unsigned add_others(const BindMap *map, const BindRange *range, uint32_t size, IdMap *ret)
{
        Taken taken[2 * BIND_MAP_MAX];
        uint64_t next = 0;
        unsigned n = 0, n_taken = 0;

        for (unsigned i = 0; i < map->n; i++) {
                taken[n_taken++] = (Taken){ map->ids[i].source, map->ids[i].count };
                taken[n_taken++] = (Taken){ map->ids[i].machine, map->ids[i].count };
        }
        qsort(taken, n_taken, sizeof(Taken), by_first);
        for (unsigned i = 0; i < n_taken && next < size; i++) {
                uint32_t first = taken[i].first;

                if (first > next) {
                        uint32_t end = MIN_OF(first, size), start = (uint32_t)next;

                        ret[n++] = (IdMap){ start, range->base + start, end - start };
                }
                next = MAX_OF(next, (uint64_t)first + taken[i].count);
        }
        if (next < size)
                ret[n++] = (IdMap){ (uint32_t)next, range->base + (uint32_t)next,
                                    size - (uint32_t)next };
        return n;
}

int bind_owners_map(const BindMap *map, bool others, const BindRange *range,
                    IdMap ret[static BIND_OWNERS_MAX], unsigned *ret_n)
{
        /* without a user namespace the machine has all ids of the host; the last means "none" */
        uint32_t size = range->size > 0 ? range->size : UINT32_MAX;
        unsigned n = 0;

        for (unsigned i = 0; i < map->n; i++) {
                const BindIds *ids = &map->ids[i];

                if (ids->machine >= size || ids->count > size - ids->machine)
                        return -ERANGE;
                ret[n++] = (IdMap){ ids->source, range->base + ids->machine, ids->count };
        }
        if (others)
                n += add_others(map, range, size, ret + n);
        *ret_n = n;
        return 0;
}

static int open_plain(const BindRange *range)
{
        int fd;

        if (range->plain_fd < 0)
                return userns_new(&(IdMap){ 0, range->base, range->size }, 1);
        fd = fcntl(range->plain_fd, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? -errno : fd;
}

/* One user and one group: those of the source. */
static int open_owner(uid_t uid, gid_t gid, const struct stat *source)
{
        return userns_new_split(&(IdMap){ source->st_uid, uid, 1 }, 1,
                                &(IdMap){ source->st_gid, gid, 1 }, 1);
}

static int open_free(const MountSetting *m, const BindRange *range, Error *error)
{
        IdMap users[BIND_OWNERS_MAX], groups[BIND_OWNERS_MAX];
        unsigned n_users, n_groups;
        bool others = m->idmap == BIND_IDMAP;
        /* a kind that has no entries is one to one: the kernel takes no empty map */
        int r = bind_owners_map(&m->users, others || m->users.n == 0, range, users, &n_users);

        if (r >= 0)
                r = bind_owners_map(&m->groups, others || m->groups.n == 0, range, groups,
                                    &n_groups);
        if (r == -ERANGE)
                return error_set(error, ERANGE,
                                 "The map of the mount on '%s' names ids that the machine does not "
                                 "have: it has those from 0 to %u",
                                 m->destination, range->size - 1);
        return r < 0 ? r : userns_new_split(users, n_users, groups, n_groups);
}

int bind_owners_open(const MountSetting *m, const BindRange *range, const struct stat *source,
                     const struct stat *target, int *ret, Error *error)
{
        int fd = -EBADF;

        *ret = -EBADF;
        if (m->users.n + m->groups.n > 0)
                fd = open_free(m, range, error);
        else if (range->size == 0 || m->idmap == BIND_NOIDMAP)
                return 0;
        else if (m->idmap == BIND_IDMAP)
                fd = open_plain(range);
        else if (m->idmap == BIND_ROOTIDMAP)
                fd = open_owner(range->base, range->base, source);
        else
                fd = open_owner(target->st_uid, target->st_gid, source);
        if (fd < 0)
                return error_errno(error, -fd, "Failed to make the id map of the mount on '%s'",
                                   m->destination);
        *ret = fd;
        return 0;
}
