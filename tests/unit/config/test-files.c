/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files make a definition, in a temporary root: precedence, drop-ins, masks, .nspawn files,
 * what is no regular file, and how all that meets the command line. */

#include "parsed.h"

#include "base/fd.h"
#include "config/launch-settings.h"

#include <fcntl.h>
#include <sys/stat.h>

static Definition *load(const char *root, const char *tree, DefinitionTrust trust,
                        Diagnostics *diagnostics, Error *error)
{
        Definition *d = NULL;

        (void)definition_load(root, "web", tree, trust, &d, diagnostics, error);
        return d;
}

/* The host name that counts. */
static void assert_hostname(const char *root, const char *expected)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_definition_ Definition *d =
                load(root, NULL, DEFINITION_TRUST_BY_PLACE, &diagnostics, &error);
        _cleanup_settings_ Settings *s = NULL;

        if (!d)
                fail_msg("%s", error.message);
        assert_int_equal(settings_from_assignments(&d->assignments, &s, &error), 0);
        assert_string_equal(s->hostname, expected);
}

static void test_precedence(void **state)
{
        put(*state, "/usr/lib/stead/web.machine", "[Exec]\nHostname=usr\n");
        assert_hostname(*state, "usr");
        put(*state, "/run/stead/web.machine", "[Exec]\nHostname=run\n");
        assert_hostname(*state, "run");
        put(*state, "/etc/stead/web.machine", "[Exec]\nHostname=etc\n");
        assert_hostname(*state, "etc");
        put(*state, "/etc/stead/machine.d/50-x.conf", "[Exec]\nHostname=all\n");
        assert_hostname(*state, "all");
        put(*state, "/usr/lib/stead/web.machine.d/40-x.conf", "[Exec]\nHostname=own40\n");
        assert_hostname(*state, "all"); /* by file name, whatever the directory */
        put(*state, "/usr/lib/stead/web.machine.d/50-x.conf", "[Exec]\nHostname=own50\n");
        assert_hostname(*state, "own50"); /* hides the one for all of that name */
        put(*state, "/run/stead/web.machine.d/50-x.conf", "[Exec]\nHostname=run50\n");
        assert_hostname(*state, "run50");
        put(*state, "/run/stead/web.machine.d/60-x.txt", "[Exec]\nHostname=no\n");
        assert_hostname(*state, "run50");
}

static void test_masks(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_close_ int root = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Definition *d = NULL;

        put(*state, "/etc/stead/web.machine", "[Exec]\nHostname=etc\n");
        put(*state, "/usr/lib/stead/web.machine.d/50.conf", "[Exec]\nHostname=drop\n");
        assert_int_equal(mkdir_parents_at(root, "etc/stead/web.machine.d", 0755), 0);
        assert_int_equal(symlinkat("/dev/null", root, "etc/stead/web.machine.d/50.conf"), 0);
        assert_hostname(*state, "etc");
        assert_int_equal(unlinkat(root, "etc/stead/web.machine", 0), 0);
        assert_int_equal(symlinkat("/dev/null", root, "etc/stead/web.machine"), 0);
        assert_int_equal(definition_load(*state, "web", NULL, DEFINITION_TRUST_BY_PLACE, &d,
                                         &diagnostics, &error),
                         -ERFKILL);
        assert_non_null(strstr(error.message, "masked"));
}

static void test_nothing(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL, second = ERROR_NULL;
        Definition *d = NULL;

        put(*state, "/etc/stead/machine.d/50-x.conf", "[Exec]\nHostname=all\n");
        assert_int_equal(definition_load(*state, "web", NULL, DEFINITION_TRUST_BY_PLACE, &d,
                                         &diagnostics, &error),
                         -ENOENT);
        assert_string_equal(error.hint, "stead edit web");
        assert_int_equal(definition_load(*state, "../web", NULL, DEFINITION_TRUST_BY_PLACE, &d,
                                         &diagnostics, &second),
                         -EINVAL);
        assert_null(d);
}

static void test_all_errors_of_all_files(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_close_ int root = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        put(*state, "/etc/stead/web.machine", "[Exec]\nBoot=x\nBot=y\n");
        put(*state, "/etc/stead/web.machine.d/1.conf", "[Exec]\nUser=a:b\n");
        assert_int_equal(mkfifoat(root, "etc/stead/web.machine.d/2.conf", 0644), 0);
        assert_int_equal(mkdirat(root, "etc/stead/web.machine.d/3.conf", 0755), 0);
        assert_null(load(*state, NULL, DEFINITION_TRUST_BY_PLACE, &diagnostics, &error));
        assert_int_equal(diagnostics.n_errors, 5);
        assert_non_null(strstr(error.message, "web.machine:2: Boot=x: not a boolean"));
        assert_string_equal(error.hint, "stead check web   (prints all 5 errors)");
        assert_string_equal(diagnostics.items[3].message, "a fifo, not a regular file");
        assert_string_equal(diagnostics.items[4].message, "a directory, not a regular file");
}

static void test_huge(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *text = malloc((1 << 20) + 2);

        memset(text, '#', (1 << 20) + 1);
        text[(1 << 20) + 1] = '\0';
        put(*state, "/etc/stead/web.machine", text);
        assert_null(load(*state, NULL, DEFINITION_TRUST_BY_PLACE, &diagnostics, &error));
        assert_non_null(strstr(error.message, "larger than 1 MiB"));
}

static void test_nspawn_files(void **state)
{
        static const char text[] = "[Exec]\nHostname=h\nCapability=all\n[Later]\n";
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_definition_ Definition *d = NULL;
        _cleanup_free_ char *tree = NULL;

        assert_true(asprintf(&tree, "%s/trees/web/", (const char *)*state) > 0);
        put(*state, "/trees/web.nspawn", text);
        d = load(*state, tree, DEFINITION_TRUST_BY_PLACE, &diagnostics, &error);
        assert_non_null(d);
        assert_false(d->trusted);
        assert_int_equal(d->assignments.n, 1);
        assert_int_equal(diagnostics.n, 2); /* Capability=, [Later] */
        d = definition_free(d);

        d = load(*state, tree, DEFINITION_TRUST_ALL, &diagnostics, &error);
        assert_non_null(d);
        assert_true(d->trusted);
        assert_int_equal(d->assignments.n, 2);
        d = definition_free(d);

        put(*state, "/run/systemd/nspawn/web.nspawn", text);
        d = load(*state, tree, DEFINITION_TRUST_BY_PLACE, &diagnostics, &error);
        assert_non_null(d);
        assert_true(d->trusted);
        assert_int_equal(d->assignments.n, 2);
        d = definition_free(d);

        put(*state, "/etc/stead/web.machine", "");
        d = load(*state, tree, DEFINITION_TRUST_BY_PLACE, &diagnostics, &error);
        assert_non_null(d);
        assert_int_equal(d->assignments.n, 0); /* a definition hides them all */
}

static void test_untrusted_link(void **state)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_close_ int root = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *tree = NULL;

        assert_true(asprintf(&tree, "%s/web", (const char *)*state) > 0);
        assert_int_equal(symlinkat("/etc/shadow", root, "web.nspawn"), 0);
        assert_null(load(*state, tree, DEFINITION_TRUST_BY_PLACE, &diagnostics, &error));
        assert_non_null(strstr(error.message, "a symbolic link, which is not followed here"));
}

static void test_list(void **state)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *joined = NULL;

        put(*state, "/etc/stead/web.machine", "");
        put(*state, "/run/stead/web.machine", "");
        put(*state, "/run/stead/db.machine.d/1.conf", "");
        put(*state, "/usr/lib/stead/app.machine", "");
        put(*state, "/etc/stead/machine.d/1.conf", "");
        put(*state, "/etc/stead/-bad.machine", "");
        put(*state, "/etc/systemd/nspawn/old.nspawn", "");
        assert_int_equal(definition_list(*state, &names), 0);
        joined = strv_join(names, " ");
        assert_string_equal(joined, "app db old web");
}

/* All sources together: what a line of the command leaves of a definition. */
static void assert_launch(const char *root, const char *words, bool boot, const char *hostname)
{
        _cleanup_launch_settings_ LaunchSettings told = LAUNCH_SETTINGS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **argv = NULL;
        char *environment[] = { (char *)"SYSTEMD_SUPPRESS_SYNC=1", NULL };
        const Settings *s;

        assert_int_equal(strv_split(words, " ", &argv), 0);
        if (launch_settings_read(root, (int)strv_length(argv), argv, environment, &told, &error) !=
            0)
                fail_msg("%s: %s", words, error.message);
        s = told.settings;
        assert_int_equal(s->boot, boot);
        assert_true(s->suppress_sync);
        assert_int_equal(told.all.n > 0, true);
        if (hostname)
                assert_string_equal(s->hostname, hostname);
        else
                assert_null(s->hostname);
        assert_int_equal(s->n_mounts, told.definition ? 2 : 1); /* lists add up */
}

static void test_launch(void **state)
{
        put(*state, "/etc/stead/web.machine",
            "[Exec]\nBoot=yes\nHostname=file\n[Files]\nBind=/a\n");
        assert_launch(*state, "l --bind=/b -M web", true, "file");
        assert_launch(*state, "l --bind=/b -M web --hostname=line", true, "line");
        assert_launch(*state, "l --bind=/b -M web --hostname=", true, NULL);
        assert_launch(*state, "l --bind=/b -M web --hostname=line --settings=override", true,
                      "file");
        assert_launch(*state, "l --bind=/b -M web --settings=no", false, NULL);
        assert_launch(*state, "l --bind=/b -D /x/web", true, "file");
        assert_launch(*state, "l --bind=/b -M web ls /", false, "file"); /* a command, not init */
        assert_launch(*state, "l --bind=/b -M web -a ls /", false, "file");
        assert_launch(*state, "l --bind=/b -M web -b quiet", true, "file");
        assert_launch(*state, "l --bind=/b -M other", false, NULL);
}

static Settings *launched(const char *root, const char *text, const char *words)
{
        _cleanup_launch_settings_ LaunchSettings told = LAUNCH_SETTINGS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **argv = NULL;
        char *environment[] = { NULL };

        put(root, "/etc/stead/web.machine", text);
        assert_int_equal(strv_split(words, " ", &argv), 0);
        if (launch_settings_read(root, (int)strv_length(argv), argv, environment, &told, &error) !=
            0)
                fail_msg("%s: %s", words, error.message);
        return TAKE_PTR(told.settings);
}

/* The unit's command line asks for an init; what the definition says about it stands as a whole. */
static void test_unit_yields(void **state)
{
        static const char unit[] = "l --keep-unit --settings=override --boot --notify-ready=yes "
                                   "--machine=web";
        static const struct {
                const char *text;
                bool boot, process_two, notify_ready;
        } cases[] = {
                { "[Exec]\n", true, false, true },
                { "[Exec]\nParameters=single\n", true, false, true },
                { "[Exec]\nBoot=yes\n", true, false, true },
                { "[Exec]\nBoot=\n", true, false, true },
                { "[Exec]\nNotifyReady=no\n", true, false, false },
                { "[Exec]\nProcessTwo=no\n", true, false, true },
                { "[Exec]\nBoot=no\nParameters=/bin/true\n", false, false, false },
                { "[Exec]\nBoot=no\nNotifyReady=yes\n", false, false, true },
                { "[Exec]\nProcessTwo=yes\nParameters=/bin/true\n", false, true, false },
                { "[Exec]\nBoot=no\nProcessTwo=yes\n", false, true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_settings_ Settings *s = launched(*state, cases[i].text, unit);

                if (s->boot != cases[i].boot || s->process_two != cases[i].process_two ||
                    s->notify_ready != cases[i].notify_ready)
                        fail_msg("%s: boot %d, process two %d, notify ready %d", cases[i].text,
                                 s->boot, s->process_two, s->notify_ready);
        }
}

/* Sets the time of @path to @seconds, and of what is above it up to the root to a second. */
static void set_time(const char *root, const char *path, time_t seconds)
{
        _cleanup_free_ char *full = NULL;
        struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

        assert_true(asprintf(&full, "%s%s", root, path) > 0);
        assert_int_equal(utimensat(AT_FDCWD, full, times, AT_SYMLINK_NOFOLLOW), 0);
        times[0].tv_sec = times[1].tv_sec = 1;
        for (char *slash; (slash = strrchr(full, '/')) && slash > full + strlen(root);) {
                *slash = '\0';
                assert_int_equal(utimensat(AT_FDCWD, full, times, 0), 0);
        }
}

static void test_last_change(void **state)
{
        static const struct {
                const char *path;
                time_t seconds;
                uint64_t expected; /* seconds */
        } files[] = {
                { "/usr/lib/stead/web.machine", 100, 100 },
                { "/usr/lib/stead/other.machine", 900, 100 },
                { "/etc/stead/web.machine.d/10-x.conf", 200, 200 },
                { "/etc/stead/web.machine.d/notes.txt", 900, 200 },
                { "/run/stead/machine.d/10-x.conf", 300, 300 },
                { "/run/stead/machines", 900, 300 }, /* the state of machines */
                { "/etc/systemd/nspawn/web.nspawn", 400, 400 },
        };
        uint64_t usec = 1;

        assert_int_equal(definition_last_change(*state, "web", &usec), 0);
        assert_int_equal(usec, 0);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                put(*state, files[i].path, "");
                set_time(*state, files[i].path, files[i].seconds);
                assert_int_equal(definition_last_change(*state, "web", &usec), 0);
                if (usec != files[i].expected * 1000000)
                        fail_msg("after %s: %llu", files[i].path, (unsigned long long)usec);
        }
        set_time(*state, "/etc/stead", 500); /* a file of it is gone */
        assert_int_equal(definition_last_change(*state, "web", &usec), 0);
        assert_int_equal(usec, UINT64_C(500000000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_precedence),     WITH_DIRECTORY(test_masks),
                WITH_DIRECTORY(test_nothing),        WITH_DIRECTORY(test_all_errors_of_all_files),
                WITH_DIRECTORY(test_huge),           WITH_DIRECTORY(test_nspawn_files),
                WITH_DIRECTORY(test_untrusted_link), WITH_DIRECTORY(test_list),
                WITH_DIRECTORY(test_launch),         WITH_DIRECTORY(test_unit_yields),
                WITH_DIRECTORY(test_last_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
