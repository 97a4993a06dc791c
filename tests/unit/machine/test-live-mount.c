/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of live mounts: what is listed is mounted now, in this life of the machine. The test
 * itself plays the leader. */

#include "../world.h"

#include "machine/live-mount.h"

#include <linux/stat.h>
#include <string.h>

static Machine *leader(void)
{
        Machine *m;

        assert_int_equal(machine_new("web", &m), 0);
        m->leader = getpid();
        assert_int_equal(process_start_time(getpid(), &m->leader_start), 0);
        return m;
}

/* Mounts, and returns the number. */
static int put(const char *path)
{
        struct statx stx;

        assert_int_equal(mkdir_parents_at(AT_FDCWD, path, 0755), 0);
        assert_int_equal(mount("tmpfs", path, "tmpfs", 0, NULL), 0);
        assert_int_equal(statx(AT_FDCWD, path, 0, STATX_MNT_ID, &stx), 0);
        return (int)stx.stx_mnt_id;
}

static void add(const Machine *m, int id, const char *source, bool read_only)
{
        LiveMount one = { .id = id,
                          .source = (char *)source,
                          .options = (char *)"rbind,idmap",
                          .read_only = read_only };
        _cleanup_close_ int fd = live_mount_record_open(m, true, NULL);
        LiveMount *list = NULL;
        size_t n = 0;

        assert_true(fd >= 0);
        assert_int_equal(live_mount_record_read(fd, m, &list, &n, NULL), 0);
        assert_int_equal(live_mount_record_write(fd, m, list, n, &one, -1, NULL), 0);
        live_mount_list_free(list, n);
}

static size_t count(const Machine *m)
{
        LiveMount *list = NULL;
        size_t n = 0;

        assert_int_equal(live_mount_list(m, &list, &n, NULL), 0);
        live_mount_list_free(list, n);
        return n;
}

static void test_record(void **state)
{
        _cleanup_machine_ Machine *m = leader();
        _cleanup_close_ int directory = -EBADF;
        const char *odd = "/srv/a b\\\t\n\303\244";
        int one = put("/run/one"), two = put("/run/two words");
        LiveMount *list = NULL;
        size_t n = 0;

        assert_int_equal(machine_directory_create("web", &directory, NULL), 0);
        assert_int_equal(count(m), 0); /* no file yet */
        add(m, one, "/srv/one", false);
        add(m, two, odd, true);
        assert_int_equal(live_mount_list(m, &list, &n, NULL), 0);
        assert_int_equal(n, 2);
        assert_string_equal(list[0].source, "/srv/one");
        assert_string_equal(list[0].destination, "/run/one");
        assert_string_equal(list[0].options, "rbind,idmap");
        assert_false(list[0].read_only);
        assert_string_equal(list[1].source, odd);
        assert_string_equal(list[1].destination, "/run/two words");
        assert_true(list[1].read_only);
        live_mount_list_free(list, n);

        /* what was unmounted from inside is gone, and so is all of an earlier life */
        assert_int_equal(umount("/run/one"), 0);
        assert_int_equal(count(m), 1);
        m->leader_start++;
        assert_int_equal(count(m), 0);
        m->leader_start--;
        assert_int_equal(count(m), 1);
}

static void test_damaged_record(void **state)
{
        _cleanup_machine_ Machine *m = leader();
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        buffer_printf(&text, "\nx\n1 2 3\n%d %llu rw rbind\nnumber %llu rw rbind /srv\n", 1,
                      (unsigned long long)m->leader_start, (unsigned long long)m->leader_start);
        world_put(MACHINES_DIRECTORY, "/web/binds", text.data, 0600);
        assert_int_equal(count(m), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_record),
                cmocka_unit_test(test_damaged_record),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
