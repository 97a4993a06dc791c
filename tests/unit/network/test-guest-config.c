/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that tell a machine of its network, as whole texts. */

#include "network/dns-zone.h"
#include "network/guest-config.h"

#include "net-world.h"

#include "made.h"

#define HEAD "# Written by stead for this start; see ResolvConf= in stead.machine(5).\n"
#define NETWORK_HEAD(link)                                                               \
        "# Written by stead for this start. A file of yours that sorts before this one " \
        "and\n# matches " link " takes its place.\n[Match]\nName=" link "\n[Network]\n"  \
        "DHCP=no\nIPv6AcceptRA=no\nLinkLocalAddressing=ipv6\nKeepConfiguration=yes\n"

static const struct {
        const char *words, *resolv_conf, *networkd, *resolved; /* NULL: no such file */
} rows[] = {
        { "-n|--network-address=192.0.2.5/24|--network-gateway=192.0.2.1",
          HEAD "nameserver 192.0.2.1\nsearch " DNS_ZONE_DOMAIN "\n",
          NETWORK_HEAD("host0") "Address=192.0.2.5/24\nDNS=192.0.2.1\nDomains=" DNS_ZONE_DOMAIN "\n"
                                "[Route]\nGateway=192.0.2.1\nGatewayOnLink=yes\n",
          "[Resolve]\nDNS=192.0.2.1\nDomains=" DNS_ZONE_DOMAIN "\n" },
        { "-n|--network-address=192.0.2.5/24|--network-gateway=192.0.2.1|"
          "--network-address=2001:db8::5/64|--network-gateway=2001:db8::1|"
          "--network-dns=198.51.100.1|--network-dns=2001:db8::53",
          HEAD "nameserver 198.51.100.1\nnameserver 2001:db8::53\n",
          NETWORK_HEAD("host0") "Address=192.0.2.5/24\nAddress=2001:db8::5/64\n"
                                "DNS=198.51.100.1\nDNS=2001:db8::53\n"
                                "[Route]\nGateway=192.0.2.1\nGatewayOnLink=yes\n"
                                "[Route]\nGateway=2001:db8::1\nGatewayOnLink=yes\n",
          "[Resolve]\nDNS=198.51.100.1\nDNS=2001:db8::53\n" },
        /* nobody of ours answers in a bridge or behind a macvlan */
        { "--network-bridge=br0|--network-address=192.0.2.5/24", NULL,
          NETWORK_HEAD("host0") "Address=192.0.2.5/24\n", NULL },
        { "--network-macvlan=eth0|--network-address=192.0.2.5/24|--network-gateway=192.0.2.1", NULL,
          NETWORK_HEAD("mv-eth0") "Address=192.0.2.5/24\n"
                                  "[Route]\nGateway=192.0.2.1\nGatewayOnLink=yes\n",
          NULL },
        { "--network-bridge=br0|--network-dns=192.0.2.1", HEAD "nameserver 192.0.2.1\n", NULL,
          "[Resolve]\nDNS=192.0.2.1\n" },
        { "--network-bridge=br0", NULL, NULL, NULL },
};

static void assert_text(const char *words, int (*make)(const Network *n, char **ret),
                        const Network *n, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(make(n, &text), 0);
        if (!text != !expected || (text && strcmp(text, expected) != 0))
                fail_msg("%s:\n%s\ninstead of\n%s", words, text ?: "(none)", expected ?: "(none)");
}

static void test_texts(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_made_ Made m = MADE_NULL;

                assert_int_equal(made_acquire(&m, "web", rows[i].words, NULL), 0);
                assert_text(rows[i].words, network_resolv_conf, &m.network, rows[i].resolv_conf);
                assert_text(rows[i].words, network_networkd_file, &m.network, rows[i].networkd);
                assert_text(rows[i].words, network_resolved_file, &m.network, rows[i].resolved);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { ON_HOST(test_texts) };
        int r = world_enter() ?: net_world_check();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
