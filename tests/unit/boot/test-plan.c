/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a plan decides, as text in and facts out: defaults, users, capabilities, limits, console,
 * stop methods, order of mounts. No privilege and no machine. */

#include "planned.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static void test_defaults(void **state)
{
        _cleanup_plan_ BootPlan *plan = plan_of(*state, "-b");

        assert_string_equal(plan->machine, "web");
        assert_string_equal(plan->hostname, "web");
        assert_string_equal(plan->container_service, "stead");
        assert_int_equal(plan->start, START_INIT);
        assert_int_equal(plan->init, INIT_SYSVINIT);
        assert_string_equal(plan->argv[0], "/sbin/init");
        assert_int_equal(plan->uid, 0);
        assert_false(plan->read_only);
        assert_false(plan->ephemeral);
        assert_false(plan->private_network);
        assert_false(plan->nesting);
        assert_false(plan->no_new_privileges);
        assert_true(plan->tmpfs_tmp);
        assert_int_equal(plan->ambient, 0);
        assert_int_equal(plan->stop_timeout_usec, 90 * USEC_PER_SEC);
        assert_false(id128_is_null(&plan->uuid));
        assert_int_equal(plan->uuid.bytes[6] >> 4, 4); /* a random one says so */
        assert_true(boot_plan_waits_for_ready(plan));
}

static void test_user_namespace(void **state)
{
        static const struct {
                const char *words;
                UserNamespaceMode mode;
                Ownership ownership;
                uint32_t base, size;
        } rows[] = {
                { "-b", USER_NAMESPACE_PICK, OWNERSHIP_MAP, 0, 65536 },
                { "true", USER_NAMESPACE_PICK, OWNERSHIP_MAP, 0, 65536 },
                { "-b|-U", USER_NAMESPACE_PICK, OWNERSHIP_MAP, 0, 65536 },
                { "-b|--private-users=no", USER_NAMESPACE_NO, OWNERSHIP_OFF, 0, 65536 },
                { "-b|--private-users=1048576", USER_NAMESPACE_FIXED, OWNERSHIP_OFF, 1048576,
                  65536 },
                { "-b|--private-users=1048576:131072", USER_NAMESPACE_FIXED, OWNERSHIP_OFF, 1048576,
                  131072 },
                { "-b|--private-users=identity", USER_NAMESPACE_IDENTITY, OWNERSHIP_OFF, 0, 65536 },
                { "-b|-U|--private-users-ownership=chown", USER_NAMESPACE_PICK, OWNERSHIP_CHOWN, 0,
                  65536 },
                { "-b|-U|--private-users-ownership=off", USER_NAMESPACE_PICK, OWNERSHIP_OFF, 0,
                  65536 },
                { "-b|--api-writable=yes", USER_NAMESPACE_NO, OWNERSHIP_OFF, 0, 65536 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_plan_ BootPlan *plan = plan_of(*state, rows[i].words);

                if (plan->user_namespace != rows[i].mode || plan->ownership != rows[i].ownership ||
                    plan->user_base != rows[i].base || plan->user_size != rows[i].size)
                        fail_msg("%s: %s, %s, %u:%u", rows[i].words,
                                 user_namespace_mode_to_string(plan->user_namespace),
                                 ownership_to_string(plan->ownership), plan->user_base,
                                 plan->user_size);
        }
}

/* "yes" takes the range of the tree's owner, and only a whole one. */
static void test_user_namespace_of_tree(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_plan_ BootPlan *plan = plan_try(*state, "-b|--private-users=yes", &error);

        if (geteuid() == 0) {
                assert_non_null(plan);
                assert_int_equal(plan->user_namespace, USER_NAMESPACE_TREE);
                assert_int_equal(plan->user_base, 0);
                assert_int_equal(plan->ownership, OWNERSHIP_OFF);
        } else {
                assert_null(plan);
                assert_non_null(strstr(error.message, "not the start of a range"));
        }
}

static void test_capabilities(void **state)
{
        static const struct {
                const char *words;
                CapabilitySet bounding, ambient;
        } rows[] = {
                /* CI-109, CI-110 */
                { "-b|--private-users=no", 0xfdecafff, 0 },
                { "-b|--private-users=no|--private-network", 0xfdecbfff, 0 },
                { "-b|-U|--private-network", 0xfdecbfff, 0 },
                { "-b|-U", 0xfdecabff, 0 },
                { "-b", 0xfdecabff, 0 },
                { "true", 0xfdecabff, 0 },
                /* CI-113: dropping wins over adding */
                { "-b|--private-users=no|--capability=CAP_SYS_TIME",
                  0xfdecafff | CAP_BIT(CAP_SYS_TIME), 0 },
                { "-b|--private-users=no|--capability=CAP_SYS_TIME|--drop-capability=CAP_SYS_TIME",
                  0xfdecafff, 0 },
                { "-b|--private-users=no|--drop-capability=CAP_SYS_ADMIN", 0xfdccafff, 0 },
                { "-b|--drop-capability=all", 0, 0 },
                /* CI-114 */
                { "--private-users=no|--ambient-capability=CAP_NET_ADMIN|true", 0xfdecbfff,
                  0x1000 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_plan_ BootPlan *plan = plan_of(*state, rows[i].words);

                if (plan->bounding != rows[i].bounding || plan->ambient != rows[i].ambient)
                        fail_msg("%s: %08llx, ambient %llx", rows[i].words,
                                 (unsigned long long)plan->bounding,
                                 (unsigned long long)plan->ambient);
        }
}

static void test_system_calls(void **state)
{
        _cleanup_plan_ BootPlan *plan =
                plan_of(*state, "-b|--system-call-filter=@keyring ~@swap bpf");
        _cleanup_free_ char *allowed = strv_join(plan->system_calls_allowed, " ");
        _cleanup_free_ char *denied = strv_join(plan->system_calls_denied, " ");

        assert_non_null(strstr(allowed, "@keyring"));
        assert_null(strstr(allowed, "~"));
        assert_non_null(strstr(denied, "@swap"));
        assert_null(strstr(denied, "~"));
}

static void test_limits(void **state)
{
        _cleanup_plan_ BootPlan *plan = plan_of(*state, "-b|--rlimit=NOFILE=2000:3000");
        _cleanup_plan_ BootPlan *plain = plan_of(*state, "-b");
        struct rlimit mine = { .rlim_cur = 100, .rlim_max = 200 }, saved;

        assert_int_equal(plan->rlimits[RLIMIT_NOFILE].rlim_cur, 2000);
        assert_int_equal(plan->rlimits[RLIMIT_NOFILE].rlim_max, 3000);
        /* CI-120: the kernel's, not the caller's */
        assert_int_equal(plain->rlimits[RLIMIT_NOFILE].rlim_cur, 1024);
        assert_true(plain->rlimits[RLIMIT_NOFILE].rlim_max <= 524288);
        assert_int_equal(plain->rlimits[RLIMIT_CORE].rlim_cur, 0);
        assert_true(plain->rlimits[RLIMIT_CORE].rlim_max == RLIM_INFINITY);
        assert_int_equal(plain->rlimits[RLIMIT_STACK].rlim_cur, 8 << 20);
        assert_int_equal(plain->rlimits[RLIMIT_MEMLOCK].rlim_max, 8 << 20);
        assert_int_equal(plain->rlimits[RLIMIT_MSGQUEUE].rlim_cur, 819200);
        assert_int_equal(plain->rlimits[RLIMIT_NICE].rlim_max, 0);
        assert_int_equal(plain->rlimits[RLIMIT_RTPRIO].rlim_max, 0);
        boot_plan_free(TAKE_PTR(plain));

        assert_int_equal(getrlimit(RLIMIT_CORE, &saved), 0);
        mine.rlim_max = saved.rlim_max;
        mine.rlim_cur = MIN_OF(saved.rlim_max, (rlim_t)4096);
        assert_int_equal(setrlimit(RLIMIT_CORE, &mine), 0);
        plain = plan_of(*state, "-b");
        assert_int_equal(setrlimit(RLIMIT_CORE, &saved), 0);
        assert_int_equal(plain->rlimits[RLIMIT_CORE].rlim_cur, 0);
}

/* The test's own streams are no terminal: meson gives it none, and a person's is taken away. */
static void test_console(void **state)
{
        static const struct {
                const char *words;
                ConsoleMode mode;
                bool quiet;
        } rows[] = {
                { "-b", CONSOLE_READ_ONLY, false },
                { "-b|--console=autopipe", CONSOLE_PIPE, true },
                { "-b|-P", CONSOLE_PIPE, true },
                { "-b|--console=passive", CONSOLE_PASSIVE, false },
                { "-b|--console=interactive", CONSOLE_INTERACTIVE, false },
                { "-b|-q", CONSOLE_READ_ONLY, true },
        };
        int saved = dup(STDIN_FILENO), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_true(saved >= 0 && null >= 0);
        (void)dup2(null, STDIN_FILENO);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_plan_ BootPlan *plan = plan_of(*state, rows[i].words);

                if (plan->console != rows[i].mode || plan->quiet != rows[i].quiet)
                        fail_msg("%s: %s", rows[i].words, console_mode_to_string(plan->console));
        }
        (void)dup2(saved, STDIN_FILENO);
        (void)close(saved);
        (void)close(null);
}

static void test_stop(void **state)
{
        static const struct {
                const char *name; /* of what /sbin/init leads to */
                const char *words;
                StopMethod stop, reboot;
                int stop_signal, reboot_signal; /* 1000 and more: real time */
        } rows[] = {
                { "systemd", "-b", STOP_SIGNAL, STOP_SIGNAL, 1003, SIGINT },
                { "busybox", "-b", STOP_SIGNAL, STOP_SIGNAL, SIGUSR2, SIGTERM },
                { "runit-init", "-b", STOP_COMMAND, STOP_COMMAND, SIGTERM, 0 },
                { "openrc-init", "-b", STOP_COMMAND, STOP_COMMAND, SIGTERM, 0 },
                { "s6-svscan", "-b", STOP_COMMAND, STOP_COMMAND, SIGTERM, 0 },
                { "own-init", "-b", STOP_SIGNAL, STOP_SIGNAL, SIGTERM, SIGTERM },
                { "own-init", "-b|--kill-signal=SIGUSR1", STOP_SIGNAL, STOP_SIGNAL, SIGUSR1,
                  SIGTERM },
                { "runit-init", "-b|--kill-signal=SIGUSR1", STOP_SIGNAL, STOP_COMMAND, SIGUSR1, 0 },
                { "systemd", "-b|--stop-method=command", STOP_COMMAND, STOP_SIGNAL, 1003, SIGINT },
                { "systemd", "true", STOP_SIGNAL, STOP_SIGNAL, 0, 0 },
                { "systemd", "-a|true", STOP_SIGNAL, STOP_SIGNAL, SIGTERM, SIGTERM },
                { "systemd", "--kill-signal=SIGHUP|true", STOP_SIGNAL, STOP_SIGNAL, SIGHUP, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_plan_ BootPlan *plan = NULL;
                _cleanup_free_ char *path = NULL, *target = NULL;
                int signal = rows[i].stop_signal >= 1000 ? SIGRTMIN + rows[i].stop_signal - 1000
                                                         : rows[i].stop_signal;

                assert_true(asprintf(&path, "%s/sbin/init", (char *)*state) > 0);
                assert_true(asprintf(&target, "/sbin/%s", rows[i].name) > 0);
                world_put(*state, target, "program\n", 0755);
                assert_int_equal(unlink(path), 0);
                assert_int_equal(symlink(target, path), 0);
                plan = plan_of(*state, rows[i].words);
                if (plan->stop_method != rows[i].stop || plan->reboot_method != rows[i].reboot ||
                    plan->stop_signal != signal || plan->reboot_signal != rows[i].reboot_signal)
                        fail_msg("%s %s: %s %d, reboot %s %d", rows[i].name, rows[i].words,
                                 stop_method_to_string(plan->stop_method), plan->stop_signal,
                                 stop_method_to_string(plan->reboot_method), plan->reboot_signal);
        }
}

/* A mount comes after all that are above it, however they were written down. */
static void test_order_of_mounts(void **state)
{
        static const char *const words[] = {
                "-b|--tmpfs=/a|--tmpfs=/a/b|--tmpfs=/c",
                "-b|--tmpfs=/a/b|--tmpfs=/a|--tmpfs=/c",
                "-b|--tmpfs=/a/b|--tmpfs=/c|--tmpfs=/a",
                "-b|--tmpfs=/a/b/c|--tmpfs=/x|--tmpfs=/a/b|--tmpfs=/y|--tmpfs=/a|--tmpfs=/ab",
                "-b|--tmpfs=/c|--tmpfs=/a/b|--tmpfs=/d/e|--tmpfs=/a/c|--tmpfs=/d|--tmpfs=/a",
        };

        for (size_t w = 0; w < ELEMENTSOF(words); w++) {
                _cleanup_plan_ BootPlan *plan = plan_of(*state, words[w]);

                for (size_t i = 0; i < plan->n_mounts; i++)
                        for (size_t k = i + 1; k < plan->n_mounts; k++) {
                                const char *early = plan->mounts[i].destination;
                                const char *late = plan->mounts[k].destination;
                                size_t n = strlen(late);

                                if (strncmp(early, late, n) == 0 && early[n] == '/')
                                        fail_msg("%s: '%s' would hide '%s'", words[w], late, early);
                        }
        }
}

/* A directory of the tree never leads to one of the host, whatever links the tree holds. */
static void test_pivot_root_stays_inside(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_plan_ BootPlan *inside = NULL, *outside = NULL;

        world_put(*state, "/sysroot/sbin/init", "program /run/initctl\n", 0755);
        world_put(*state, "/sysroot/etc/os-release", "ID=x\n", 0644);
        world_link(*state, "/sysroot", "/in");
        inside = plan_of(*state, "-b|--pivot-root=/in");
        assert_int_equal(inside->init, INIT_SYSVINIT);
        world_link(*state, "../../../../../../../../tmp", "/out");
        outside = plan_try(*state, "-b|--pivot-root=/out", &error);
        assert_null(outside);
}

static void test_user(void **state)
{
        _cleanup_plan_ BootPlan *joe = plan_of(*state, "--user=joe|id");
        _cleanup_plan_ BootPlan *shell = plan_of(*state, "--settings=no");
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(joe->uid, 1000);
        assert_int_equal(joe->gid, 100);
        assert_int_equal(joe->n_groups, 2);
        assert_int_equal(shell->n_groups, 0); /* CI-009: root's are cleared */
        assert_string_equal(shell->argv[0], "/bin/sh");
        assert_string_equal(shell->argv0, "-sh");
        assert_string_equal(shell->working_directory, "/root");
        assert_null(plan_try(*state, "--user=nobody-here|id", &error));
        assert_int_equal(error.number, ESRCH);
}

static void test_refusals(void **state)
{
        static const struct {
                const char *words;
                int number;
                const char *message, *hint;
        } rows[] = {
                { "-b|--ambient-capability=CAP_NET_ADMIN", EINVAL, "ambient", NULL },
                { "-b|--nesting|--private-users=no", EINVAL, "--nesting", NULL },
                { "-b|--network-namespace-path=/nowhere/x", ENOENT, "/nowhere/x", "ip netns list" },
                { "-b|--pivot-root=/nowhere", ENOENT, "/nowhere", NULL },
                { "-b|--load-credential=a:/nowhere/x", ENOENT, "'a' from '/nowhere/x'", "ls -l" },
                { "-b|--load-credential=a:b", ENOENT, "$CREDENTIALS_DIRECTORY",
                  "--load-credential" },
        };

        (void)unsetenv("CREDENTIALS_DIRECTORY");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                _cleanup_plan_ BootPlan *plan = plan_try(*state, rows[i].words, &error);

                if (plan || error.number != rows[i].number ||
                    !strstr(error.message, rows[i].message) ||
                    (rows[i].hint && (!error.hint || !strstr(error.hint, rows[i].hint))))
                        fail_msg("%s: %d %s (%s)", rows[i].words, error.number, error.message ?: "",
                                 error.hint ?: "");
        }
}

static void test_trees(void **state)
{
        _cleanup_error_ Error none = ERROR_NULL, file = ERROR_NULL, host = ERROR_NULL,
                              os = ERROR_NULL;
        _cleanup_plan_ BootPlan *plan = NULL;
        _cleanup_free_ char *path = NULL;

        assert_null(plan_try("/nowhere/at/all", "-b", &none));
        assert_int_equal(none.number, ENOENT);
        assert_non_null(none.hint);
        assert_true(asprintf(&path, "%s/etc/passwd", (char *)*state) > 0);
        assert_null(plan_try(path, "-b", &file));
        assert_int_equal(file.number, ENOTDIR);
        assert_null(plan_try("/", "-b", &host));
        assert_non_null(strstr(host.message, "the running host"));
        free(path);
        assert_true(asprintf(&path, "%s/etc/os-release", (char *)*state) > 0);
        assert_int_equal(unlink(path), 0);
        assert_null(plan_try(*state, "-b", &os));
        assert_non_null(strstr(os.hint, "--check-os-release=no"));
        plan = plan_of(*state, "-b|--check-os-release=no");
}

/* The whole of it as a user with no rights at all. */
static void test_without_privilege(void **state)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                _cleanup_plan_ BootPlan *plan = NULL;
                _cleanup_error_ Error error = ERROR_NULL;

                if (geteuid() == 0 &&
                    (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
                        _exit(2);
                plan = plan_try(*state, "-b|--private-network", &error);
                _exit(plan && plan->bounding == 0xfdecbfff ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_TREE(test_defaults),
                WITH_TREE(test_user_namespace),
                WITH_TREE(test_user_namespace_of_tree),
                WITH_TREE(test_capabilities),
                WITH_TREE(test_system_calls),
                WITH_TREE(test_limits),
                WITH_TREE(test_console),
                WITH_TREE(test_stop),
                WITH_TREE(test_order_of_mounts),
                WITH_TREE(test_pivot_root_stays_inside),
                WITH_TREE(test_user),
                WITH_TREE(test_refusals),
                WITH_TREE(test_trees),
                WITH_TREE(test_without_privilege),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
