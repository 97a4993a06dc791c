/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as what came out of a netlink socket: errors and links. */

#include "fuzz.h"
#include "os/link-list.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ void *copy = malloc(size + 1); /* aligned */
        const void *next = copy;
        const struct nlmsghdr *h;

        if (!copy)
                return 0;
        memcpy(copy, data, size);
        while (netlink_next(&next, &size, &h) > 0) {
                _cleanup_link_ Link link = LINK_NULL;
                char text[NETLINK_TEXT_MAX];
                NetlinkMessage message;
                int error;

                if (netlink_error_parse(h, &error, text, sizeof(text)) == 0 && error > 0)
                        abort();
                if (netlink_message_parse(h, sizeof(struct ifinfomsg), &message) == 0 &&
                    link_parse(&message, &link) == 0 && strlen(link.name) >= sizeof(link.name))
                        abort();
        }
        return 0;
}
