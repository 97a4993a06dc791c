/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules as `nft -j list ruleset` prints them, and what they do to a packet. */

#include "network/check-ruleset.h"

#include "network/check-legacy.h"

#include "base/cleanup.h"

#include "../unit.h"

#include <arpa/inet.h>
#include <string.h>

#define CHAIN(policy)                                                                   \
        "{\"chain\": {\"family\": \"inet\", \"table\": \"fw\", \"name\": \"forward\", " \
        "\"hook\": \"forward\", \"prio\": 0, \"policy\": \"" policy "\"}}"
#define RULE_OF(chain, n, expr)                                                      \
        ", {\"rule\": {\"family\": \"inet\", \"table\": \"fw\", \"chain\": \"" chain \
        "\", \"handle\": " #n ", \"expr\": [" expr "]}}"
#define RULE(n, expr) RULE_OF("forward", n, expr)
#define MATCH(op, left, right) \
        "{\"match\": {\"op\": \"" op "\", \"left\": " left ", \"right\": " right "}}, "
#define META(key) "{\"meta\": {\"key\": \"" key "\"}}"
#define CT(key) "{\"ct\": {\"key\": \"" key "\"}}"
#define FIELD(protocol, field) \
        "{\"payload\": {\"protocol\": \"" protocol "\", \"field\": \"" field "\"}}"
#define ACCEPT "{\"accept\": null}"
#define DROP "{\"drop\": null}"
#define REJECT "{\"reject\": {\"type\": \"icmpx\"}}"
#define JUMP(to) "{\"jump\": {\"target\": \"" to "\"}}"

enum { PASSES = -1, POLICY = 0, MAYBE = 1000 };

/* The handle of what drops; MAYBE is added where that is not certain. */
static int walk(const char *objects, const CheckPacket *packet)
{
        _cleanup_free_ char *text = NULL;
        CheckDrop drop = CHECK_DROP_NULL;
        json_t *ruleset;
        int r;

        assert_true(asprintf(&text, "{\"nftables\": [%s]}", objects) > 0);
        ruleset = json_loads(text, 0, NULL);
        assert_non_null(ruleset);
        r = check_ruleset_walk(ruleset, packet, &drop);
        if (r > 0)
                assert_string_equal(drop.table, "fw");
        json_decref(ruleset);
        return r == 0 ? PASSES : (int)drop.handle + (drop.certain ? 0 : MAYBE);
}

static CheckPacket packet(void)
{
        CheckPacket p = { .hook = "forward",
                          .what = "x",
                          .family = AF_INET,
                          .in = "ve-web",
                          .out = "eth0",
                          .protocol = IPPROTO_TCP,
                          .port = 80,
                          .source.family = AF_INET };

        assert_int_equal(inet_pton(AF_INET, "100.64.1.2", &p.source.v4), 1);
        return p;
}

static void test_rules(void **state)
{
        static const struct {
                const char *objects;
                int expect;
        } cases[] = {
                { CHAIN("accept"), PASSES },
                { CHAIN("drop"), POLICY },
                { CHAIN("accept") RULE(3, DROP), 3 },
                { CHAIN("accept") RULE(3, REJECT), 3 },
                { CHAIN("drop") RULE(3, ACCEPT), PASSES },
                { CHAIN("drop") RULE(3, "{\"counter\": null}, {\"log\": {}}"), POLICY },
                /* links */
                { CHAIN("drop") RULE(3, MATCH("==", META("iifname"), "\"ve-*\"") ACCEPT), PASSES },
                { CHAIN("drop") RULE(3, MATCH("==", META("iifname"), "\"eth0\"") ACCEPT), POLICY },
                { CHAIN("drop") RULE(3, MATCH("!=", META("oifname"), "\"eth1\"") ACCEPT), PASSES },
                { CHAIN("drop") RULE(3, MATCH("==", META("iif"), "{\"set\": [\"a\", \"ve-web\"]}")
                                                ACCEPT),
                  PASSES },
                /* addresses and ports */
                { CHAIN("accept") RULE(3, MATCH("==", FIELD("ip", "saddr"),
                                                "{\"prefix\": {\"addr\": \"100.64.0.0\", \"len\": "
                                                "10}}") DROP),
                  3 },
                { CHAIN("accept") RULE(3, MATCH("==", FIELD("ip", "saddr"),
                                                "{\"prefix\": {\"addr\": \"10.0.0.0\", \"len\": "
                                                "8}}") DROP),
                  PASSES },
                { CHAIN("accept")
                          RULE(3, MATCH("==", FIELD("ip", "saddr"),
                                        "{\"range\": [\"100.64.1.0\", \"100.64.1.9\"]}") DROP),
                  3 },
                { CHAIN("accept") RULE(3, MATCH("==", FIELD("ip6", "saddr"), "\"::1\"") DROP),
                  PASSES },
                { CHAIN("accept") RULE(3, MATCH("==", FIELD("ip", "daddr"), "\"9.9.9.9\"") DROP),
                  3 + MAYBE },
                { CHAIN("accept") RULE(3, MATCH("==", FIELD("tcp", "dport"),
                                                "{\"set\": [22, {\"range\": [80, 90]}]}") DROP),
                  3 },
                { CHAIN("accept") RULE(3, MATCH("==", FIELD("udp", "dport"), "80") DROP), PASSES },
                { CHAIN("accept") RULE(3, MATCH("==", META("l4proto"), "6") DROP), 3 },
                { CHAIN("accept") RULE(3, MATCH("==", META("nfproto"), "\"ipv6\"") DROP), PASSES },
                /* connections */
                { CHAIN("drop") RULE(3, MATCH("in", CT("state"), "[\"established\", \"related\"]")
                                                ACCEPT),
                  POLICY },
                { CHAIN("drop") RULE(3, MATCH("in", CT("state"), "\"new\"") ACCEPT), PASSES },
                { CHAIN("drop") RULE(3, MATCH("in", CT("status"), "\"dnat\"") ACCEPT), POLICY },
                { CHAIN("drop") RULE(3, "{\"vmap\": {\"key\": " CT("state") ", \"data\": {\"set\": "
                                                                            "[[\"invalid\", " DROP
                                                                            "], [\"new\", " ACCEPT
                                                                            "]]}}}"),
                  PASSES },
                /* what cannot be judged */
                { CHAIN("accept") RULE(3, MATCH("==", META("mark"), "7") DROP), 3 + MAYBE },
                { CHAIN("drop") RULE(3, MATCH("==", META("mark"), "7") ACCEPT), POLICY + MAYBE },
                { CHAIN("drop") RULE(3, MATCH("==", META("mark"), "7") DROP), POLICY },
                { CHAIN("drop") RULE(3, "{\"xt\": null}, " ACCEPT), POLICY + MAYBE },
                { CHAIN("drop") RULE(3, "{\"xt\": {\"type\": \"match\"}}, " ACCEPT) RULE(4, ACCEPT),
                  PASSES },
                { CHAIN("accept") RULE(3, "{\"xt\": {\"type\": \"target\", \"name\": \"REJECT\"}}"),
                  3 + MAYBE },
                /* named sets */
                { "{\"set\": {\"family\": \"inet\", \"table\": \"fw\", \"name\": \"s\", \"elem\": "
                  "[{\"elem\": {\"val\": \"ve-web\"}}]}}, " CHAIN("accept")
                          RULE(3, MATCH("==", META("iifname"), "\"@s\"") DROP),
                  3 },
                { CHAIN("accept") RULE(3, MATCH("==", META("iifname"), "\"@none\"") DROP), PASSES },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CheckPacket p = packet();
                int found = walk(cases[i].objects, &p);

                if (found != cases[i].expect)
                        print_error("%s\n", cases[i].objects);
                assert_int_equal(found, cases[i].expect);
        }
}

static void test_jumps(void **state)
{
        static const struct {
                const char *objects;
                int expect;
        } cases[] = {
                { CHAIN("accept") RULE(3, JUMP("x")) RULE_OF("x", 5, DROP), 5 },
                { CHAIN("drop") RULE(3, JUMP("x")) RULE_OF("x", 5, ACCEPT), PASSES },
                { CHAIN("drop") RULE(3, JUMP("x")) RULE_OF("x", 5, "{\"return\": null}")
                          RULE_OF("x", 6, ACCEPT),
                  POLICY },
                { CHAIN("accept") RULE(3, "{\"goto\": {\"target\": \"x\"}}") RULE(4, DROP),
                  PASSES },
                { CHAIN("accept") RULE(3, JUMP("x")) RULE(4, DROP), 4 },
                { CHAIN("accept") RULE(3, MATCH("==", META("mark"), "7") JUMP("x"))
                          RULE_OF("x", 5, DROP),
                  5 + MAYBE },
                { CHAIN("drop") RULE(3, MATCH("==", META("mark"), "7") JUMP("x"))
                          RULE_OF("x", 5, ACCEPT),
                  POLICY + MAYBE },
                /* a chain that jumps to itself ends */
                { CHAIN("accept") RULE(3, JUMP("forward")), PASSES },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CheckPacket p = packet();

                assert_int_equal(walk(cases[i].objects, &p), cases[i].expect);
        }
}

static void test_packets(void **state)
{
        static const char answers[] =
                CHAIN("drop") RULE(3, MATCH("in", CT("state"), "\"established\"") ACCEPT);
        static const char ports[] =
                CHAIN("drop") RULE(3, MATCH("in", CT("status"), "\"dnat\"") ACCEPT);
        CheckPacket p = packet();

        assert_int_equal(walk(answers, &p), POLICY);
        p.established = true;
        assert_int_equal(walk(answers, &p), PASSES);
        assert_int_equal(walk(ports, &p), POLICY);
        p.dnat = true;
        assert_int_equal(walk(ports, &p), PASSES);
        p.hook = "input";
        assert_int_equal(walk(answers, &p), PASSES);
}

#define LEGACY_HEAD \
        "-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N DOCKER-USER\n-N DOCKER\n"

static void test_legacy(void **state)
{
        static const struct {
                const char *text;
                int expect;
        } cases[] = {
                { "-P FORWARD ACCEPT\n", PASSES },
                { LEGACY_HEAD, POLICY },
                { LEGACY_HEAD "-A FORWARD -j DOCKER-USER\n"
                              "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j "
                              "ACCEPT\n"
                              "-A FORWARD -o docker0 -j DOCKER\n"
                              "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n"
                              "-A DOCKER-USER -j RETURN\n",
                  POLICY },
                { LEGACY_HEAD "-A FORWARD -i ve-+ -j ACCEPT\n", PASSES },
                { LEGACY_HEAD "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n",
                  POLICY },
                { LEGACY_HEAD "-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT\n",
                  POLICY + MAYBE },
                { LEGACY_HEAD "-A FORWARD -j DOCKER-USER\n"
                              "-A DOCKER-USER -s 100.64.0.0/10 -p tcp -m tcp --dport 80:90 -m "
                              "comment --comment \"no web\" -j REJECT --reject-with "
                              "icmp-port-unreachable\n",
                  7 },
                { LEGACY_HEAD "-A FORWARD -s 10.0.0.0/8 -j DROP\n-A FORWARD -j ACCEPT\n", PASSES },
                { LEGACY_HEAD "-A FORWARD -m mark --mark 0x7 -j ACCEPT\n", POLICY + MAYBE },
                { LEGACY_HEAD "-A FORWARD -j LOG --log-prefix \"x y\"\n", POLICY },
                { LEGACY_HEAD "-A FORWARD -i\n-A\n-A FORWARD ! -s\nx\n\"\n-P FORWARD\n",
                  POLICY + MAYBE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *ruleset = check_legacy_parse("ip", cases[i].text);
                CheckDrop drop = CHECK_DROP_NULL;
                CheckPacket p = packet();
                int r = check_ruleset_walk(ruleset, &p, &drop);
                int found = r == 0 ? PASSES : (int)drop.handle + (drop.certain ? 0 : MAYBE);

                if (found != cases[i].expect)
                        print_error("%s\n", cases[i].text);
                assert_int_equal(found, cases[i].expect);
                json_decref(ruleset);
        }
}

/* Only what is JSON comes here at all; of any shape. */
static void test_nonsense(void **state)
{
        static const char *const texts[] = {
                "",
                "1, null, \"x\", []",
                "{\"chain\": 1}",
                "{\"rule\": {\"expr\": 1}}",
                CHAIN("drop") RULE(3, "1, null, {\"match\": 1}, {\"vmap\": []}, {\"jump\": 7}"),
                CHAIN("accept") RULE(3, MATCH("==", META("iifname"), "{\"range\": 1}") DROP),
                CHAIN("accept") RULE(3, MATCH("==", FIELD("ip", "saddr"),
                                              "{\"prefix\": {\"addr\": \"x\", \"len\": -1}}") DROP),
                CHAIN("accept") RULE(3, MATCH("==", FIELD("tcp", "dport"),
                                              "{\"set\": [{\"set\": [{\"set\": [1]}]}]}") DROP),
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                CheckPacket p = packet();

                (void)walk(texts[i], &p);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules),    cmocka_unit_test(test_jumps),
                cmocka_unit_test(test_packets),  cmocka_unit_test(test_legacy),
                cmocka_unit_test(test_nonsense),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
