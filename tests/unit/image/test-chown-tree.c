/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owners of a tree, shifted there and back, cut short and taken up again. Needs root: no user
 * namespace of one's own has two ranges. */

#include "base/fd.h"
#include "image/chown-tree.h"

#include "../unit.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BASE UINT32_C(0x5AAA0000)

static char top[] = "/var/tmp/test-chown-XXXXXX";
static int top_fd = -EBADF;

/* version 2, permitted and effective: CAP_NET_RAW */
static const struct vfs_cap_data capability = {
        .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
        .data = { { .permitted = 1 << CAP_NET_RAW } },
};
/* user::rw- user:1000:r-- group::r-- mask::r-- other::--- */
static const uint32_t acl[] = { 2,          0x60001, UINT32_MAX, 0x40002, 1000,      0x40004,
                                UINT32_MAX, 0x40010, UINT32_MAX, 0x00020, UINT32_MAX };

static void make_file(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
        _cleanup_close_ int fd = openat(top_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(fchown(fd, uid, gid), 0);
        assert_int_equal(fchmod(fd, mode), 0);
}

static int set_up(void **state)
{
        char path[64];

        if (geteuid() != 0 || !mkdtemp(top))
                return 0;
        top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        make_file("plain", 1000, 1001, 0640);
        make_file("setuid", 0, 42, 06755);
        make_file("capable", 0, 0, 0755);
        make_file("listed", 0, 0, 0640);
        (void)linkat(top_fd, "plain", top_fd, "second", 0);
        (void)symlinkat("/etc/passwd", top_fd, "link");
        (void)mkdirat(top_fd, "below", 0755);
        make_file("below/nobody", 65534, 65534, 0600);
        (void)snprintf(path, sizeof(path), "%s/capable", top);
        if (setxattr(path, "security.capability", &capability, sizeof(capability), 0) < 0)
                return -1;
        (void)snprintf(path, sizeof(path), "%s/listed", top);
        return setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0);
}

static int tear_down(void **state)
{
        closep(&top_fd);
        return remove_tree_at(AT_FDCWD, top);
}

static void assert_owner(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
        struct stat st;

        assert_int_equal(fstatat(top_fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), 0);
        assert_int_equal(st.st_uid, uid);
        assert_int_equal(st.st_gid, gid);
        if (!S_ISLNK(st.st_mode))
                assert_int_equal(st.st_mode & 07777, mode);
}

static void assert_tree(uint32_t base)
{
        struct vfs_ns_cap_data c = {};
        uint32_t entries[16];
        char path[64];
        ssize_t n;

        assert_owner("", base, base, 0700);
        assert_owner("plain", base + 1000, base + 1001, 0640);
        assert_owner("second", base + 1000, base + 1001, 0640);
        assert_owner("setuid", base, base + 42, 06755);
        assert_owner("link", base, base, 0);
        assert_owner("below/nobody", base + 65534, base + 65534, 0600);

        (void)snprintf(path, sizeof(path), "%s/capable", top);
        n = getxattr(path, "security.capability", &c, sizeof(c));
        assert_int_equal(n, base == 0 ? XATTR_CAPS_SZ_2 : XATTR_CAPS_SZ_3);
        assert_int_equal(c.rootid, base);
        assert_int_equal(c.data[0].permitted, 1 << CAP_NET_RAW);
        assert_true(getxattr(path, "trusted.stead.chown", NULL, 0) < 0);

        (void)snprintf(path, sizeof(path), "%s/listed", top);
        assert_int_equal(getxattr(path, "system.posix_acl_access", entries, sizeof(entries)),
                         sizeof(acl));
        assert_int_equal(entries[4], base + 1000);
}

static void need_root(void)
{
        if (top_fd >= 0)
                return;
        print_message("Skipped: changing owners needs root\n");
        skip();
}

static void test_there_and_back(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        struct stat passwd;

        need_root();
        assert_int_equal(fchownat(top_fd, "", 0, 0, AT_EMPTY_PATH), 0);
        assert_int_equal(chown_tree(top_fd, BASE, &error), 0);
        assert_tree(BASE);
        assert_int_equal(chown_tree(top_fd, BASE + 0x10000, &error), 0);
        assert_tree(BASE + 0x10000);
        assert_int_equal(chown_tree(top_fd, 0, &error), 0);
        assert_tree(0);
        assert_int_equal(stat("/etc/passwd", &passwd), 0);
        assert_int_equal(passwd.st_uid, 0); /* not through the link */
}

/* Killed right after a chown: owner is new, capability and setuid are gone, the note is there. */
static void test_goes_on(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        struct {
                uint32_t mode, size;
                struct vfs_ns_cap_data capability;
        } note = { .mode = 06755 };
        struct stat st;
        char path[64];

        need_root();
        (void)snprintf(path, sizeof(path), "%s/setuid", top);
        assert_int_equal(fchownat(top_fd, "", CHOWN_TREE_BUSY, CHOWN_TREE_BUSY, AT_EMPTY_PATH), 0);
        assert_int_equal(fstat(top_fd, &st), 0);
        assert_true(chown_tree_is_unfinished(&st));
        assert_int_equal(setxattr(path, "trusted.stead.chown", &note, sizeof(note), 0), 0);
        assert_int_equal(fchownat(top_fd, "setuid", BASE, BASE + 42, 0), 0);
        assert_owner("setuid", BASE, BASE + 42, 0755);
        assert_int_equal(chown_tree(top_fd, BASE, &error), 0);
        assert_tree(BASE);

        /* and with another range than before */
        assert_int_equal(fchownat(top_fd, "", CHOWN_TREE_BUSY, CHOWN_TREE_BUSY, AT_EMPTY_PATH), 0);
        assert_int_equal(setxattr(path, "trusted.stead.chown", &note, sizeof(note), 0), 0);
        assert_int_equal(fchownat(top_fd, "setuid", BASE, BASE + 42, 0), 0);
        assert_int_equal(chown_tree(top_fd, 0, &error), 0);
        assert_tree(0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_goes_on),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
