/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trees in the making: all or nothing, and nothing left by the dead. */

#include "base/fd.h"
#include "image/identity.h"
#include "image/staging.h"

#include "../unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/test-staging-XXXXXX";

static int set_up(void **state)
{
        return mkdtemp(top) ? 0 : -1;
}

static int tear_down(void **state)
{
        return remove_tree_at(AT_FDCWD, top);
}

/* Entries of the directory of trees. */
static int count(void)
{
        _cleanup_closedir_ DIR *d = opendir(top);
        int n = 0;

        for (struct dirent *e; (e = readdir(d));)
                n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        return n;
}

static bool exists(const char *name)
{
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", top, name);
        return access(path, F_OK) >= 0;
}

static void test_commit(void **state)
{
        _cleanup_(staging_done) Staging s = STAGING_NULL, again = STAGING_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        assert_int_equal(staging_new(top, "web", &s, NULL), 0);
        assert_false(exists("web"));
        assert_int_equal(mkdirat(s.fd, "usr", 0755), 0);
        assert_int_equal(staging_commit(&s, NULL), 0);
        assert_true(exists("web/usr"));
        assert_int_equal(count(), 1);
        assert_int_equal(staging_new(top, "web", &again, &error), -EEXIST);
        assert_string_equal(error.hint, "stead remove web");
}

static void test_part(void **state)
{
        _cleanup_(staging_done) Staging s = STAGING_NULL, again = STAGING_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        int before = count();

        assert_int_equal(staging_new(top, "disk", &s, NULL), 0);
        assert_int_equal(write_file_atomic_at(s.fd, "image", "content", 0600), 0);
        assert_int_equal(write_file_atomic_at(s.fd, "other", "rest", 0600), 0);
        assert_int_equal(staging_commit_part(&s, "image", ".raw", NULL), 0);
        staging_done(&s);
        assert_true(exists("disk.raw"));
        assert_int_equal(count(), before + 1);
        /* a machine is one or the other */
        assert_int_equal(staging_new(top, "disk", &again, &error), -EEXIST);
        assert_non_null(strstr(error.message, "disk.raw"));
        assert_string_equal(error.hint, "stead remove disk");
}

static void test_abandon(void **state)
{
        Staging s = STAGING_NULL;
        int before = count();

        assert_int_equal(staging_new(top, "gone", &s, NULL), 0);
        assert_int_equal(mkdirat(s.fd, "usr", 0755), 0);
        staging_done(&s);
        assert_int_equal(count(), before);
}

static void test_sweep(void **state)
{
        _cleanup_(staging_done) Staging living = STAGING_NULL, next = STAGING_NULL;
        char path[256];
        int before = count();

        (void)snprintf(path, sizeof(path), "%s/.#dead.creating-0badcafe", top);
        assert_int_equal(mkdir(path, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/.#dead.removing-0badcafe", top);
        assert_int_equal(mkdir(path, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/.#dead.removing-0badcafe/etc", top);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(staging_new(top, "living", &living, NULL), 0);
        assert_int_equal(staging_new(top, "next", &next, NULL), 0);
        assert_int_equal(count(), before + 2); /* the dead are gone, the living is not */
}

static void test_remove(void **state)
{
        _cleanup_(staging_done) Staging s = STAGING_NULL;
        int before = count();

        assert_int_equal(staging_new(top, "old", &s, NULL), 0);
        assert_int_equal(symlinkat("/etc", s.fd, "link"), 0);
        assert_int_equal(staging_commit(&s, NULL), 0);
        assert_int_equal(staging_remove(top, "old", NULL), 0);
        assert_int_equal(staging_remove(top, "old", NULL), -ENOENT);
        assert_int_equal(count(), before);
        assert_true(access("/etc/passwd", F_OK) >= 0);
}

static void assert_file(int fd, const char *path, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_true(read_file_at(fd, path, 4096, &text) >= 0);
        assert_string_equal(text, expected);
}

static void test_identity(void **state)
{
        _cleanup_(staging_done) Staging s = STAGING_NULL;

        assert_int_equal(staging_new(top, "copy", &s, NULL), 0);
        assert_int_equal(mkdir_parents_at(s.fd, "etc/ssh", 0755), 0);
        assert_int_equal(mkdir_parents_at(s.fd, "usr/lib/systemd/system/ssh.service", 0755), 0);
        assert_int_equal(write_file_atomic_at(s.fd, "etc/machine-id", "0123\n", 0444), 0);
        assert_int_equal(write_file_atomic_at(s.fd, "etc/ssh/ssh_host_rsa_key", "k", 0600), 0);
        assert_int_equal(write_file_atomic_at(s.fd, "etc/ssh/ssh_config", "c", 0600), 0);
        assert_int_equal(write_file_atomic_at(s.fd, "etc/hosts",
                                              "127.0.0.1 localhost\n127.0.1.1 old\n10.0.0.9 db\n",
                                              0644),
                         0);
        assert_int_equal(symlinkat("/etc/hostname-of-host", s.fd, "etc/hostname"), 0);
        assert_int_equal(identity_reset(s.fd, "copy", NULL), 0);

        assert_file(s.fd, "etc/machine-id", "");
        assert_file(s.fd, "etc/hostname", "copy\n");
        assert_file(s.fd, "etc/hosts", "127.0.0.1 localhost\n10.0.0.9 db\n127.0.1.1\tcopy\n");
        assert_int_equal(faccessat(s.fd, "etc/ssh/ssh_host_rsa_key", F_OK, 0), -1);
        assert_int_equal(faccessat(s.fd, "etc/ssh/ssh_config", F_OK, 0), 0);
        assert_int_equal(
                faccessat(s.fd, "etc/systemd/system/ssh.service.d/host-keys.conf", F_OK, 0), 0);
        assert_int_equal(access("/etc/hostname-of-host", F_OK), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_commit),  cmocka_unit_test(test_part),
                cmocka_unit_test(test_abandon), cmocka_unit_test(test_sweep),
                cmocka_unit_test(test_remove),  cmocka_unit_test(test_identity),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
