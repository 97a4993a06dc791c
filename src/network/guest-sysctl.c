/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings inside a machine. Runs in its network namespace, with CAP_NET_ADMIN over it; must not
 * know the machine's definition: the map of the user namespace it is in tells all. */

#include "network/guest-sysctl.h"

#include "base/fd.h"
#include "network/sysctl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define PING_GROUPS "ipv4/ping_group_range"
#define GID_HIGHEST UINT32_C(4294967294)     /* -1 is no group */
#define GID_HIGHEST_OLD UINT32_C(2147483647) /* all that Linux takes before 6.4 */
#define MAP_MAX 65536

typedef struct GroupRange {
        uint32_t first, last;
} GroupRange;

static int map_error(int r, Error *error)
{
        return error_errno(error, -r, "Failed to read the groups in '/proc/self/gid_map'");
}

/* The lowest to the highest group, and the longest run of them. */
static int read_groups(GroupRange *ret_all, GroupRange *ret_longest, Error *error)
{
        GroupRange all = { UINT32_MAX, 0 }, longest = {};
        _cleanup_free_ char *text = NULL;
        uint32_t inside, outside, count, most = 0;
        ssize_t n = read_file_at(AT_FDCWD, "/proc/self/gid_map", MAP_MAX, &text);
        int used;

        if (n < 0)
                return map_error((int)n, error);
        for (const char *p = text; sscanf(p, "%" SCNu32 " %" SCNu32 " %" SCNu32 "%n", &inside,
                                          &outside, &count, &used) == 3;
             p += used) {
                GroupRange r = { inside, inside + count - 1 };

                all.first = MIN_OF(all.first, r.first);
                all.last = MAX_OF(all.last, r.last);
                if (count > most) {
                        most = count;
                        longest = r;
                }
        }
        if (most == 0)
                return map_error(-ENODATA, error);
        *ret_all = all;
        *ret_longest = longest;
        return 0;
}

/* The kernel compares groups as the first user namespace numbers them. A range whose ends are the
 * wrong way round there is taken and means nobody, so only reading it back tells. */
static int try_range(GroupRange range, uint32_t highest, Error *error)
{
        char value[32];

        (void)snprintf(value, sizeof(value), "%" PRIu32 " %" PRIu32, range.first,
                       MIN_OF(range.last, highest));
        if (!sysctl_is(PING_GROUPS, value)) {
                int r = sysctl_write(PING_GROUPS, value, error);

                if (r < 0)
                        return r;
        }
        if (!sysctl_is(PING_GROUPS, value)) {
                (void)error_set(error, EINVAL,
                                "The kernel took '%s' for '" SYSCTL_NET "/" PING_GROUPS
                                "', but lets no group ping",
                                value);
                error_hint(error, "cat /proc/self/gid_map");
                return -EINVAL;
        }
        return 0;
}

int network_guest_sysctls(Error *error)
{
        GroupRange all = {}, longest = {};
        int r = read_groups(&all, &longest, error);

        if (r < 0)
                return r;
        for (unsigned i = 0;; i++) {
                _cleanup_error_ Error e = ERROR_NULL;

                r = try_range(i < 2 ? all : longest, i == 0 ? GID_HIGHEST : GID_HIGHEST_OLD, &e);
                if (r >= 0)
                        return 0;
                if (r != -EINVAL || i == 2)
                        return error_move(error, &e);
        }
}
