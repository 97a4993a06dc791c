/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine publishes, from its plan and the addresses that it has at the moment, and the
 * program that makes the host's table of it. Must not know when addresses change. */

#include "boot/boot-publish.h"

#include "base/fd.h"
#include "boot/boot.h"
#include "network/port-holder.h"
#include "network/published-list.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIREWALL "stead-firewall"

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

int boot_publish_begin(BootNetwork *n, const char *verb, const char *name, Error *error)
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

bool boot_publish_end(BootNetwork *n)
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
        p->masquerade = n->addressing != NETWORK_ADDRESSING_NETWORKD;
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
                    boot_publish_begin(&b->network, "remove", name, NULL) < 0)
                        return error_move(error, &cause);
                (void)boot_publish_end(&b->network);
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

int boot_publish(Boot *b, Error *error)
{
        _cleanup_published_ Published p = PUBLISHED_NULL;
        int r = describe(b, &p, error);

        if (r < 0)
                return r;
        if (b->network.directory_fd < 0)
                b->network.directory_fd = published_open_directory(error);
        if (b->network.directory_fd < 0)
                return b->network.directory_fd;
        r = p.n_ports > 0 && !b->network.published ? check_ports(b, &p, error) : 0;
        if (r >= 0)
                r = published_write(b->network.directory_fd, &p, error);
        b->network.published = r >= 0;
        return r;
}
