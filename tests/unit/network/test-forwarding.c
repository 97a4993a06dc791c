/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What forwarding changes on a host, records and puts back. */

#include "network/forwarding.h"

#include "net-world.h"

#include "base/strv.h"
#include "network/forwarding-record.h"

#include <net/if.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define UP4 "ipv4/conf/up0/forwarding"
#define UP6 "ipv6/conf/up0/force_forwarding"
#define ALL6 "ipv6/conf/all/forwarding"

static int forwarding_enable(const char *link, Error *error)
{
        _cleanup_forwarding_record_ ForwardingRecord plan = FORWARDING_RECORD_NULL;
        int r = forwarding_plan(link, &plan, error);

        return r < 0 ? r : forwarding_make(&plan, error);
}

/* up0 is an uplink of both families, idle0 has no address. */
static void make_host(void)
{
        assert_true(shell("ip link add up0 type bridge && ip link set up0 up && "
                          "ip addr add 192.0.2.1/24 dev up0 && "
                          "ip addr add 2001:db8::1/64 dev up0 nodad && "
                          "ip link add idle0 type bridge && ip link set idle0 up"));
}

static void make_link(const char *link)
{
        assert_true(shell("ip link add %s type bridge && ip link set %s up", link, link));
}

static void enable(const char *link)
{
        _cleanup_error_ Error e = ERROR_NULL;

        if (forwarding_enable(link, &e) < 0)
                fail_msg("%s", e.message);
}

static void disable(const char *link)
{
        _cleanup_error_ Error e = ERROR_NULL;

        if (forwarding_disable(link, &e) < 0)
                fail_msg("%s", e.message);
}

static void assert_nothing_left(void)
{
        assert_int_not_equal(access(FORWARDING_RECORD, F_OK), 0);
        assert_int_not_equal(access(FORWARDING_FOLDER "/.forwarding.lock", F_OK), 0);
}

static bool has_per_link(void)
{
        if (access(SYSCTL_NET "/ipv6/conf/lo/force_forwarding", F_OK) == 0)
                return true;
        fprintf(stderr, "without IPv6: this kernel has no force_forwarding\n");
        return false;
}

/* As on a kernel before 6.17: something empty hides the place where it would be looked for. */
static void hide_per_link(void)
{
        assert_int_equal(mount("tmpfs", SYSCTL_NET "/ipv6/conf/lo", "tmpfs", 0, NULL), 0);
        assert_int_not_equal(access(SYSCTL_NET "/ipv6/conf/lo/force_forwarding", F_OK), 0);
}

static void test_record_and_restore(void **state)
{
        _cleanup_strv_ char **v4 = NULL, **v6 = NULL;

        make_host();
        make_link("ve-a");
        enable("ve-a");
        assert_setting("ipv4/conf/ve-a/forwarding", "1");
        assert_setting("ipv4/conf/ve-a/route_localnet", "1");
        assert_setting("ipv6/conf/ve-a/accept_ra", "0");
        assert_setting(UP4, "1");
        assert_setting("ipv4/conf/idle0/forwarding", "0");
        assert_setting("ipv4/conf/lo/forwarding", "0");
        assert_setting("ipv4/ip_forward", "0");
        if (has_per_link()) {
                assert_setting("ipv6/conf/ve-a/force_forwarding", "1");
                assert_setting(UP6, "1");
                assert_setting(ALL6, "0");
                assert_int_equal(forwarding_uplinks(AF_INET6, &v6, NULL), 0);
                assert_int_equal(strv_length(v6), 1);
                assert_string_equal(v6[0], "up0");
        }
        assert_int_equal(forwarding_uplinks(AF_INET, &v4, NULL), 0);
        assert_int_equal(strv_length(v4), 1);
        assert_string_equal(v4[0], "up0");

        disable("ve-a");
        assert_setting(UP4, "0");
        assert_nothing_left();
        disable("ve-a");
        assert_nothing_left();
}

static void test_last_link_puts_back(void **state)
{
        make_host();
        make_link("ve-a");
        make_link("web0"); /* a name that does not tell whose it is */
        assert_true(shell("ip addr add 100.64.0.1/32 dev web0"));
        enable("web0");
        enable("ve-a");
        enable("ve-a");
        disable("ve-a");
        assert_setting(UP4, "1");
        /* gone without a word */
        assert_true(shell("ip link del web0"));
        disable(NULL);
        assert_setting(UP4, "0");
        assert_nothing_left();
}

static void test_later_uplink(void **state)
{
        _cleanup_strv_ char **v4 = NULL;

        make_link("web0");
        assert_true(shell("ip addr add 100.64.0.1/32 dev web0"));
        enable("web0");
        make_host();
        make_link("ve-a");
        enable("ve-a");
        assert_int_equal(forwarding_uplinks(AF_INET, &v4, NULL), 0);
        assert_int_equal(strv_length(v4), 1); /* not web0 */
        disable("ve-a");
        assert_setting(UP4, "1");
        disable("web0");
        assert_setting(UP4, "0");
        assert_nothing_left();
}

/* Whoever guards them knows them before a packet passes. */
static void test_planned(void **state)
{
        _cleanup_forwarding_record_ ForwardingRecord plan = FORWARDING_RECORD_NULL;
        _cleanup_strv_ char **v4 = NULL;

        make_host();
        make_link("ve-a");
        assert_int_equal(forwarding_plan("ve-a", &plan, NULL), 0);
        assert_setting(UP4, "0");
        assert_int_equal(forwarding_uplinks(AF_INET, &v4, NULL), 0);
        assert_int_equal(strv_length(v4), 1);
        assert_int_equal(forwarding_make(&plan, NULL), 0);
        assert_setting(UP4, "1");
        disable("ve-a");
        assert_setting(UP4, "0");
        assert_nothing_left();
}

static void test_admin_changed(void **state)
{
        _cleanup_strv_ char **v4 = NULL;

        make_host();
        assert_true(shell("ip link add up1 type bridge && ip link set up1 up && "
                          "ip addr add 198.51.100.1/24 dev up1"));
        set("ipv4/conf/up1/forwarding", "1");
        make_link("ve-a");
        enable("ve-a");
        /* up1 was the administrator's before, up0 is now: nothing passes there, guarded or not */
        set(UP4, "0");
        assert_int_equal(forwarding_uplinks(AF_INET, &v4, NULL), 0);
        assert_int_equal(strv_length(v4), 1);
        assert_string_equal(v4[0], "up0");
        disable("ve-a");
        assert_setting(UP4, "0");
        assert_setting("ipv4/conf/up1/forwarding", "1");
}

/* The change of up0 did not come to be; the one of gone0 did, but the link is no more. */
static void test_crash(void **state)
{
        make_host();
        make_link("ve-a");
        world_put("", FORWARDING_RECORD,
                  "link ve-dead\nset " UP4 " 0 1\nset ipv4/conf/idle0/forwarding 0 1\n"
                  "set ipv4/conf/gone0/forwarding 0 1\n",
                  0644);
        set("ipv4/conf/idle0/forwarding", "1");
        enable("ve-a");
        assert_setting(UP4, "1");
        disable("ve-a");
        assert_setting(UP4, "0");
        assert_setting("ipv4/conf/idle0/forwarding", "0");
        assert_nothing_left();
}

static void test_foreign_record(void **state)
{
        static const char *const texts[] = {
                "set kernel/core_pattern core |/bin/sh\n",
                "set ipv4/conf/../../../kernel/sysrq 0 1\n",
                "set " UP4 " 0\n",
                "hello\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_error_ Error e = ERROR_NULL;

                world_put("", FORWARDING_RECORD, texts[i], 0644);
                assert_int_equal(forwarding_disable(NULL, &e), -EBADMSG);
                assert_non_null(strstr(e.message, FORWARDING_RECORD));
                assert_non_null(e.hint);
        }
}

static void test_already_forwarding(void **state)
{
        _cleanup_strv_ char **v4 = NULL, **v6 = NULL;

        make_host();
        set("ipv4/ip_forward", "1");
        set("ipv4/conf/up0/forwarding", "0"); /* somebody's choice */
        set(ALL6, "1");
        make_link("ve-a");
        enable("ve-a");
        assert_setting("ipv6/conf/ve-a/accept_ra", "0");
        assert_setting(UP4, "0");
        assert_setting("ipv6/conf/up0/accept_ra", "1");
        assert_nothing_left();
        assert_int_equal(forwarding_uplinks(AF_INET, &v4, NULL), 0);
        assert_int_equal(forwarding_uplinks(AF_INET6, &v6, NULL), 0);
        assert_int_equal(strv_length(v4) + strv_length(v6), 0);
        disable("ve-a");
        assert_setting("ipv4/ip_forward", "1");
        assert_setting(ALL6, "1");
}

/* As container managers do when they start. */
static void test_host_becomes_router(void **state)
{
        _cleanup_strv_ char **v4 = NULL, **v6 = NULL;

        make_host();
        make_link("ve-a");
        enable("ve-a");
        set("ipv4/ip_forward", "1");
        set(ALL6, "1");
        assert_int_equal(forwarding_uplinks(AF_INET, &v4, NULL), 0);
        assert_int_equal(strv_length(v4), 0);
        if (has_per_link()) {
                assert_int_equal(forwarding_uplinks(AF_INET6, &v6, NULL), 0);
                assert_int_equal(strv_length(v6), 0);
        }
        disable("ve-a");
        assert_setting(UP4, "1");
        assert_nothing_left();
}

static void test_switch_for_all(void **state)
{
        _cleanup_strv_ char **v6 = NULL;

        make_host();
        assert_true(shell("ip link add quiet0 type bridge && ip link add router0 type bridge"));
        set("ipv6/conf/quiet0/accept_ra", "0");
        set("ipv6/conf/router0/forwarding", "1");
        make_link("ve-a");
        hide_per_link();
        enable("ve-a");
        assert_setting(ALL6, "1");
        assert_setting("ipv6/conf/up0/accept_ra", "2");
        assert_setting("ipv6/conf/default/accept_ra", "2");
        assert_setting("ipv6/conf/quiet0/accept_ra", "0");
        assert_setting("ipv6/conf/router0/accept_ra", "1"); /* deaf as before */
        assert_setting("ipv6/conf/ve-a/accept_ra", "0");
        assert_int_equal(forwarding_uplinks(AF_INET6, &v6, NULL), 1);
        enable("ve-a");
        set("ipv6/conf/idle0/accept_ra", "0"); /* the administrator, meanwhile */
        disable("ve-a");
        assert_setting(ALL6, "0");
        assert_setting("ipv6/conf/default/forwarding", "0");
        assert_setting("ipv6/conf/up0/forwarding", "0");
        assert_setting("ipv6/conf/up0/accept_ra", "1");
        assert_setting("ipv6/conf/default/accept_ra", "1");
        assert_setting("ipv6/conf/idle0/accept_ra", "0");
        assert_setting("ipv6/conf/router0/forwarding", "1");
        assert_nothing_left();
}

static void test_concurrent(void **state)
{
        make_host();
        make_link("ve-keep");
        enable("ve-keep");
        for (unsigned i = 0; i < 8; i++) {
                pid_t pid = fork();

                assert_true(pid >= 0);
                if (pid > 0)
                        continue;
                for (unsigned k = 0; k < 10; k++) {
                        char link[IF_NAMESIZE];

                        (void)snprintf(link, sizeof(link), "ve-%u", i);
                        if (!shell("ip link add %s type bridge", link) ||
                            forwarding_enable(link, NULL) < 0 || !sysctl_is(UP4, "1") ||
                            !shell("ip link del %s", link) || forwarding_disable(link, NULL) < 0)
                                _exit(EXIT_FAILURE);
                }
                _exit(EXIT_SUCCESS);
        }
        for (int i = 0, status; i < 8; i++) {
                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        assert_setting(UP4, "1");
        disable("ve-keep");
        assert_setting(UP4, "0");
        assert_nothing_left();
}

/* Whatever moment it is killed at, the next one finds all that was changed. */
static void test_killed(void **state)
{
        make_host();
        make_link("ve-a");
        for (unsigned i = 0; i < 60; i++) {
                pid_t pid = fork();

                assert_true(pid >= 0);
                while (pid == 0)
                        if (forwarding_enable("ve-a", NULL) < 0 ||
                            forwarding_disable("ve-a", NULL) < 0)
                                _exit(EXIT_FAILURE);
                (void)usleep(300 + i * 37); /* some rounds, ended at another point each time */
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                disable("ve-a");
                assert_setting(UP4, "0");
                assert_nothing_left();
        }
        /* nor files beside the record */
        assert_int_equal(rmdir(FORWARDING_FOLDER), 0);
}

static void test_read_only(void **state)
{
        _cleanup_error_ Error e = ERROR_NULL;

        make_host();
        make_link("ve-a");
        assert_int_equal(mount("/proc/sys", "/proc/sys", NULL, MS_BIND | MS_REC, NULL), 0);
        assert_true(shell("mount -o remount,bind,ro /proc/sys"));
        assert_int_equal(forwarding_enable("ve-a", &e), -EROFS);
        assert_non_null(strstr(e.message, "'1' to '/proc/sys/net/ipv4/conf/ve-a/forwarding'"));
        assert_non_null(strstr(e.message, "Read-only"));
        assert_non_null(strstr(e.hint, "remount,rw"));
        assert_nothing_left();
}

static void test_no_such_link(void **state)
{
        _cleanup_error_ Error e = ERROR_NULL;

        assert_int_equal(forwarding_enable("all", &e), -ENODEV);
        assert_setting("ipv4/ip_forward", "0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_HOST(test_record_and_restore),  ON_HOST(test_last_link_puts_back),
                ON_HOST(test_later_uplink),        ON_HOST(test_planned),
                ON_HOST(test_admin_changed),       ON_HOST(test_crash),
                ON_HOST(test_foreign_record),      ON_HOST(test_already_forwarding),
                ON_HOST(test_host_becomes_router), ON_HOST(test_switch_for_all),
                ON_HOST(test_concurrent),          ON_HOST(test_killed),
                ON_HOST(test_read_only),           ON_HOST(test_no_such_link),
        };
        int r = world_enter() ?: net_world_check();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
