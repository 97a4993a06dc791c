/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links, then ports, then names. Without links of its own nothing of this costs a machine a system
 * call. Whatever only makes the network poorer is a warning; a port that does not open is a failed
 * start, since the machine would be there and not be reached. */

#include "boot/boot-network.h"

#include "base/cleanup.h"
#include "boot/boot-address.h"
#include "boot/boot-publish.h"
#include "boot/boot.h"
#include "machine/firewall.h"
#include "machine/publish.h"
#include "network/forwarding.h"
#include "network/link-name.h"
#include "network/published.h"
#include "network/table-check.h"
#include "network/table-share.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void boot_network_warn(const Boot *b, const Error *cause)
{
        fprintf(stderr, "Machine '%s': %s.\n", b->plan->machine, cause->message);
        if (cause->hint)
                fprintf(stderr, "  Try: %s\n", cause->hint);
}

const Network *boot_network(const Boot *b)
{
        const BootNetwork *n = &b->network;

        return n->member.pod ? &n->member.pod->network : n->acquired ? &n->network : NULL;
}

/* What links, names and rules are known by belongs to one of them. */
static int refuse_name_of_pod(const Boot *b, Error *error)
{
        if (!pod_network_runs(b->plan->machine))
                return 0;
        error_set(error, EEXIST, "'%s' is the name of a pod that runs", b->plan->machine);
        error_hint(error, "add --machine=NAME; or stead pod stop %s", b->plan->machine);
        return -EEXIST;
}

static int join_pod(Boot *b, Error *error)
{
        BootNetwork *n = &b->network;
        int r = pod_network_join(b->plan->pod, b->plan->machine, &n->member, error);

        if (r < 0 || !network_is_routed(boot_network(b)))
                return r;
        n->directory_fd = published_open_directory(error);
        return n->directory_fd < 0 ? n->directory_fd : 0;
}

/* In a bridge of somebody else's nothing of ours could lead to it. */
static int refuse_ports(const Network *n, Error *error)
{
        error_set(error, EOPNOTSUPP,
                  "The ports of '%s' cannot be opened: %s%s%s it is behind no link of its own",
                  n->name, n->plan->bridge ? "in the bridge '" : "without VirtualEthernet=",
                  n->plan->bridge ?: "", n->plan->bridge ? "'" : "");
        error_hint(error, n->plan->bridge ? "Zone= instead of Bridge=" : "VirtualEthernet=yes");
        return -EOPNOTSUPP;
}

int boot_network_acquire(Boot *b, Error *error)
{
        BootNetwork *n = &b->network;
        HostSettings settings = host_settings_default;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        int r = refuse_name_of_pod(b, error);

        if (r < 0 || (!b->plan->pod && !network_plan_has_links(&b->plan->network)))
                return r;
        pod_network_sweep(); /* those who would have done it were killed */
        if (b->plan->pod)
                return join_pod(b, error);
        (void)host_settings_load(HOST_SETTINGS_PATH, &settings, &diagnostics, NULL);
        r = network_acquire_anew(&b->plan->network, b->plan->machine, &settings, &n->network,
                                 error);
        if (r < 0)
                return r;
        n->acquired = true;
        if (b->plan->network.ports.n > 0 && !network_is_routed(&n->network))
                return refuse_ports(&n->network, error);
        return network_is_routed(&n->network) ? boot_publish(b, error) : 0;
}

void boot_network_withdraw(Boot *b)
{
        BootNetwork *n = &b->network;

        table_watch_done(&n->watch); /* closing any socket of this kind would wait for that */
        if (n->table_fd < 0)
                n->table_fd = table_check_open();
        if (n->published &&
            table_share_remove(n->directory_fd, n->table_fd, b->plan->machine) > 0) {
                n->published = false;
                n->withdrawn = true;
        }
}

/* What the program takes away in place of the launcher, it takes when the links are gone: it also
 * looks at what the host forwards for the others. Who went last while we still forwarded has left
 * the table to us. */
static void close_ports(Boot *b)
{
        const BootNetwork *n = &b->network;
        pid_t firewall = 0;

        if ((n->published || (n->withdrawn && !published_any(n->directory_fd))) &&
            firewall_begin(&firewall, "remove", b->plan->machine, NULL) >= 0)
                (void)firewall_end(&firewall);
        b->network.published = false;
}

static void end_forwarding(Boot *b)
{
        const NetworkPlan *plan = &b->plan->network;

        /* the bridge of a zone may stay for others; it is found out whether it has */
        if (b->network.forwards)
                (void)forwarding_disable(plan->zone.name[0] ? NULL : network_host_link(plan), NULL);
        b->network.forwards = false;
}

static int find_name(void *userdata, const char *name, DnsHost *ret)
{
        const Boot *b = userdata;
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r = published_find(b->network.directory_fd, name, &p);

        if (r == -ENOMEM)
                return r;
        if (r < 0 || !link_name_find_end(p.machine, NULL))
                return 0; /* no name of a machine, a broken file, or its launcher was killed */
        ret->n = 0;
        for (size_t i = 0; i < p.n_addresses && ret->n < DNS_HOST_ADDRESSES; i++)
                ret->addresses[ret->n++] = p.addresses[i];
        return 1;
}

static int find_address(void *userdata, const IpAddress *address,
                        char ret[static DNS_HOST_NAME_SIZE])
{
        const Boot *b = userdata;
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r = published_find_address(b->network.directory_fd, address, &p);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        (void)snprintf(ret, DNS_HOST_NAME_SIZE, "%s", p.machine);
        return 1;
}

void boot_network_answer_names(Boot *b)
{
        const Network *n = boot_network(b);
        DnsRelayConfig config = {
                .interface = network_host_link(n->plan),
                .v4 = n->gateway4.family == AF_INET ? &n->gateway4.v4 : NULL,
                .v6 = n->gateway6.family == AF_INET6 ? &n->gateway6.v6 : NULL,
                .zone = { .find_name = find_name, .find_address = find_address, .userdata = b },
        };
        _cleanup_error_ Error cause = ERROR_NULL;

        if (dns_relay_new(&config, &b->network.relay, &cause) < 0 && cause.number != EADDRINUSE)
                boot_network_warn(b, &cause);
}

void boot_network_serve(Boot *b)
{
        if (boot_network(b)->addresses.n > 0)
                boot_network_answer_names(b);
        (void)table_watch_open(
                &b->network.watch); /* a host without nf_tables: told by the program */
}

int boot_network_finish(Boot *b, Error *error)
{
        BootNetwork *n = &b->network;

        /* the others are served by their own launchers, too: whoever lives answers */
        if (n->member.pod && network_is_routed(boot_network(b)))
                boot_network_serve(b);
        if (!n->acquired || !network_is_routed(&n->network))
                return 0;
        if (!n->refused) {
                boot_address_settle(b);
                return 0;
        }
        n->published = false; /* it has taken back what was refused */
        end_forwarding(b);    /* which nothing guards */
        if (b->plan->network.ports.n > 0)
                return error_set(error, EIO,
                                 "The ports of machine '%s' cannot be opened, see above",
                                 b->plan->machine);
        fprintf(stderr, "Machine '%s' has no way out of the host, see above.\n", b->plan->machine);
        return 0;
}

void boot_network_on_table(Boot *b)
{
        pid_t firewall = 0;

        if (table_watch_drain(&b->network.watch) > 0 &&
            firewall_begin(&firewall, "restore", NULL, NULL) >= 0)
                (void)firewall_end(&firewall);
}

void boot_network_end_start(Boot *b)
{
        BootNetwork *n = &b->network;

        boot_network_abandon(b);
        n->relay = dns_relay_free(n->relay);
        boot_address_end(b);
        table_watch_done(&n->watch);
        address_watch_done(&n->gateway);
        closep(&n->uplink_fd);
        n->uplink_fd = -EBADF;
        if (n->acquired)
                network_down(&n->network);
        end_forwarding(b);
}

void boot_network_release(Boot *b)
{
        BootNetwork *n = &b->network;

        boot_network_end_start(b);
        if (n->published)
                boot_network_withdraw(b);
        close_ports(b);
        if (n->acquired)
                network_release(&n->network);
        pod_network_part(&n->member);
        closep(&n->directory_fd);
        closep(&n->table_fd);
        *n = BOOT_NETWORK_NULL;
}
