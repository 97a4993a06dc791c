/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links, then ports, then names. Without links of its own nothing of this costs a machine a system
 * call. Whatever only makes the network poorer is a warning; a port that does not open is a failed
 * start, since the machine would be there and not be reached. */

#include "boot/boot-network.h"

#include "base/fd.h"
#include "boot/boot.h"
#include "network/forwarding.h"
#include "network/port-holder.h"
#include "network/published-list.h"
#include "network/table-check.h"
#include "network/table-share.h"
#include "os/machine-id.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIREWALL "stead-firewall"

static void warn(const Boot *b, const Error *cause)
{
        fprintf(stderr, "Machine '%s': %s.\n", b->plan->machine, cause->message);
        if (cause->hint)
                fprintf(stderr, "  Try: %s\n", cause->hint);
}

/* Beside us in the build, or installed. */
static int open_firewall(void)
{
        char path[512];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
        int fd = -EBADF;

        if (n > 0) {
                path[n] = '\0';
                strcpy(strrchr(path, '/') + 1, "../firewall/" FIREWALL);
                fd = open(path, O_PATH | O_CLOEXEC);
        }
        if (fd < 0)
                fd = open(STEAD_LIBEXECDIR "/" FIREWALL, O_PATH | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

_noreturn_ static void become_firewall(int program, const char *verb, const char *name)
{
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)unsetenv("NOTIFY_SOCKET");
        (void)fexecve(program,
                      (char *const[]){ (char *)FIREWALL, (char *)verb, (char *)name, NULL },
                      environ);
        _exit(EXIT_FAILURE);
}

static int begin_firewall(BootNetwork *n, const char *verb, const char *name, Error *error)
{
        _cleanup_close_ int program = open_firewall();

        if (program < 0) {
                error_errno(error, -program,
                            "Failed to open '" STEAD_LIBEXECDIR "/" FIREWALL
                            "', which opens ports");
                error_hint(error, "install stead anew");
                return program;
        }
        n->firewall = fork();
        if (n->firewall < 0) {
                n->firewall = 0;
                return error_errno(error, errno, "Failed to start " FIREWALL);
        }
        if (n->firewall == 0)
                become_firewall(program, verb, name);
        return 0;
}

/* Whether it went well; it has said itself what did not. */
static bool end_firewall(BootNetwork *n)
{
        int status = EXIT_FAILURE;

        if (n->firewall == 0)
                return true;
        while (waitpid(n->firewall, &status, 0) < 0 && errno == EINTR)
                ;
        n->firewall = 0;
        return status == 0;
}

/* The addresses of host0 that we know, its link and its ports. */
static int describe(const Boot *b, Published *p, Error *error)
{
        const Network *n = &b->network.network;
        const NetworkPlan *plan = n->plan;
        int r;

        p->machine = strdup(b->plan->machine);
        r = p->machine ? published_set_interface(p, network_host_link(plan)) : -ENOMEM;
        for (size_t i = 0; i < n->addresses.n && r >= 0; i++) {
                const IpAddress *ip = &n->addresses.items[i].address;
                PublishedAddress a = { .family = ip->family };

                memcpy(&a.in, ip->bytes, ip_address_size(ip->family));
                r = published_add_address(p, &a);
        }
        for (size_t i = 0; i < plan->ports.n && r >= 0; i++) {
                const PortSetting *s = &plan->ports.items[i];
                PublishedPort port = { .protocol = s->protocol,
                                       .host.family = s->address.family,
                                       .first = s->host,
                                       .last = (uint16_t)(s->host + s->n - 1),
                                       .machine_first = s->machine };

                memcpy(&port.host.in, s->address.bytes, ip_address_size(s->address.family));
                r = published_add_port(p, &port);
        }
        return r < 0 ? error_set(error, -r, "Out of memory") : 0;
}

/* Takes from the dead what they hold. */
static int check_claims(Boot *b, const Published *p, Error *error)
{
        for (unsigned attempts = 0;; attempts++) {
                _cleanup_published_list_ PublishedList list = PUBLISHED_LIST_NULL;
                _cleanup_machine_ Machine *holder = NULL;
                _cleanup_error_ Error cause = ERROR_NULL;
                const char *name = NULL;
                int r = published_list_read(b->network.directory_fd, &list, error);

                if (r < 0)
                        return r;
                r = published_list_check(&list, p, &name, &cause);
                if (r >= 0)
                        return 0;
                if (!name || attempts >= list.n || machine_open(name, &holder, NULL) >= 0 ||
                    begin_firewall(&b->network, "remove", name, NULL) < 0)
                        return error_move(error, &cause);
                (void)end_firewall(&b->network);
        }
}

static int check_ports(Boot *b, const Published *p, Error *error)
{
        int r = check_claims(b, p, error);

        for (size_t i = 0; i < p->n_ports && r >= 0; i++) {
                _cleanup_port_holder_ PortHolder holder = PORT_HOLDER_NULL;

                r = port_holder_find(&p->ports[i], &holder);
                if (r > 0)
                        r = port_holder_refuse(&p->ports[i], &holder, error);
                else if (r < 0)
                        r = 0; /* who cannot be found is not in the way */
        }
        return r;
}

static int publish(Boot *b, Error *error)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r = describe(b, &p, error);

        if (r < 0)
                return r;
        b->network.directory_fd = published_open_directory(error);
        if (b->network.directory_fd < 0)
                return b->network.directory_fd;
        r = p.n_ports > 0 ? check_ports(b, &p, error) : 0;
        if (r >= 0)
                r = published_write(b->network.directory_fd, &p, error);
        b->network.published = r >= 0;
        return r;
}

/* The host's end of host0 is the host's own, and the addresses are known. */
static bool is_routed(const Network *n)
{
        return n->addresses.n > 0 && !n->plan->bridge;
}

int boot_network_acquire(Boot *b, Error *error)
{
        BootNetwork *n = &b->network;
        HostSettings settings = host_settings_default;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        Id128 host = {};
        int r;

        if (!network_plan_has_links(&b->plan->network))
                return 0;
        (void)host_settings_load(HOST_SETTINGS_PATH, &settings, &diagnostics, NULL);
        (void)machine_id_of_host(&host); /* one without an id has the addresses of its kind */
        r = network_acquire(&b->plan->network, b->plan->machine, &settings, &host, &n->network,
                            error);
        if (r < 0)
                return r;
        n->acquired = true;
        return is_routed(&n->network) ? publish(b, error) : 0;
}

static void forward(Boot *b)
{
        _cleanup_error_ Error cause = ERROR_NULL;

        if (forwarding_enable(network_host_link(&b->plan->network), &cause) < 0)
                warn(b, &cause);
        b->network.forwards = true;
}

/* The program only where more than the machine's own elements has to change. */
static int open_ports(Boot *b, Error *error)
{
        BootNetwork *n = &b->network;

        if (n->table_fd < 0)
                n->table_fd = table_check_open();
        if (table_share_add(n->directory_fd, n->table_fd, b->plan->machine) > 0)
                return 0;
        return begin_firewall(n, "add", b->plan->machine, error);
}

static void close_ports(Boot *b)
{
        BootNetwork *n = &b->network;

        if (table_share_remove(n->directory_fd, n->table_fd, b->plan->machine) == 0 &&
            begin_firewall(n, "remove", b->plan->machine, NULL) >= 0)
                (void)end_firewall(n);
        n->published = false;
}

int boot_network_start(Boot *b, int route_fd, Error *error)
{
        _cleanup_close_ int route = route_fd, netns = -EBADF;
        BootNetwork *n = &b->network;
        char path[64];
        int r;

        if (!n->acquired)
                return 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)b->pid);
        netns = open(path, O_RDONLY | O_CLOEXEC);
        if (netns < 0)
                return error_errno(error, errno, "Failed to open the network namespace of '%s'",
                                   b->plan->machine);
        r = network_up(&n->network, netns, TAKE_FD(route), error);
        if (r < 0 || !is_routed(&n->network))
                return r;
        forward(b);
        return open_ports(b, error);
}

static int find_name(void *userdata, const char *name, DnsHost *ret)
{
        const Boot *b = userdata;
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r = published_read(b->network.directory_fd, name, &p, NULL);

        if (r < 0)
                return r == -ENOMEM ? r : 0; /* no name of a machine, or a broken file */
        ret->n = 0;
        for (size_t i = 0; i < p.n_addresses && ret->n < DNS_HOST_ADDRESSES; i++) {
                DnsAddress *a = &ret->addresses[ret->n++];

                a->family = p.addresses[i].family;
                memcpy(&a->v6, &p.addresses[i].in, ip_address_size(a->family));
        }
        return 1;
}

static int find_address(void *userdata, const DnsAddress *address,
                        char ret[static DNS_HOST_NAME_SIZE])
{
        _cleanup_free_ char *name = NULL;
        int r = address_pool_holder(address->family, &address->v6, &name);

        if (r > 0)
                (void)snprintf(ret, DNS_HOST_NAME_SIZE, "%s", name);
        return r;
}

/* Whoever has port 53 of all addresses of the host answers in our place. */
static void answer_names(Boot *b)
{
        const Network *n = &b->network.network;
        DnsRelayConfig config = {
                .interface = network_host_link(n->plan),
                .v4 = n->gateway4.family == AF_INET ? &n->gateway4.v4 : NULL,
                .v6 = n->gateway6.family == AF_INET6 ? &n->gateway6.v6 : NULL,
                .zone = { .find_name = find_name, .find_address = find_address, .userdata = b },
        };
        _cleanup_error_ Error cause = ERROR_NULL;

        if (dns_relay_new(&config, &b->network.relay, &cause) < 0 && cause.number != EADDRINUSE)
                warn(b, &cause);
}

int boot_network_finish(Boot *b, Error *error)
{
        BootNetwork *n = &b->network;

        if (!n->acquired || !is_routed(&n->network))
                return 0;
        answer_names(b);
        (void)table_watch_open(&n->watch); /* a host without nf_tables: told by the program */
        if (end_firewall(n))
                return 0;
        n->published = false; /* it has taken back what was refused */
        if (b->plan->network.ports.n > 0)
                return error_set(error, EIO,
                                 "The ports of machine '%s' cannot be opened, see above",
                                 b->plan->machine);
        fprintf(stderr, "Machine '%s' has no way out of the host, see above.\n", b->plan->machine);
        return 0;
}

void boot_network_on_table(Boot *b)
{
        if (table_watch_drain(&b->network.watch) > 0 &&
            begin_firewall(&b->network, "restore", NULL, NULL) >= 0)
                (void)end_firewall(&b->network);
}

void boot_network_end_start(Boot *b)
{
        BootNetwork *n = &b->network;

        (void)end_firewall(n);
        n->relay = dns_relay_free(n->relay);
        table_watch_done(&n->watch);
        if (n->acquired)
                network_down(&n->network);
        if (n->forwards)
                (void)forwarding_disable(network_host_link(&b->plan->network), NULL);
        n->forwards = false;
}

void boot_network_release(Boot *b)
{
        BootNetwork *n = &b->network;

        boot_network_end_start(b);
        if (n->published)
                close_ports(b);
        if (n->acquired)
                network_release(&n->network);
        closep(&n->table_fd);
        closep(&n->directory_fd);
        *n = BOOT_NETWORK_NULL;
}
