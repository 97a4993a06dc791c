/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words of the command line: spellings, bundles, where options end, and what is said about words
 * that are none. */

#include "parsed.h"

static void test_spellings(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s = parse_words(
                "-bxD/tree|-M|web|--uuid=0123456789abcdef0123456789abcdef|-q|-j|-U|-EA=b c|"
                "--private-network|--cap=CAP_NET_RAW",
                &error);

        if (!s) /* "-j" is try-guest, which a throw-away machine may ask for */
                fail_msg("%s", error.message);
        assert_true(s->boot && s->ephemeral && s->quiet && s->private_network);
        assert_string_equal(s->directory, "/tree");
        assert_string_equal(s->machine, "web");
        assert_int_equal(s->link_journal, LINK_JOURNAL_TRY_GUEST);
        assert_int_equal(s->user_namespace, USER_NAMESPACE_PICK);
        assert_int_equal(s->ownership, OWNERSHIP_AUTO);
        assert_string_equal(strv_env_get(s->environment, "A"), "b c");
        assert_true(settings_is_set(s, "machine"));
        assert_true(settings_is_set(s, "PrivateUsers"));
        assert_false(settings_is_set(s, "hostname"));
}

static void test_command_ends_options(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s = parse_words("-a|ls|-l|a b|--boot", &error);

        assert_non_null(s);
        assert_true(s->process_two);
        assert_false(s->boot);
        assert_int_equal(strv_length(s->parameters), 4);
        assert_string_equal(s->parameters[2], "a b");
        s = settings_free(s);
        s = parse_words("-q|--|-x", &error);
        assert_non_null(s);
        assert_string_equal(s->parameters[0], "-x");
        assert_false(s->ephemeral);
}

static void test_optional_values(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s = parse_words("--volatile|--private-users|no", &error);

        assert_non_null(s);
        assert_int_equal(s->volatile_mode, VOLATILE_YES);
        assert_true(s->read_only);
        assert_int_equal(s->user_namespace, USER_NAMESPACE_TREE);
        assert_string_equal(s->parameters[0], "no"); /* a value only after '=' */
        s = settings_free(s);
        s = parse_words("--private-users=0|--dry-run", &error);
        assert_non_null(s);
        assert_int_equal(s->user_namespace, USER_NAMESPACE_FIXED);
        assert_int_equal(s->user_base, 0);
        assert_int_equal(s->ownership, OWNERSHIP_OFF);
        assert_string_equal(s->dry_run, "text");
}

static void test_later_wins_and_empty_resets(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s = parse_words(
                "--hostname=a|--hostname=b|--bind=/a|--bind=|--bind=/b|--boot|--boot=no|"
                "--check-os-release=no|--check-os-release=|-P|--console=|--user=x|--user=",
                &error);

        assert_non_null(s);
        assert_string_equal(s->hostname, "b");
        assert_int_equal(s->n_mounts, 1);
        assert_string_equal(s->mounts[0].destination, "/b");
        assert_string_equal(s->mounts[0].origin, "--bind");
        assert_false(s->boot);
        assert_true(s->check_os_release);
        assert_int_equal(s->console, CONSOLE_DEFAULT);
        assert_false(s->quiet);
        assert_null(s->user);
        assert_false(settings_is_set(s, "user"));
}

static void test_rlimits(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s = parse_words(
                "--rlimit=RLIMIT_NOFILE=10:20|--rlimit=CORE=0|--rlimit=NOFILE=30", &error);

        assert_non_null(s);
        assert_int_equal(s->rlimits[RLIMIT_NOFILE].rlim_cur, 30);
        assert_int_equal(s->rlimits[RLIMIT_NOFILE].rlim_max, 30);
        assert_int_equal(s->rlimits_set, 1 << RLIMIT_NOFILE | 1 << RLIMIT_CORE);
        assert_true(settings_is_set(s, "LimitCORE"));
}

static void test_environment_is_copied(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s = NULL;

        assert_int_equal(setenv("STEAD_TEST", "it's \"x\"\n", 1), 0);
        assert_int_equal(unsetenv("STEAD_NONE"), 0);
        s = parse_words("-E|STEAD_TEST|-E|STEAD_NONE", &error);
        assert_non_null(s);
        assert_string_equal(strv_env_get(s->environment, "STEAD_TEST"), "it's \"x\"\n");
        assert_int_equal(strv_length(s->environment), 1);
}

static void test_relative_paths(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s = NULL;

        assert_int_equal(chdir("/usr"), 0);
        s = parse_words("-D|./lib/", &error);
        assert_non_null(s);
        assert_string_equal(s->directory, "/usr/lib");
}

static void test_errors(void **state)
{
        static const char *const rows[][3] = {
                { "--bot", "There is no option --bot", "--boot" },
                { "--privat-network=x", "There is no option --privat-network",
                  "--private-network" },
                { "--zzz", "There is no option --zzz", "stead-launch --help" },
                { "--p", "Option --p can mean --pivot-root, --property, --private-users,",
                  "stead-launch --help" },
                { "-bQ", "There is no option -Q", "stead-launch --help" },
                { "-i", "Option -i needs a value: PATH", "stead-launch --help" },
                { "--oci-bundle=x", "Option --oci-bundle is not supported", "stead-launch --help" },
                { "--root-hash=0123", "--root-hash=0123: not a hash of 64, 96 or 128 hex",
                  "stead-launch --help" },
                { "--image-policy=home", "--image-policy=home: 'home' is not of the form",
                  "stead-launch --help" },
                { "--register=maybe", "--register=maybe: not one of try, no or yes",
                  "stead-launch --register=help" },
                { "--slice=-x", "--slice=-x: not the name of a slice", "stead-launch --help" },
                { "--property=x", "--property=x: not of the form NAME=VALUE",
                  "stead-launch --help" },
                { "--bind", "Option --bind needs a value: SRC", "stead-launch --help" },
                { "-D", "Option -D needs a value: PATH", "stead-launch --help" },
                { "--pipe=x", "Option --pipe takes no value", "--pipe" },
                { "--boot=maybe", "--boot=maybe: not a boolean", "stead-launch --help" },
                { "--console=tty", "--console=tty: not one of interactive, read-only",
                  "stead-launch --console=help" },
                { "--rlimit=FOO=1", "--rlimit=FOO=1: 'FOO' is not a resource limit",
                  "stead-launch --rlimit=help" },
                { "--rlimit=NOFILE=x", "--rlimit=NOFILE=x: not VALUE or SOFT:HARD, each a number",
                  "stead-launch --rlimit=help" },
                { "--set-credential=secret", "--set-credential=...: no ':'",
                  "stead-launch --help" },
                { "--user=\x1b[31m", "--user=\\x1b[31m: not a user", "stead-launch --help" },
                { "--stop-method=x", "--stop-method=x: not one of auto, signal, initctl or command",
                  "stead-launch --stop-method=help" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                assert_null(parse_words(rows[i][0], &error));
                if (!error.message || strncmp(error.message, rows[i][1], strlen(rows[i][1])) != 0)
                        fail_msg("%s: '%s'", rows[i][0], error.message);
                assert_string_equal(error.hint, rows[i][2]);
        }
}

static void test_environment_variables(void **state)
{
        char *good[] = { (char *)"SYSTEMD_NSPAWN_TMPFS_TMP=0",
                         (char *)"SYSTEMD_NSPAWN_CONTAINER_SERVICE=x",
                         (char *)"SYSTEMD_NSPAWN_LOCK=1", NULL };
        char *bad[] = { (char *)"SYSTEMD_NSPAWN_SHARE_SYSTEM=yes", NULL };
        char *network[] = { (char *)"SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", NULL };
        _cleanup_assignments_ Assignments a = ASSIGNMENTS_NULL;
        _cleanup_error_ Error error = ERROR_NULL, second = ERROR_NULL;
        _cleanup_settings_ Settings *s = NULL;

        assert_int_equal(command_line_environment(good, &a, &error), 0);
        assert_int_equal(settings_from_assignments(&a, &s, &error), 0);
        assert_false(s->tmpfs_tmp);
        assert_string_equal(s->container_service, "x");
        assert_string_equal(a.items[0].origin, "$SYSTEMD_NSPAWN_CONTAINER_SERVICE");
        assert_int_equal(command_line_environment(bad, &a, &error), -EOPNOTSUPP);
        assert_string_equal(error.hint, "unset SYSTEMD_NSPAWN_SHARE_SYSTEM");
        assert_int_equal(command_line_environment(network, &a, &second), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_spellings),
                cmocka_unit_test(test_command_ends_options),
                cmocka_unit_test(test_optional_values),
                cmocka_unit_test(test_later_wins_and_empty_resets),
                cmocka_unit_test(test_rlimits),
                cmocka_unit_test(test_environment_is_copied),
                cmocka_unit_test(test_relative_paths),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_environment_variables),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
