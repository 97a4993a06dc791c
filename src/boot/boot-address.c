/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at host0 and at the host's end of it whenever one of them changes. */

#include "boot/boot-address.h"

#include "boot/boot-publish.h"
#include "boot/boot.h"
#include "image/errand.h"
#include "machine/firewall.h"
#include "machine/join.h"
#include "network/guest-config.h"
#include "network/published-list.h"
#include "os/clock.h"
#include "os/path.h"

#include "base/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX 65536
#define PATIENCE_USEC (3 * USEC_PER_SEC) /* of a DHCP client, when the machine is up */
#define LOOK_USEC USEC_PER_SEC           /* whether it is */
#define SETTLE_USEC USEC_PER_SEC         /* of networkd, while a start waits */

int boot_address_start(Boot *b, int netns_fd, Error *error)
{
        BootNetwork *n = &b->network;
        const NetworkPlan *plan = n->network.plan;
        int r;

        n->given = n->served = n->complained = false;
        n->patience_usec = 0;
        r = address_watch_open(netns_fd, b->host_network_fd, plan->links[0].inside, &n->inside);
        if (r >= 0)
                r = address_watch_open(-EBADF, -EBADF, network_host_link(plan), &n->outside);
        return r < 0 ? error_errno(error, -r, "Failed to watch the addresses of '%s'",
                                   b->plan->machine)
                     : 0;
}

/* The next start begins without an address again. */
void boot_address_end(Boot *b)
{
        LinkAddresses none = LINK_ADDRESSES_NULL;
        BootNetwork *n = &b->network;

        if (n->inside.fd < 0)
                return;
        (void)network_take_addresses(&n->network, &none);
        n->network.gateway4 = (IpAddress){};
        address_watch_done(&n->inside);
        address_watch_done(&n->outside);
}

void boot_address_drain(Boot *b)
{
        (void)address_watch_drain(&b->network.inside);
        (void)address_watch_drain(&b->network.outside);
}

static const LinkAddress *first_ipv4(const LinkAddresses *list)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].address.family == AF_INET)
                        return &list->items[i];
        return NULL;
}

/* Will not ask by DHCP, as far as we can tell. */
static bool is_silent(const Boot *b)
{
        return b->plan->init != INIT_SYSTEMD;
}

/* Whether the machine has had its time. */
static bool is_due(Boot *b)
{
        uint64_t now = clock_now_usec();

        if (is_silent(b))
                return true;
        if (b->machine->state != MACHINE_RUNNING)
                return false;
        if (b->network.patience_usec == 0)
                b->network.patience_usec = now + PATIENCE_USEC;
        return now >= b->network.patience_usec;
}

/* Of other members of the zone, so that no two are given the same. */
static int list_taken(const Boot *b, LinkAddresses *ret)
{
        _cleanup_published_list_ PublishedList list = PUBLISHED_LIST_NULL;
        int r = published_list_read(b->network.directory_fd, &list, NULL);

        for (size_t i = 0; i < list.n && r >= 0; i++)
                for (size_t k = 0; k < list.items[i].n_addresses; k++) {
                        LinkAddress *grown = reallocarray(ret->items, ret->n + 1, sizeof(*grown));

                        if (!grown)
                                return -ENOMEM;
                        ret->items = grown;
                        grown[ret->n++] = (LinkAddress){ .address = list.items[i].addresses[k] };
                }
        return r;
}

typedef struct NameServers {
        const Machine *machine;
        const char *text;
        bool follow; /* no resolver of its own will come */
} NameServers;

/* Where the link of a tree without a resolver leads in its /run; what it leads to elsewhere is not
 * ours to make. 0, or 1 and the path. */
static int follow_link(char target[static PATH_MAX])
{
        ssize_t n = readlink(RESOLV_CONF, target, PATH_MAX - 1);
        int r;

        if (n < 0) {
                (void)snprintf(target, PATH_MAX, RESOLV_CONF);
                return 1;
        }
        target[n] = '\0';
        if (strncmp(target, "../run/", 7) == 0)
                memmove(target, target + 2, (size_t)n - 1);
        if (strncmp(target, "/run/", 5) != 0 || strstr(target, "/../"))
                return 0;
        n = strrchr(target, '/') - target;
        target[n] = '\0';
        r = mkdir_parents_at(AT_FDCWD, target, 0755);
        target[n] = '/';
        return r < 0 ? r : 1;
}

/* Inside, with the rights of the machine's root. What somebody else wrote there stays, and where a
 * program inside asks by DHCP, so does a link, which is its resolver's. */
static int write_name_servers(void *argument, Error *error)
{
        const NameServers *s = argument;
        _cleanup_free_ char *old = NULL;
        char target[PATH_MAX];
        int r = machine_join(s->machine, error);

        if (r < 0)
                return r;
        if (read_file_at(AT_FDCWD, RESOLV_CONF, RESOLV_CONF_MAX, &old) > 0 &&
            strstr(old, "nameserver") &&
            strncmp(old, GUEST_CONFIG_MARK, strlen(GUEST_CONFIG_MARK)) != 0)
                return 0;
        r = s->follow || readlink(RESOLV_CONF, target, sizeof(target)) < 0 ? follow_link(target)
                                                                           : 0;
        if (r > 0)
                r = write_file_atomic_at(AT_FDCWD, target, s->text, 0644);
        return r < 0 ? error_errno(error, -r, "Failed to write its " RESOLV_CONF) : 0;
}

/* A machine without a name server is poorer, and no reason to complain: its tree may be read-only.
 */
static void tell_name_servers(Boot *b)
{
        Machine *m = b->machine;
        _cleanup_free_ char *text = NULL;
        NameServers s = { .machine = m, .follow = b->network.given };

        if (b->plan->resolv_conf != RESOLV_CONF_AUTO ||
            network_resolv_conf(&b->network.network, &text) < 0 || !text)
                return;
        s.text = text;
        m->leader_fd = b->pid_fd;
        (void)errand_run(write_name_servers, &s, NULL);
        m->leader_fd = -EBADF;
}

/* The host's end of the subnet that the machine is in: networkd may give it several. */
static const LinkAddress *find_neighbour(const LinkAddresses *host, const LinkAddress *own)
{
        for (size_t i = 0; i < host->n; i++) {
                const LinkAddress *h = &host->items[i];
                in_addr_t mask = htonl(~(in_addr_t)0 << (32 - MIN_OF(h->prefix, 31)));

                if (h->address.family == AF_INET &&
                    ((h->address.v4.s_addr ^ own->address.v4.s_addr) & mask) == 0)
                        return h;
        }
        return NULL;
}

/* The machine's name server is the host's end, where nobody inside knows another. */
static void serve_names(Boot *b, const LinkAddresses *host)
{
        BootNetwork *n = &b->network;
        const LinkAddress *own = first_ipv4(&n->network.addresses), *end;

        end = own && !n->served ? find_neighbour(host, own) : NULL;
        if (!end)
                return;
        n->served = true;
        n->network.gateway4 = end->address;
        boot_network_answer_names(b);
        tell_name_servers(b);
}

static void give(Boot *b, const LinkAddress *host, LinkAddresses *own)
{
        BootNetwork *n = &b->network;
        _cleanup_link_addresses_ LinkAddresses taken = LINK_ADDRESSES_NULL;
        _cleanup_error_ Error cause = ERROR_NULL;

        n->given = true; /* once for each subnet: who takes it away knows better */
        n->gift = (LinkAddress){};
        if (list_taken(b, &taken) < 0)
                return;
        if (network_give(&n->network, host, &taken, &n->gift, &cause) < 0) {
                boot_network_warn(b, &cause);
                return;
        }
        link_addresses_done(own);
        *own = LINK_ADDRESSES_NULL;
        (void)address_watch_list(&n->inside, own); /* else with the next change */
}

/* networkd was restarted, and has chosen another subnet: the machine would sit in the old one. */
static void take_back_stale(Boot *b, LinkAddresses *own, const LinkAddresses *host)
{
        BootNetwork *n = &b->network;
        const LinkAddress *first = first_ipv4(own);

        if (!n->given || !first || first->address.v4.s_addr != n->gift.address.v4.s_addr ||
            !first_ipv4(host) || find_neighbour(host, first))
                return;
        network_take_back(&n->network, &n->gift);
        n->given = n->served = false;
        n->relay = dns_relay_free(n->relay);
        link_addresses_done(own);
        *own = LINK_ADDRESSES_NULL;
        (void)address_watch_list(&n->inside, own); /* else with the next change */
}

static void complain(Boot *b)
{
        const char *link = network_host_link(b->network.network.plan);

        b->network.complained = true;
        fprintf(stderr,
                "Machine '%s' has no IPv4 address: systemd-networkd of this host gives '%s' none.\n"
                "  Try: networkctl status %s\n",
                b->plan->machine, link, link);
}

static void publish(Boot *b)
{
        _cleanup_error_ Error cause = ERROR_NULL;
        pid_t firewall = 0;
        int r = boot_publish(b, &cause);

        if (r >= 0)
                r = firewall_begin(&firewall, "add", b->plan->machine, &cause);
        if (r < 0)
                boot_network_warn(b, &cause);
        else if (!firewall_end(&firewall))
                b->network.published = false; /* it has said why, and removed the file */
}

uint64_t boot_address_update(Boot *b)
{
        _cleanup_link_addresses_ LinkAddresses own = LINK_ADDRESSES_NULL,
                                               host = LINK_ADDRESSES_NULL;
        BootNetwork *n = &b->network;
        const LinkAddress *end;
        bool lacking;

        if (address_watch_list(&n->inside, &own) < 0 || address_watch_list(&n->outside, &host) < 0)
                return USEC_INFINITY; /* the link is gone */
        take_back_stale(b, &own, &host);
        end = first_ipv4(&host);
        lacking = !first_ipv4(&own) && !n->given;
        if (lacking && end && is_due(b))
                give(b, end, &own);
        else if (lacking && !end && !n->complained && n->patience_usec > 0 && is_due(b))
                complain(b);
        if (network_take_addresses(&n->network, &own))
                publish(b);
        serve_names(b, &host);
        if (!lacking || n->given || (is_due(b) && (end || n->complained)))
                return USEC_INFINITY;
        return LOOK_USEC;
}

void boot_address_settle(Boot *b)
{
        BootNetwork *n = &b->network;
        uint64_t end = clock_now_usec() + SETTLE_USEC;

        if (n->outside.fd < 0 || !is_silent(b))
                return;
        for (uint64_t now; !n->given && (now = clock_now_usec()) < end;) {
                struct pollfd p = { .fd = n->outside.fd, .events = POLLIN };

                boot_address_drain(b);
                (void)boot_address_update(b);
                if (!n->given)
                        (void)poll(&p, 1, (int)((end - now) / 1000) + 1);
        }
}
