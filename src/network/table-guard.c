/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the record of forwarding to what nft is told. Must not know the rules. */

#include "network/table-guard.h"

#include "base/strv.h"
#include "network/forwarding.h"
#include "network/published.h"

#include <string.h>
#include <sys/socket.h>

void table_guard_done(TableGuard *guard)
{
        strv_free(guard->uplinks4);
        strv_free(guard->uplinks6);
        *guard = TABLE_GUARD_NULL;
}

/* A name that means something else to nft, or ends its command, stands for all links instead: then
 * too much is dropped, not too little. */
static int read_family(int family, char ***ret, bool *ret_every, Error *error)
{
        int r = forwarding_uplinks(family, ret, error);
        bool every = r > 0;

        for (char **u = *ret; r >= 0 && u && *u; u++)
                every = every || !published_interface_is_valid(*u);
        *ret_every = every;
        return r;
}

int table_guard_read(TableGuard *ret, Error *error)
{
        _cleanup_table_guard_ TableGuard g = TABLE_GUARD_NULL;
        int r = read_family(AF_INET, &g.uplinks4, &g.every4, error);

        if (r >= 0)
                r = read_family(AF_INET6, &g.uplinks6, &g.every6, error);
        if (r < 0)
                return r;
        *ret = g;
        g = TABLE_GUARD_NULL;
        return 0;
}

static bool same_links(char **a, char **b)
{
        size_t i = 0;

        for (; a && b && a[i] && b[i]; i++)
                if (strcmp(a[i], b[i]) != 0)
                        return false;
        return !(a && a[i]) && !(b && b[i]);
}

bool table_guard_equal(const TableGuard *a, const TableGuard *b)
{
        return a->every4 == b->every4 && a->every6 == b->every6 &&
               same_links(a->uplinks4, b->uplinks4) && same_links(a->uplinks6, b->uplinks6);
}
