/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is called wrong, of which facts, and what is to be typed. */

#include "network/check-gather.h"

#include "base/strv.h"
#include "network/dns-message.h"

#include "../unit.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <string.h>

static IpAddress ip(const char *text)
{
        IpAddress a = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

        assert_int_equal(inet_pton(a.family, text, a.bytes), 1);
        return a;
}

static CheckRoute way(const char *link, uint32_t table)
{
        CheckRoute r = { .asked = true, .table = table };

        (void)snprintf(r.link, sizeof(r.link), "%s", link);
        return r;
}

static CheckAddress address(const char *text, const char *gateway)
{
        CheckAddress a = { .address = ip(text),
                           .inside = true,
                           .to = way("ve-web", RT_TABLE_MAIN),
                           .out = way("host0", RT_TABLE_MAIN),
                           .uplink = way("eth0", RT_TABLE_MAIN),
                           .gateway_here = true };

        a.out.gateway = ip(gateway);
        return a;
}

/* A sound network; a test breaks one thing of it. */
typedef struct Sound {
        CheckFacts f;
        CheckAddress addresses[2];
        CheckSetting setting;
        CheckDrop drop;
        CheckProbe probe;
} Sound;

static void make(Sound *s)
{
        *s = (Sound){ .f = CHECK_FACTS_NULL };
        s->f.name = "web";
        s->f.launcher = 812;
        s->f.routed = true;
        s->f.host = (CheckLink){ "ve-web", true, true, true };
        s->f.inside = (CheckLink){ "host0", true, true, true };
        s->addresses[0] = address("100.64.1.2", "100.64.0.1");
        s->addresses[1] = address("fd00::2", "fd00::1");
        s->f.addresses = s->addresses;
        s->f.n_addresses = 2;
        s->f.dns_asked = true;
        s->probe = (CheckProbe){ .target = ip("127.0.0.1"),
                                 .protocol = IPPROTO_TCP,
                                 .host = 8080,
                                 .machine = 80,
                                 .listener = CHECK_LISTENER_THERE,
                                 .asked = true };
        s->f.probes = &s->probe;
        s->f.n_probes = 1;
}

static void assert_found(const Sound *s, CheckStep step, const char *text, const char *remedy)
{
        _cleanup_check_problem_ CheckProblem p = CHECK_PROBLEM_NULL;

        assert_int_equal(check_find(&s->f, &p), 1);
        assert_string_equal(p.text, text);
        assert_string_equal(p.remedy, remedy);
        assert_int_equal(p.step, step);
        assert_int_equal(p.read, step == CHECK_FIREWALL);
}

static void test_sound(void **state)
{
        _cleanup_check_problem_ CheckProblem p = CHECK_PROBLEM_NULL;
        CheckFacts none = CHECK_FACTS_NULL;
        Sound s;

        make(&s);
        assert_int_equal(check_find(&s.f, &p), 0);
        assert_int_equal(check_find(&none, &p), 0);
        assert_null(p.text);
}

static void test_links(void **state)
{
        Sound s;

        make(&s);
        s.f.host.there = false;
        assert_found(&s, CHECK_LINK, "the host's link ve-web is not there", "stead restart web");
        s.f.host.there = true;
        s.f.host.up = false;
        s.f.inside.up = false;
        assert_found(&s, CHECK_LINK, "the host's link ve-web is down", "ip link set ve-web up");
        s.f.host.up = true;
        assert_found(&s, CHECK_LINK, "host0 is down inside",
                     "stead exec web -- ip link set host0 up");
        s.f.inside.up = true;
        s.f.host.carrier = false;
        assert_found(&s, CHECK_LINK, "ve-web has no carrier though both ends are up",
                     "stead restart web");
        s.f.bridge = (CheckLink){ .name = "vz-z" };
        assert_found(&s, CHECK_LINK, "the host's link vz-z is not there", "stead restart web");
}

static void test_addresses(void **state)
{
        Sound s;

        make(&s);
        s.addresses[1].inside = false;
        assert_found(&s, CHECK_ADDRESS, "host0 has no address fd00::2 inside",
                     "stead exec web -- ip addr add fd00::2/128 dev host0");
        s.f.n_addresses = 0;
        assert_found(&s, CHECK_ADDRESS, "host0 has no address inside: nobody on ve-web gave one",
                     "networkctl status ve-web");
}

static void test_routes(void **state)
{
        Sound s;

        make(&s);
        s.addresses[1].to.error = ENETUNREACH;
        assert_found(&s, CHECK_ROUTE, "the host has no route to fd00::2",
                     "ip -6 route replace fd00::2 dev ve-web");
        s.addresses[0].to = way("eth0", RT_TABLE_MAIN);
        assert_found(&s, CHECK_ROUTE, "the host's route to 100.64.1.2 leads to eth0, not to ve-web",
                     "ip route replace 100.64.1.2 dev ve-web");
        s.addresses[0].to = way("tailscale0", 52);
        assert_found(&s, CHECK_ROUTE,
                     "a rule of the host sends 100.64.1.2 by table 52 to tailscale0, not to ve-web "
                     "(see `ip rule`)",
                     "ip rule add to 100.64.1.2 lookup main priority 1");
        make(&s);
        s.addresses[0].out.error = ENETUNREACH;
        assert_found(&s, CHECK_ROUTE, "the machine has no default route for IPv4",
                     "stead restart web");
        make(&s);
        s.addresses[0].gateway_here = false;
        assert_found(&s, CHECK_ROUTE, "the host's end has not the machine's gateway 100.64.0.1",
                     "ip addr add 100.64.0.1/32 dev ve-web");
        s.addresses[0].out = way("wg0", RT_TABLE_MAIN); /* the machine's own business */
        assert_int_equal(check_find(&s.f, &(CheckProblem){}), 0);
}

static void test_forwarding(void **state)
{
        Sound s;

        make(&s);
        s.f.settings = &s.setting;
        s.f.n_settings = 1;
        (void)strcpy(s.setting.name, "ipv4/conf/eth0.7/forwarding");
        (void)strcpy(s.setting.value, "0");
        assert_found(&s, CHECK_FORWARDING,
                     "the host does not forward: ipv4/conf/eth0.7/forwarding is 0",
                     "sysctl -w net/ipv4/conf/eth0.7/forwarding=1");
        s.setting.culprit = (char *)"/etc/sysctl.d/99-hard.conf";
        assert_found(&s, CHECK_FORWARDING,
                     "the host does not forward: ipv4/conf/eth0.7/forwarding is 0, as "
                     "/etc/sysctl.d/99-hard.conf has it",
                     "sysctl -w net/ipv4/conf/eth0.7/forwarding=1");
}

static void test_table(void **state)
{
        Sound s;

        make(&s);
        s.f.table = 0;
        assert_found(&s, CHECK_NAT,
                     "the table 'inet stead' is gone or not whole: no masquerade, no ports",
                     STEAD_LIBEXECDIR "/stead-firewall restore");
        s.f.launcher_stopped = true;
        assert_found(&s, CHECK_NAT,
                     "the table 'inet stead' is gone or not whole, and the launcher that puts it "
                     "back is stopped: no masquerade, no ports",
                     "kill -CONT 812");
        s.f.table = -EPERM; /* not known */
        assert_int_equal(check_find(&s.f, &(CheckProblem){}), 0);
}

static void test_drops(void **state)
{
        static const struct {
                const char *family, *table, *chain;
                int64_t handle;
                const char *remedy;
        } cases[] = {
                { "inet", "fw", "forward", 0,
                  "nft 'add rule inet fw forward iifname \"ve-web\" accept; "
                  "add rule inet fw forward oifname \"ve-web\" accept'" },
                { "inet", "fw", "forward", 7,
                  "nft 'insert rule inet fw forward iifname \"ve-web\" accept; "
                  "insert rule inet fw forward oifname \"ve-web\" accept'" },
                { "ip", "filter", "FORWARD", 0,
                  "iptables -I FORWARD -i ve-web -j ACCEPT; iptables -I FORWARD -o ve-web -j "
                  "ACCEPT" },
                { "ip6", "filter", "FORWARD", 0,
                  "ip6tables -I FORWARD -i ve-web -j ACCEPT; ip6tables -I FORWARD -o ve-web -j "
                  "ACCEPT" },
                { "ip", "filter", "ufw-reject-forward", 3,
                  "ufw route allow in on ve-web && ufw route allow out on ve-web" },
                { "inet", "firewalld", "filter_FORWARD", 9,
                  "firewall-cmd --permanent --zone=trusted --add-interface=ve-web && firewall-cmd "
                  "--reload" },
        };
        Sound s;

        make(&s);
        s.f.drops = &s.drop;
        s.f.n_drops = 1;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = NULL;

                s.drop = (CheckDrop){ .certain = true,
                                      .family = cases[i].family,
                                      .table = cases[i].table,
                                      .chain = cases[i].chain,
                                      .handle = cases[i].handle,
                                      .rule = (char *)"drop",
                                      .what = "answers" };
                assert_true(asprintf(&text,
                                     cases[i].handle > 0 ? "chain '%s' of table '%s %s' drops "
                                                           "answers: drop # handle %d"
                                                         : "chain '%s' of table '%s %s' drops "
                                                           "answers by its policy",
                                     cases[i].chain, cases[i].family, cases[i].table,
                                     (int)cases[i].handle) > 0);
                assert_found(&s, CHECK_FIREWALL, text, cases[i].remedy);
        }
        s.drop.certain = false; /* a note, no fault */
        assert_int_equal(check_find(&s.f, &(CheckProblem){}), 0);
}

static void test_dns(void **state)
{
        Sound s;

        make(&s);
        s.f.dns_outside = DNS_SERVFAIL;
        assert_found(&s, CHECK_DNS, "no name server of the host (/etc/resolv.conf) answers",
                     "cat /etc/resolv.conf");
        s.f.dns_own = DNS_NXDOMAIN;
        assert_found(&s, CHECK_DNS,
                     "the name server at the machine's gateway does not know the machine's own "
                     "name",
                     "ss -lunp 'sport = 53'");
        s.f.dns_own = -ETIMEDOUT;
        s.f.launcher_stopped = true;
        assert_found(&s, CHECK_DNS, "the name server at the machine's gateway does not answer",
                     "kill -CONT 812");
        make(&s);
        s.f.dns_outside = DNS_REFUSED; /* somebody is there */
        assert_int_equal(check_find(&s.f, &(CheckProblem){}), 0);
}

static void test_ports(void **state)
{
        Sound s;

        make(&s);
        s.probe.error = ECONNREFUSED;
        s.probe.listener = CHECK_LISTENER_NONE;
        assert_found(&s, CHECK_PORT, "port 8080/tcp: nothing listens inside on port 80",
                     "stead exec web -- ss -ltn");
        s.probe.listener = CHECK_LISTENER_LOOPBACK;
        assert_found(&s, CHECK_PORT,
                     "port 8080/tcp: what listens inside on port 80 does so on the machine's "
                     "loopback address only",
                     "stead exec web -- ss -ltn");
        s.probe.listener = CHECK_LISTENER_ELSEWHERE;
        assert_found(&s, CHECK_PORT, "port 8080/tcp: nothing listens inside on port 80 for IPv4",
                     "stead exec web -- ss -ltn");
        s.probe.listener = CHECK_LISTENER_THERE;
        s.probe.error = ETIMEDOUT;
        s.probe.target = ip("::1");
        assert_found(&s, CHECK_PORT,
                     "port 8080/tcp: no answer by way of [::1] (Connection timed out), though 80 "
                     "is listened on inside: a rule drops it, maybe inside",
                     "stead exec web -- nft list ruleset");
        s.probe.protocol = IPPROTO_UDP;
        s.probe.asked = false;
        assert_int_equal(check_find(&s.f, &(CheckProblem){}), 0);
        s.probe.listener = CHECK_LISTENER_NONE;
        assert_found(&s, CHECK_PORT, "port 8080/udp: nothing listens inside on port 80",
                     "stead exec web -- ss -lun");
}

/* The order is that of a packet: whoever reads of a port need not think of links. */
static void test_order(void **state)
{
        Sound s;

        make(&s);
        s.probe.listener = CHECK_LISTENER_NONE;
        s.probe.error = ECONNREFUSED;
        s.f.dns_own = -ETIMEDOUT;
        s.f.table = 0;
        s.addresses[0].inside = false;
        s.f.host.up = false;
        assert_found(&s, CHECK_LINK, "the host's link ve-web is down", "ip link set ve-web up");
}

static void test_listener(void **state)
{
        static const char head[] = "  sl  local_address rem_address   st tx_queue\n";
        static const struct {
                const char *v4, *v6;
                const char *address;
                CheckListener expect;
        } cases[] = {
                { "", "", "100.64.1.2", CHECK_LISTENER_NONE },
                { "   0: 00000000:0050 00000000:0000 0A 0\n", "", "100.64.1.2",
                  CHECK_LISTENER_THERE },
                { "   0: 00000000:0050 00000000:0000 0A 0\n", "", "fd00::2",
                  CHECK_LISTENER_ELSEWHERE },
                { "   0: 00000000:0051 00000000:0000 0A 0\n", "", "100.64.1.2",
                  CHECK_LISTENER_NONE },
                { "   0: 00000000:0050 00000000:0000 01 0\n", "", "100.64.1.2",
                  CHECK_LISTENER_NONE },
                { "   0: 0100007F:0050 00000000:0000 0A 0\n", "", "100.64.1.2",
                  CHECK_LISTENER_LOOPBACK },
                { "   0: 02014064:0050 00000000:0000 0A 0\n", "", "100.64.1.2",
                  CHECK_LISTENER_THERE },
                { "",
                  "   0: 00000000000000000000000000000000:0050 "
                  "00000000000000000000000000000000:0000 0A 0\n",
                  "100.64.1.2", CHECK_LISTENER_THERE },
                { "",
                  "   0: 00000000000000000000000001000000:0050 "
                  "00000000000000000000000000000000:0000 0A 0\n",
                  "fd00::2", CHECK_LISTENER_LOOPBACK },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *v4 = NULL, *v6 = NULL;
                IpAddress a = ip(cases[i].address);

                assert_true(asprintf(&v4, "%s%s", head, cases[i].v4) > 0);
                assert_true(asprintf(&v6, "%s%s", head, cases[i].v6) > 0);
                assert_int_equal(check_probe_listener(v4, v6, IPPROTO_TCP, &a, 80),
                                 cases[i].expect);
        }
        assert_int_equal(check_probe_listener(NULL, NULL, IPPROTO_TCP, &(IpAddress){}, 80),
                         CHECK_LISTENER_UNKNOWN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sound),      cmocka_unit_test(test_links),
                cmocka_unit_test(test_addresses),  cmocka_unit_test(test_routes),
                cmocka_unit_test(test_forwarding), cmocka_unit_test(test_table),
                cmocka_unit_test(test_drops),      cmocka_unit_test(test_dns),
                cmocka_unit_test(test_ports),      cmocka_unit_test(test_order),
                cmocka_unit_test(test_listener),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
