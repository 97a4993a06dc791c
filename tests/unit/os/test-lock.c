/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock files: who may have one at the same time, and that they are gone afterwards. */

#include "../unit.h"
#include "base/fd.h"
#include "os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 3000
#define PROCESSES 4

static char path[] = "/tmp/stead-lock-XXXXXX/file";

static int make_directory(void **state)
{
        char *slash = strrchr(path, '/');
        bool made;

        *slash = '\0';
        made = mkdtemp(path);
        *slash = '/';
        return made ? 0 : -1;
}

static int drop_directory(void **state)
{
        *strrchr(path, '/') = '\0';
        return rmdir(path); /* nothing is in it */
}

static void test_one_writer_or_many_readers(void **state)
{
        LockFile one = LOCK_FILE_NULL, two = LOCK_FILE_NULL;

        assert_int_equal(lock_file_take(path, false, &one), 0);
        assert_int_equal(lock_file_take(path, false, &two), 0);
        assert_int_equal(lock_file_take(path, true, &(LockFile){}), -EAGAIN);
        lock_file_release(&one);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(lock_file_take(path, true, &(LockFile){}), -EAGAIN);
        lock_file_release(&two);
        assert_int_equal(access(path, F_OK), -1);

        assert_int_equal(lock_file_take(path, true, &one), 0);
        assert_int_equal(lock_file_take(path, false, &(LockFile){}), -EAGAIN);
        lock_file_release(&one);
        assert_int_equal(access(path, F_OK), -1);
}

/* Whoever only asks takes nothing, and leaves the file alone. */
static void test_question(void **state)
{
        LockFile lock = LOCK_FILE_NULL;

        assert_false(lock_file_is_held(path));
        for (int exclusive = 0; exclusive < 2; exclusive++) {
                assert_int_equal(lock_file_take(path, exclusive, &lock), 0);
                assert_true(lock_file_is_held(path));
                lock_file_release(&lock);
                assert_false(lock_file_is_held(path));
        }
        assert_int_equal(write_file_atomic_at(AT_FDCWD, path, "", 0600), 0);
        assert_false(lock_file_is_held(path));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/", path), 0);
        assert_true(lock_file_is_held(path));
        assert_int_equal(unlink(path), 0);
}

/* A reader that lets go removes the file, for which it must be alone; to another reader it must not
 * look like a writer. */
static void test_readers_never_meet_a_writer(void **state)
{
        int status, failed = 0;

        for (int i = 0; i < PROCESSES; i++) {
                pid_t pid = fork();

                assert_true(pid >= 0);
                for (int n = 0; pid == 0 && n < ROUNDS; n++) {
                        LockFile lock = LOCK_FILE_NULL;

                        if (lock_file_take(path, false, &lock) < 0)
                                _exit(1);
                        lock_file_release(&lock);
                }
                if (pid == 0)
                        _exit(0);
        }
        for (int i = 0; i < PROCESSES; i++) {
                assert_true(wait(&status) > 0);
                failed += status != 0;
        }
        assert_int_equal(failed, 0);
        assert_int_equal(access(path, F_OK), -1);
}

/* systemd-nspawn locks the whole file. */
static void test_another_program(void **state)
{
        struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
        assert_int_equal(lock_file_take(path, false, &(LockFile){}), -EAGAIN);
        assert_int_equal(lock_file_take(path, true, &(LockFile){}), -EAGAIN);
        closep(&fd);
        assert_int_equal(unlink(path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_writer_or_many_readers),
                cmocka_unit_test(test_question),
                cmocka_unit_test(test_readers_never_meet_a_writer),
                cmocka_unit_test(test_another_program),
        };

        return cmocka_run_group_tests(tests, make_directory, drop_directory);
}
