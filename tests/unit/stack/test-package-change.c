/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packages of two databases side by side. */

#include "../unit.h"

#include "stack/package-change.h"

#include <string.h>

#define STANZA(name, status, version) \
        "Package: " name "\nStatus: " status "\nVersion: " version "\nDescription: x\n more\n\n"
#define INSTALLED(name, version) STANZA(name, "install ok installed", version)

static void assert_change(const PackageChange *c, PackageChangeKind kind, const char *name,
                          const char *before, const char *after)
{
        assert_int_equal(c->kind, kind);
        assert_string_equal(c->name, name);
        assert_string_equal(c->before ?: "-", before);
        assert_string_equal(c->after ?: "-", after);
}

static void test_changes(void **state)
{
        static const char before[] = INSTALLED("zsh", "5.9-4") INSTALLED("openssl", "3.0.9-1")
                STANZA("gone", "deinstall ok config-files", "1") INSTALLED("apt", "2.6.1")
                        INSTALLED("bash", "5.2-2");
        static const char after[] = INSTALLED("apt", "2.6.0")
                INSTALLED("openssl", "3.0.11-1~deb12u2") INSTALLED("bash", "5.2-2")
                        INSTALLED("new", "1:0") STANZA("half", "install ok half-configured", "1");
        _cleanup_package_changes_ PackageChanges c = PACKAGE_CHANGES_NULL;

        assert_int_equal(package_changes_find(before, after, &c), 0);
        assert_int_equal(c.n, 4);
        assert_change(&c.items[0], PACKAGE_DOWNGRADED, "apt", "2.6.1", "2.6.0");
        assert_change(&c.items[1], PACKAGE_ADDED, "new", "-", "1:0");
        assert_change(&c.items[2], PACKAGE_UPGRADED, "openssl", "3.0.9-1", "3.0.11-1~deb12u2");
        assert_change(&c.items[3], PACKAGE_REMOVED, "zsh", "5.9-4", "-");
}

static void test_none(void **state)
{
        static const char text[] = INSTALLED("a", "1") "nonsense\n\nPackage: x\n";
        _cleanup_package_changes_ PackageChanges same = PACKAGE_CHANGES_NULL,
                                                 all = PACKAGE_CHANGES_NULL,
                                                 none = PACKAGE_CHANGES_NULL;

        assert_int_equal(package_changes_find(text, text, &same), 0);
        assert_int_equal(same.n, 0);
        assert_int_equal(package_changes_find(NULL, text, &all), 0);
        assert_int_equal(all.n, 1);
        assert_change(&all.items[0], PACKAGE_ADDED, "a", "-", "1");
        assert_int_equal(package_changes_find(NULL, NULL, &none), 0);
        assert_int_equal(none.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_changes),
                cmocka_unit_test(test_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
