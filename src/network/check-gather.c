/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links, addresses and routes of both ends; the rest is asked for step by step. */

#include "network/check-gather.h"

#include "base/fd.h"
#include "base/strv.h"
#include "network/link-name.h"
#include "network/table-check.h"
#include "os/link-list.h"
#include "os/namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

/* Addresses that only a default route leads to. Nothing is ever sent there. */
#define OUTSIDE4 "8.8.8.8"
#define OUTSIDE6 "2001:4860:4860::8888"

static void close_sockets(const CheckSockets *s)
{
        closep(&s->host);
        closep(&s->machine);
        closep(&s->udp4);
        closep(&s->udp6);
}

/* A socket stays in the network in which it was made. */
static int open_sockets(const CheckSubject *s, CheckSockets *ret)
{
        _cleanup_close_ int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int r;

        if (home < 0)
                return -errno;
        ret->host = netlink_open(NETLINK_ROUTE);
        if (ret->host < 0)
                return ret->host;
        r = namespace_join(s->leader_fd, CLONE_NEWNET);
        if (r < 0)
                return r;
        ret->machine = netlink_open(NETLINK_ROUTE);
        ret->udp4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ret->udp6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (setns(home, CLONE_NEWNET) < 0)
                abort(); /* all that follows would happen to the machine */
        return ret->machine < 0 ? ret->machine : 0;
}

static void set_link(CheckLink *to, const Link *from)
{
        (void)snprintf(to->name, sizeof(to->name), "%s", from->name);
        to->there = true;
        to->up = from->flags & IFF_UP;
        to->carrier = from->flags & IFF_LOWER_UP;
}

static void find_link(int fd, const char *name, CheckLink *to)
{
        _cleanup_link_ Link link = LINK_NULL;

        (void)snprintf(to->name, sizeof(to->name), "%.*s", IFNAMSIZ - 1, name);
        if (link_find(fd, LINK_BY_NAME(to->name), &link) >= 0)
                set_link(to, &link);
}

/* Of a machine that publishes nothing: by the name that it would have. */
static void guess_host_link(const CheckSubject *s, int fd, CheckLink *to)
{
        LinkName name;

        if (link_name_find_end(s->name, &name))
                find_link(fd, name.name, to);
        if (!to->there)
                to->name[0] = '\0';
}

/* Names of links inside are the machine's choice, and end up in commands for people to type. */
static bool name_is_plain(const char *name)
{
        return name[0] != '-' &&
               name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789._-")] == '\0';
}

/* By which it may be connected: not what the kernel puts into every network (tunl0, sit0), nor what
 * the machine makes for itself. */
static bool is_connection(const Link *link)
{
        static const char *const kinds[] = { "", "veth", "macvlan", "macvtap", "ipvlan" };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (strcmp(link->kind, kinds[i]) == 0)
                        return !(link->flags & IFF_LOOPBACK) && name_is_plain(link->name);
        return false;
}

/* host0, or else the first. */
static const Link *find_inside(const LinkList *list)
{
        const Link *found = NULL;

        for (size_t i = 0; i < list->n; i++) {
                if (strcmp(list->items[i].name, "host0") == 0)
                        return &list->items[i];
                if (!found && is_connection(&list->items[i]))
                        found = &list->items[i];
        }
        return found;
}

static int gather_links(const CheckSubject *s, const CheckSockets *fds, const Published *p,
                        CheckFacts *f)
{
        _cleanup_link_list_ LinkList list = LINK_LIST_NULL;
        _cleanup_link_ Link peer = LINK_NULL;
        const Link *inside;
        int r = link_list(fds->machine, &list);

        if (r < 0)
                return r;
        inside = find_inside(&list);
        if (inside)
                set_link(&f->inside, inside);
        else if (p->interface)
                (void)strcpy(f->inside.name, "host0");
        if (inside && strcmp(inside->kind, "veth") == 0 && inside->peer > 0 &&
            link_find(fds->host, LINK_BY_INDEX(inside->peer), &peer) >= 0)
                set_link(&f->host, &peer);
        else if (p->interface)
                find_link(fds->host, p->interface, &f->host);
        else
                guess_host_link(s, fds->host, &f->host);
        if (p->interface && strcmp(p->interface, f->host.name) != 0)
                find_link(fds->host, p->interface, &f->bridge);
        return 0;
}

static void gather_address(const CheckSockets *fds, const LinkAddresses *inside,
                           const LinkAddresses *host, CheckAddress *a)
{
        IpAddress outside = { .family = a->address.family };

        a->inside = link_addresses_have(inside, &a->address);
        (void)inet_pton(outside.family, outside.family == AF_INET ? OUTSIDE4 : OUTSIDE6,
                        outside.bytes);
        check_route_ask(fds->host, &a->address, &a->to);
        check_route_ask(fds->machine, &outside, &a->out);
        check_route_ask(fds->host, &outside, &a->uplink);
        a->gateway_here =
                a->out.gateway.family != AF_UNSPEC && link_addresses_have(host, &a->out.gateway);
}

static int gather_addresses(const CheckSockets *fds, const Published *p, CheckFacts *f)
{
        _cleanup_(link_addresses_done) LinkAddresses inside = LINK_ADDRESSES_NULL,
                                                     host = LINK_ADDRESSES_NULL;
        bool six = access(SYSCTL_NET "/ipv6", F_OK) >= 0;
        int r = address_list(fds->machine, 0, AF_UNSPEC, &inside);

        if (r >= 0)
                r = address_list(fds->host, 0, AF_UNSPEC, &host);
        if (r < 0)
                return r;
        for (size_t i = 0; i < inside.n; i++)
                f->any_address = f->any_address || inside.items[i].scope == RT_SCOPE_UNIVERSE;
        f->addresses = calloc(p->n_addresses + 1, sizeof(CheckAddress));
        if (!f->addresses)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_addresses; i++) {
                CheckAddress *a = &f->addresses[f->n_addresses];

                if (p->addresses[i].family == AF_INET6 && !six)
                        continue;
                a->address = p->addresses[i];
                gather_address(fds, &inside, &host, a);
                f->n_addresses++;
        }
        return six || !f->routed ? 0 : strv_push(&f->notes, "the host has no IPv6");
}

static void gather_table(CheckFacts *f)
{
        _cleanup_close_ int fd = f->routed ? table_check_open() : -EBADF;

        if (fd >= 0)
                f->table = table_is_sound(fd);
}

/* "T" (stopped by a signal), "t" (by a debugger): nobody answers names and mends the table. */
static bool process_is_stopped(pid_t pid)
{
        _cleanup_free_ char *text = NULL;
        char path[64];
        const char *state;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        if (read_file_at(AT_FDCWD, path, 4096, &text) <= 0)
                return false;
        state = strrchr(text, ')');
        return state && state[1] == ' ' && (state[2] == 'T' || state[2] == 't');
}

/* Once for each family, what is no fault of the machine. */
static int note_uplinks(CheckFacts *f)
{
        int r = 0;

        for (size_t i = 0; i < f->n_addresses && r >= 0; i++) {
                const CheckAddress *a = &f->addresses[i];
                bool seen = false;

                for (size_t k = 0; k < i; k++)
                        seen = seen || f->addresses[k].address.family == a->address.family;
                if (!seen && a->uplink.error > 0)
                        r = strv_pushf(&f->notes, "the host has no default route for IPv%d",
                                       a->address.family == AF_INET ? 4 : 6);
        }
        return r;
}

static int gather_static(const CheckSubject *s, CheckDepth depth, const CheckSockets *fds,
                         const Published *p, CheckFacts *f)
{
        int r;

        f->name = s->name;
        f->pod = s->pod;
        f->launcher = s->launcher;
        f->launcher_stopped = s->launcher > 0 && process_is_stopped(s->launcher);
        f->routed = p->interface != NULL;
        r = gather_links(s, fds, p, f);
        if (r >= 0)
                r = gather_addresses(fds, p, f);
        if (r >= 0 && depth == CHECK_FULL && f->routed) {
                r = check_read_settings(f, p);
                if (r >= 0)
                        r = note_uplinks(f);
        }
        gather_table(f);
        /* who is given its addresses by DHCP has none yet when it has just been started */
        f->any_address = f->any_address || depth == CHECK_QUICK;
        return r < 0 ? r : 0;
}

static int gather_steps(const CheckSubject *s, CheckDepth depth, const CheckSockets *fds,
                        const Published *p, CheckFacts *f, CheckProblem *ret)
{
        int r = gather_static(s, depth, fds, p, f);

        if (r >= 0)
                r = check_find(f, ret);
        if (r != 0 || depth == CHECK_QUICK || !f->routed)
                return r;
        r = check_read_ruleset(f, p);
        if (r >= 0)
                r = check_find(f, ret);
        if (r == 0 && s->leader == 0)
                return strv_push(&f->notes,
                                 "no machine runs in it: names and ports were not tried");
        if (r == 0)
                r = check_probe_dns(f, fds);
        if (r == 0)
                r = check_find(f, ret);
        if (r == 0)
                r = check_probe_ports(f, p, s->leader);
        return r == 0 ? check_find(f, ret) : r;
}

int check_gather(const CheckSubject *s, CheckDepth depth, CheckFacts *ret_facts,
                 CheckProblem *ret_problem, Error *error)
{
        _cleanup_(close_sockets) CheckSockets fds = { -EBADF, -EBADF, -EBADF, -EBADF };
        _cleanup_close_ int directory = open(PUBLISHED_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int namespaces = 0, r;

        ret_facts->name = s->name;
        r = s->pod ? 0 : namespace_difference(s->leader, &namespaces);
        if (r >= 0 && !s->pod && !(namespaces & CLONE_NEWNET)) {
                ret_facts->shared = true;
                return 0;
        }
        if (r >= 0 && directory >= 0) {
                r = published_read(directory, s->name, &p, error);
                r = r == -ENOENT ? 0 : r;
        }
        if (r >= 0)
                r = open_sockets(s, &fds);
        if (r >= 0)
                r = gather_steps(s, depth, &fds, &p, ret_facts, ret_problem);
        return r < 0 ? error_errno(error, -r, "Failed to look at the network of '%s'", s->name) : r;
}
