/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The environment block of PID 1, item by item of the container interface (CI-016 to CI-027). */

#include "planned.h"

#define PATH_OF_MACHINES "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *get(const BootPlan *plan, const char *name)
{
        return strv_env_get(plan->environment, name);
}

static void test_block(void **state)
{
        _cleanup_plan_ BootPlan *plan =
                plan_of(*state, "-b|--uuid=0123456789abcdef0123456789abcdef");

        assert_string_equal(get(plan, "container"), "stead");
        assert_string_equal(get(plan, "container_uuid"), "01234567-89ab-cdef-0123-456789abcdef");
        assert_string_equal(get(plan, "NOTIFY_SOCKET"), "/run/host/notify");
        assert_true(strv_contains(plan->environment, PATH_OF_MACHINES));
        assert_string_equal(get(plan, "HOME"), "/root");
        assert_string_equal(get(plan, "USER"), "root");
        assert_string_equal(get(plan, "LOGNAME"), "root");
        assert_null(get(plan, "LISTEN_FDS"));
        assert_null(get(plan, "LISTEN_PID"));
        assert_null(get(plan, "CREDENTIALS_DIRECTORY"));
        assert_null(get(plan, "LANG")); /* an init has its own idea */
}

/* CI-019, from a host that the test wrote. */
static void test_host(void **state)
{
        _cleanup_plan_ BootPlan *plan = NULL;

        world_put("", "/etc/os-release",
                  "NAME=\"x "
                  "y\"\nID=debian\nVERSION_ID=\"12\"\nVARIANT_ID='server'\nBROKEN\nID_LIKE=q\n",
                  0644);
        plan = plan_of(*state, "-b");
        assert_string_equal(get(plan, "container_host_id"), "debian");
        assert_string_equal(get(plan, "container_host_version_id"), "12");
        assert_string_equal(get(plan, "container_host_variant_id"), "server");
        assert_null(get(plan, "container_host_build_id"));
}

/* CI-026: of the launcher's own block only TERM goes in. */
static void test_nothing_leaks(void **state)
{
        static const char *const mine[] = { "INVOCATION_ID", "JOURNAL_STREAM", "SSH_AUTH_SOCK",
                                            "LD_PRELOAD_X",  "WATCHDOG_PID",   "MANAGERPID" };
        _cleanup_plan_ BootPlan *plan = NULL;

        for (size_t i = 0; i < ELEMENTSOF(mine); i++)
                assert_int_equal(setenv(mine[i], "leak", 1), 0);
        assert_int_equal(setenv("TERM", "xterm-test", 1), 0);
        plan = plan_of(*state, "-b");
        for (size_t i = 0; i < ELEMENTSOF(mine); i++)
                assert_null(get(plan, mine[i]));
        assert_string_equal(get(plan, "TERM"), "xterm-test");
        STRV_FOREACH (e, plan->environment)
                assert_null(strstr(*e, "leak"));
        plan = boot_plan_free(plan);
        assert_int_equal(unsetenv("TERM"), 0);
        plan = plan_of(*state, "-b");
        assert_null(get(plan, "TERM"));
}

/* CI-022, CI-023: only sockets that are meant for this process. */
static void test_sockets(void **state)
{
        _cleanup_plan_ BootPlan *plan = NULL;
        char pid[16];

        (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
        assert_int_equal(setenv("LISTEN_FDS", "2", 1), 0);
        assert_int_equal(setenv("LISTEN_FDNAMES", "a:b", 1), 0);
        assert_int_equal(setenv("LISTEN_PID", "1", 1), 0);
        plan = plan_of(*state, "-b");
        assert_int_equal(plan->n_listen, 0);
        assert_null(get(plan, "LISTEN_FDS"));
        assert_null(get(plan, "LISTEN_FDNAMES"));
        plan = boot_plan_free(plan);

        assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
        plan = plan_of(*state, "-b");
        assert_int_equal(plan->n_listen, 2);
        assert_string_equal(get(plan, "LISTEN_FDS"), "2");
        assert_string_equal(get(plan, "LISTEN_PID"), "1");
        assert_string_equal(get(plan, "LISTEN_FDNAMES"), "a:b");
        plan = boot_plan_free(plan);
        plan = plan_of(*state, "-a|true");
        assert_string_equal(get(plan, "LISTEN_PID"), "2"); /* the command behind the stub */
        assert_int_equal(unsetenv("LISTEN_PID"), 0);
        assert_int_equal(unsetenv("LISTEN_FDS"), 0);
        assert_int_equal(unsetenv("LISTEN_FDNAMES"), 0);
}

/* CI-024 */
static void test_credentials(void **state)
{
        _cleanup_plan_ BootPlan *plan = plan_of(*state, "-b|--set-credential=a:b");

        assert_string_equal(get(plan, "CREDENTIALS_DIRECTORY"), "/run/host/credentials");
        assert_int_equal(plan->n_credentials, 1);
        assert_string_equal(plan->credentials[0].data, "b");
}

/* CI-017, CI-027 */
static void test_users_word_wins(void **state)
{
        _cleanup_plan_ BootPlan *plan = plan_of(
                *state, "-b|--container-service=mine|-E|container=theirs|-E|PATH=/x|-E|HOME=/h|"
                        "-E|NOTIFY_SOCKET=/n|-E|NEW=1|-E|NEW=2");
        size_t n = 0;

        assert_string_equal(plan->container_service, "mine");
        assert_string_equal(get(plan, "container"), "theirs");
        assert_string_equal(get(plan, "PATH"), "/x");
        assert_string_equal(get(plan, "HOME"), "/h");
        assert_string_equal(get(plan, "NOTIFY_SOCKET"), "/n");
        assert_string_equal(get(plan, "NEW"), "2");
        STRV_FOREACH (e, plan->environment)
                for (char **f = e + 1; *f; f++)
                        n += strncmp(*e, *f, strcspn(*e, "=") + 1) == 0;
        assert_int_equal(n, 0); /* no name twice */
}

static void test_command(void **state)
{
        _cleanup_plan_ BootPlan *plan = plan_of(*state, "--user=joe|id");

        assert_string_equal(get(plan, "HOME"), "/home/joe");
        assert_string_equal(get(plan, "USER"), "joe");
        assert_string_equal(get(plan, "LANG"), "C.UTF-8");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_TREE(test_block),         WITH_TREE(test_host),
                WITH_TREE(test_nothing_leaks), WITH_TREE(test_sockets),
                WITH_TREE(test_credentials),   WITH_TREE(test_users_word_wins),
                WITH_TREE(test_command),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
