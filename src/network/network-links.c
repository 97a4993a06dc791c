/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making and removing links. Each of ours says in its alias whose it is, so that one that a killed
 * launcher left is told from one of somebody else's, and an admin reads it in `ip link`. */

#include "network/network.h"

#include "base/cleanup.h"
#include "network/bandwidth.h"
#include "network/networkd.h"

#include <fcntl.h>
#include <linux/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ALIAS_PREFIX "stead:"
#define DYING_TRIES                                                                  \
        50 /* a second in all: the kernel clears namespaces away one after the other \
            */
#define DYING_PAUSE_USEC 20000

static const MacAddress *mac_or_null(const MacAddress *mac)
{
        return mac_address_is_null(mac) ? NULL : mac;
}

static void alias_of(const Network *n, char alias[static IFALIASZ])
{
        (void)snprintf(alias, IFALIASZ, ALIAS_PREFIX "%s", n->name);
}

static bool is_veth(const NetworkLink *link)
{
        return link->kind == NETWORK_LINK_VETH || link->kind == NETWORK_LINK_EXTRA;
}

/* Links of hardware may be renamed by udev until it has seen them (CI-190). */
static bool is_udevs(int index)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/run/udev/data/n%d", index);
        return access("/run/udev/control", F_OK) >= 0 && access(path, F_OK) < 0;
}

static int find_parent(const Network *n, const NetworkLink *link, int *ret, Error *error)
{
        _cleanup_link_ Link parent = LINK_NULL;
        int r = link_find(n->host_fd, LINK_BY_NAME(link->host.name), &parent);

        if (r == -ENODEV) {
                error_set(error, ENODEV, "The host has no network interface '%s', which '%s' needs",
                          link->host.name, n->name);
                error_hint(error, "ip -brief link");
                return r;
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to look for interface '%s'", link->host.name);
        if (is_udevs(parent.index)) {
                error_set(error, EBUSY, "udev has not finished with interface '%s' yet",
                          link->host.name);
                error_hint(error, "udevadm settle");
                return -EBUSY;
        }
        *ret = parent.index;
        return 0;
}

/* Unasked, the kernel makes queues for all processors that there may ever be and uses the first
 * alone, which costs a pair a fifth of its time: it waits until nobody looks at the others. */
static void put_veth(NetlinkBatch *b, const Network *n, const NetworkLink *link, int netns_fd)
{
        LinkSpec own = {
                .name = link->host.name,
                .mac = mac_or_null(&link->host_mac),
                .mtu = n->plan->mtu,
                .netns_fd = -EBADF,
                .up = true,
                .n_queues = 1,
        };
        LinkSpec peer = {
                .name = link->inside,
                .mac = mac_or_null(&link->inside_mac),
                .mtu = n->plan->mtu,
                .netns_fd = netns_fd, /* not up: the kernel refuses that at this point */
                .n_queues = 1,
        };

        link_add_veth(b, &own, &peer);
}

void network_sign(const Network *n, NetlinkBatch *b, const LinkName *link)
{
        char alias[IFALIASZ];

        alias_of(n, alias);
        link_set_alias(b, LINK_BY_NAME(link->name), alias);
        if (link->altname[0])
                link_add_altname(b, LINK_BY_NAME(link->name), link->altname);
}

const char *network_signer(const Link *link)
{
        size_t n = strlen(ALIAS_PREFIX);

        return link->alias && strncmp(link->alias, ALIAS_PREFIX, n) == 0 ? link->alias + n : NULL;
}

/* A launcher that was killed between making and signing leaves a link that nothing tells from one
 * of systemd-nspawn for a machine of this name; but its other end is in a namespace that ends. */
static bool goes_by_itself(const Network *n, const NetworkLink *link, const Link *found)
{
        if (found->alias || memcmp(&found->mac, &link->host_mac, sizeof(found->mac)) != 0)
                return false;
        for (unsigned i = 0; i < DYING_TRIES; i++) {
                _cleanup_link_ Link now = LINK_NULL;

                if (link_find(n->host_fd, LINK_BY_INDEX(found->index), &now) == -ENODEV)
                        return true;
                (void)usleep(DYING_PAUSE_USEC);
        }
        return false;
}

/* 1: it was a left-over of our own name and is gone now. */
static int remove_left_over(const Network *n, const NetworkLink *link, Error *error)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_ Link found = LINK_NULL;
        char alias[IFALIASZ];
        int r = link_find(n->host_fd, LINK_BY_NAME(link->host.name), &found);

        if (r == -ENODEV) /* gone in this moment */
                return 1;
        if (r >= 0 && goes_by_itself(n, link, &found))
                return 1;
        alias_of(n, alias);
        if (r >= 0 && (!found.alias || strcmp(found.alias, alias) != 0)) {
                error_set(error, EEXIST, "The host has a network interface '%s' already (%s)%s",
                          link->host.name, found.alias ?: "not one of ours",
                          link->host.altname[0] ? ": two names became one when they were shortened"
                                                : "");
                error_hint(error, "ip -details link show %s", link->host.name);
                return -EEXIST;
        }
        link_delete(&b, LINK_BY_NAME(link->host.name));
        r = r < 0 ? r : netlink_call(n->host_fd, &b, NULL);
        return r < 0 && r != -ENODEV
                       ? error_errno(error, -r, "Failed to remove the old interface '%s'",
                                     link->host.name)
                       : 1;
}

static int explain_add(const Network *n, const NetworkLink *link, const NetlinkFailure *failure,
                       int r, Error *error)
{
        error_errno(error, -r, "Failed to make %s '%s' of '%s'%s%s",
                    network_link_kind_to_string(link->kind),
                    is_veth(link) ? link->host.name : link->inside, n->name,
                    failure->text[0] ? ": " : "", failure->text);
        if (r == -EOPNOTSUPP)
                error_hint(error, "modprobe %s",
                           is_veth(link) ? "veth" : network_link_kind_to_string(link->kind));
        return r;
}

static int call(const Network *n, const NetworkLink *link, NetlinkBatch *b, Error *error)
{
        NetlinkFailure failure = {};
        int r = netlink_call(n->host_fd, b, &failure);

        return r < 0 ? explain_add(n, link, &failure, r, error) : 0;
}

/* A batch of its own: after a failed message the kernel carries out the rest, and the alias would
 * make somebody else's link of that name ours. */
static int sign_veth(const Network *n, const NetworkLink *link, Error *error)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;

        network_sign(n, &b, &link->host);
        return call(n, link, &b, error);
}

static int add_veth(const Network *n, const NetworkLink *link, int netns_fd, Error *error)
{
        for (bool again = false;; again = true) {
                _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
                NetlinkFailure failure = {};
                int r;

                put_veth(&b, n, link, netns_fd);
                r = netlink_call(n->host_fd, &b, &failure);
                if (r >= 0)
                        return sign_veth(n, link, error);
                if (r != -EEXIST || again)
                        return explain_add(n, link, &failure, r, error);
                r = remove_left_over(n, link, error);
                if (r < 0)
                        return r;
        }
}

/* What a moved link says: also what it is called at home. */
static void alias_of_moved(const Network *n, const NetworkLink *link, char alias[static IFALIASZ])
{
        (void)snprintf(alias, IFALIASZ, ALIAS_PREFIX "%s:%s", n->name, link->host.name);
}

/* The one with our alias, under whatever name: a killed launcher could not bring it home, or root
 * inside has renamed it. 1 and its index, or 0. */
static int find_moved(const Network *n, int fd, const NetworkLink *link, int *ret)
{
        _cleanup_link_list_ LinkList list = LINK_LIST_NULL;
        char alias[IFALIASZ];
        int r = link_list(fd, &list);

        alias_of_moved(n, link, alias);
        for (size_t i = 0; i < list.n && r >= 0; i++)
                if (list.items[i].alias && strcmp(list.items[i].alias, alias) == 0) {
                        *ret = list.items[i].index;
                        return 1;
                }
        return r < 0 ? r : 0;
}

static int move_in(const Network *n, const NetworkLink *link, int netns_fd, Error *error)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        char alias[IFALIASZ], path[64];
        int index, r = find_moved(n, n->host_fd, link, &index);

        if (r <= 0)
                r = find_parent(n, link, &index, error);
        if (r < 0)
                return r;
        (void)snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", link->host.name);
        if (access(path, F_OK) >= 0)
                return error_set(error, EOPNOTSUPP,
                                 "Interface '%s' is wireless, and the kernel moves such a one only "
                                 "together with its whole radio, which is not supported",
                                 link->host.name);
        alias_of_moved(n, link, alias);
        link_set_up(&b, LINK_BY_INDEX(index), false);
        link_set_alias(&b, LINK_BY_INDEX(index), alias);
        link_move(&b, index, link->inside, netns_fd);
        return call(n, link, &b, error);
}

static int add_on_top(const Network *n, const NetworkLink *link, int netns_fd, Error *error)
{
        LinkSpec spec = { link->inside, mac_or_null(&link->inside_mac), n->plan->mtu, netns_fd,
                          true };
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        int parent, r = find_parent(n, link, &parent, error);

        if (r < 0)
                return r;
        if (link->kind == NETWORK_LINK_MACVLAN)
                link_add_macvlan(&b, &spec, parent);
        else
                link_add_ipvlan(&b, &spec, parent);
        return call(n, link, &b, error);
}

/* The kernel takes a peer only down; one that was moved in is the machine's to configure, unless
 * its addresses are declared. */
static int set_inside_up(const Network *n, Error *error)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        NetlinkFailure failure = {};
        int r;

        for (size_t i = 0; i < n->plan->n_links; i++)
                if (is_veth(&n->plan->links[i]) || (i == 0 && n->addresses.n > 0))
                        link_set_up(&b, LINK_BY_NAME(n->plan->links[i].inside), true);
        r = b.n > 0 ? netlink_call(n->machine_fd, &b, &failure) : 0;
        return r < 0 ? error_errno(error, -r, "Failed to set up the links of '%s'%s%s", n->name,
                                   failure.text[0] ? ": " : "", failure.text)
                     : 0;
}

/* One that is neither part of a bridge nor a bridge for others, too. */
static bool has_end(const Network *n)
{
        return n->plan->veth && !n->plan->bridge && !n->plan->zone.name[0];
}

int network_add_links(Network *n, int netns_fd, Error *error)
{
        int r = 0;

        if (has_end(n)) /* otherwise away with what a killed launcher has left */
                networkd_leave_alone(network_host_link(n->plan),
                                     n->addressing == NETWORK_ADDRESSING_DECLARED);
        for (size_t i = 0; i < n->plan->n_links && r >= 0; i++) {
                const NetworkLink *link = &n->plan->links[i];

                if (is_veth(link))
                        r = add_veth(n, link, netns_fd, error);
                else if (link->kind == NETWORK_LINK_INTERFACE)
                        r = move_in(n, link, netns_fd, error);
                else
                        r = add_on_top(n, link, netns_fd, error);
        }
        return r < 0 ? r : set_inside_up(n, error);
}

/* One that did not get away from home. */
static void disown(const Network *n, const NetworkLink *link)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        int index;

        if (find_moved(n, n->host_fd, link, &index) <= 0)
                return;
        link_set_alias(&b, LINK_BY_INDEX(index), "");
        (void)netlink_call(n->host_fd, &b, NULL); /* it would only look as if it were ours */
}

static void bring_home(const Network *n, const NetworkLink *link, int host_netns_fd)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        int index;

        if (find_moved(n, n->machine_fd, link, &index) <= 0) {
                disown(n, link); /* the kernel brings hardware home when the namespace ends */
                return;
        }
        link_set_up(&b, LINK_BY_INDEX(index), false);
        link_set_alias(&b, LINK_BY_INDEX(index), "");
        link_move(&b, index, link->host.name, host_netns_fd);
        (void)netlink_call(n->machine_fd, &b, NULL); /* the name is taken: it keeps its own */
}

static bool is_ours(const Network *n, const Link *found)
{
        char alias[IFALIASZ];

        alias_of(n, alias);
        return found->alias && strcmp(found->alias, alias) == 0;
}

void network_remove_own(const Network *n, const char *name)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_ Link found = LINK_NULL;

        if (link_find(n->host_fd, LINK_BY_NAME(name), &found) < 0 || !is_ours(n, &found))
                return; /* it went with its other end */
        link_delete(&b, LINK_BY_INDEX(found.index));
        (void)netlink_call(n->host_fd, &b, NULL); /* nothing could be done about it */
}

/* A link on one of the host's, whose MAC address it holds. It would go with the namespace, but the
 * kernel ends that when it finds time, and who comes back before finds the address in use. */
static void remove_inside(const Network *n, const NetworkLink *link)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;

        if (n->machine_fd < 0)
                return;
        link_delete(&b, LINK_BY_NAME(link->inside));
        (void)netlink_call(n->machine_fd, &b, NULL); /* or nobody is in a hurry */
}

void network_down(Network *n)
{
        _cleanup_close_ int host_netns = -EBADF;

        if (!n->up)
                return;
        n->up = false;
        bandwidth_down(n);
        network_leave_addresses(n); /* a zone's bridge may stay */
        host_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        for (size_t i = n->plan->n_links; i-- > 0;) {
                const NetworkLink *link = &n->plan->links[i];

                if (link->kind == NETWORK_LINK_INTERFACE)
                        bring_home(n, link, host_netns);
                else if (is_veth(link))
                        network_remove_own(n, link->host.name);
                else
                        remove_inside(n, link);
        }
        if (has_end(n))
                networkd_leave_alone(network_host_link(n->plan), false);
        network_leave_zone(n);
        closep(&n->machine_fd);
        n->machine_fd = -EBADF;
}
