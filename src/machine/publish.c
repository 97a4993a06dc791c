/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing down what a network publishes, after a look at who has it already. */

#include "machine/publish.h"

#include "machine/firewall.h"
#include "machine/machine.h"
#include "machine/pod-network.h"
#include "network/port-holder.h"
#include "network/published-list.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* The addresses of host0 that we know, its link and its ports. */
static int describe(const Network *n, Published *p, Error *error)
{
        const NetworkPlan *plan = n->plan;
        int r;

        p->machine = strdup(n->name);
        p->masquerade = n->addressing != NETWORK_ADDRESSING_NETWORKD;
        r = p->machine ? published_set_interface(p, network_host_link(plan)) : -ENOMEM;
        for (size_t i = 0; i < n->addresses.n && r >= 0; i++)
                r = published_add_address(p, &n->addresses.items[i].address);
        for (size_t i = 0; i < plan->ports.n && r >= 0; i++) {
                const PortSetting *s = &plan->ports.items[i];
                PublishedPort port = { .protocol = s->protocol,
                                       .host.family = s->address.family,
                                       .first = s->host,
                                       .last = (uint16_t)(s->host + s->n - 1),
                                       .machine_first = s->machine };

                memcpy(port.host.bytes, s->address.bytes, ip_address_size(s->address.family));
                r = published_add_port(p, &port);
        }
        return r < 0 ? error_set(error, -r, "Out of memory") : 0;
}

/* One that is only starting has no state yet, but holds its directory. */
static bool lives(const char *name)
{
        _cleanup_free_ char *path = machine_path(name, ".");
        _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

        return !path || (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0) || pod_network_lives(name);
}

/* Takes from the dead what they hold. */
static int check_claims(int dirfd, const Published *p, Error *error)
{
        for (unsigned attempts = 0;; attempts++) {
                _cleanup_published_list_ PublishedList list = PUBLISHED_LIST_NULL;
                pid_t firewall = 0;
                _cleanup_error_ Error cause = ERROR_NULL;
                const char *name = NULL;
                int r = published_list_read(dirfd, &list, error);

                if (r < 0)
                        return r;
                r = published_list_check(&list, p, &name, &cause);
                if (r >= 0)
                        return 0;
                if (!name || attempts >= list.n || lives(name) ||
                    firewall_begin(&firewall, "remove", name, NULL) < 0)
                        return error_move(error, &cause);
                (void)firewall_end(&firewall);
        }
}

static int check_ports(int dirfd, const Published *p, Error *error)
{
        int r = check_claims(dirfd, p, error);

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

int network_publish(const Network *n, int dirfd, bool check, Error *error)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r = describe(n, &p, error);

        if (r >= 0 && p.n_ports > 0 && check)
                r = check_ports(dirfd, &p, error);
        return r < 0 ? r : published_write(dirfd, &p, error);
}
