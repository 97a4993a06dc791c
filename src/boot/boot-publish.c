/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine publishes, with the addresses that it has at the moment. Must not know when they
 * change. */

#include "boot/boot-publish.h"

#include "boot/boot.h"
#include "machine/publish.h"
#include "network/published.h"

int boot_publish(Boot *b, Error *error)
{
        BootNetwork *n = &b->network;
        int r;

        if (n->directory_fd < 0)
                n->directory_fd = published_open_directory(error);
        if (n->directory_fd < 0)
                return n->directory_fd;
        r = network_publish(&n->network, n->directory_fd, !n->published, error);
        n->published = r >= 0;
        return r;
}
