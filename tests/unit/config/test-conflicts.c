/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What excludes what, what implies what. */

#include "parsed.h"

static const struct {
        const char *words;
        const char *message; /* NULL: goes together */
} rows[] = {
        { "-b|-a", "--boot and --as-pid2 exclude each other" },
        { "-b|--ambient-capability=CAP_NET_RAW",
          "--ambient-capability 'CAP_NET_RAW' and --boot exclude" },
        { "--ambient-capability=CAP_NET_RAW|id", NULL },
        { "-x|--template=/a|-D/b", "--ephemeral and --template '/a' exclude" },
        { "-x|--template=/a", NULL },
        { "-x|--link-journal=host", "--ephemeral and --link-journal 'host' exclude" },
        { "-x|--link-journal=guest", "--ephemeral and --link-journal 'guest' exclude" },
        { "-x|--link-journal=try-host", NULL },
        { "--private-users-chown|--read-only", "--private-users-chown 'chown' and --read-only" },
        { "--private-users-ownership=chown|--volatile",
          "--private-users-ownership 'chown' and --volatile exclude" },
        { "--private-users-ownership=map|--volatile", NULL },
        { "--private-users-ownership=chown|-x",
          "--private-users-ownership 'chown' and --ephemeral exclude" },
        { "--private-users-ownership=chown|--bind=/a:/",
          "--bind: a mount on '/' and --private-users-ownership 'chown' exclude each other" },
        { "--bind=/a:/|--volatile=state", "--bind: a mount on '/' and --volatile 'state' exclude" },
        { "--bind=/a:/|--ephemeral", "--bind: a mount on '/' and --ephemeral exclude" },
        { "--bind=/a:/|--pivot-root=/b", "--bind: a mount on '/' and --pivot-root '/b' exclude" },
        { "--bind-user=anna|--private-users=no", "--bind-user 'anna' and --private-users exclude" },
        { "--bind-user=anna|-U", NULL },
        { "--nesting|--private-users=no", "--nesting and --private-users exclude" },
        { "--api-writable=yes|-U", "--api-writable and -U 'pick' exclude" },
        { "--api-writable=yes|--private-users=no", NULL },
        { "--bind=/a:/|-U", "--bind: a mount on '/' and -U 'pick' exclude each other" },
        { "--overlay=/a:/b:/|--private-users-ownership=auto", "--overlay: a mount on '/'" },
        { "--bind=/a:/|--private-users=65536", NULL },
        { "--layers=a b|-D/c", "--layers 'a b' and --directory '/c' exclude each other" },
        { "--layers=a|--pivot-root=/b", "--layers 'a' and --pivot-root '/b' exclude" },
        { "--layers=a|--private-users-ownership=chown", "--layers 'a' and" },
        { "--layers=a|--private-users=no|--private-users-ownership=off", NULL },
        { "--layers=a|--private-users=yes", "--layers 'a' and --private-users" },
        { "--layers=a|--bind=/a:/", "--bind: a mount on '/' and --layers 'a' exclude" },
        { "-i/a|-D/c", "--image '/a' and --directory '/c' exclude each other" },
        { "-i/a|--layers=b", "--layers 'b' and --image '/a' exclude each other" },
        { "-i/a|--template=/b", "--image '/a' and --template '/b' exclude each other" },
        { "-i/a|--private-users-ownership=chown", "--image '/a' and" },
        { "-i/a|--bind=/a:/", "--bind: a mount on '/' and --image '/a' exclude" },
        { "-D/c|--image-policy=*", "--image-policy '*' and --directory '/c' exclude each other" },
        { "-i/a|-x|--read-only|--image-policy=*|--verity-data=/b|--pivot-root=/c", NULL },
        { "--layers=a b|-x|--volatile=overlay|--disk-max=1G", NULL },
        { "--network-namespace-path=/run/netns/a|--private-network",
          "--network-namespace-path '/run/netns/a' and --private-network exclude" },
        { "--network-namespace-path=/run/netns/a|--private-network=no", NULL },
};

static void test_conflicts(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                assert_words(rows[i].words, rows[i].message, &error);
                assert_true(!rows[i].message || error.hint);
        }
}

static void test_both_origins_are_named(void **state)
{
        _cleanup_assignments_ Assignments a = ASSIGNMENTS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_settings_ Settings *s = NULL;

        assert_int_equal(assignments_add(&a, option_by_name("boot"), "yes", "/e/w.machine:3", true),
                         0);
        assert_int_equal(assignments_add(&a, option_by_name("as-pid2"), NULL, "--as-pid2", true),
                         0);
        assert_int_equal(settings_from_assignments(&a, &s, &error), -EINVAL);
        assert_string_equal(error.message,
                            "Boot= (/e/w.machine:3) and --as-pid2 exclude each other: "
                            "only one of them can be PID 1");
}

static void test_implied(void **state)
{
        _cleanup_settings_ Settings *s = parse_words("-x|--template=/t|-P", NULL);
        _cleanup_settings_ Settings *mounted = parse_words("--bind=/a:/", NULL);

        assert_non_null(s);
        assert_string_equal(s->directory, "/t");
        assert_null(s->template_path);
        assert_true(s->quiet);
        assert_true(mounted->read_only);
        assert_int_equal(s->ownership, OWNERSHIP_AUTO); /* nothing is ever chowned by default */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_conflicts),
                cmocka_unit_test(test_both_origins_are_named),
                cmocka_unit_test(test_implied),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
