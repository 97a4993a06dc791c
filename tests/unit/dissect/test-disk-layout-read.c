/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's side, with a stead-dissect that does what the image says. */

#include "../unit.h"

#include "base/fd.h"
#include "image/disk-layout.h"
#include "os/clock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define HEAD "table gpt\nmachine x86-64\n"
#define SIZE (1 << 20)

/* Also looks whether it took as long as it may. */
static int ask(const char *image, DiskLayout *ret, Error *error)
{
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
        uint64_t start = clock_now_usec();
        int r;

        assert_true(fd >= 0 && write_all(fd, image, strlen(image)) == 0);
        assert_int_equal(ftruncate(fd, SIZE), 0);
        r = disk_layout_read(fd, "a.raw", ret, error);
        assert_true(clock_now_usec() - start < 3500000);
        assert_true(r >= 0 || strstr(error->message, "a.raw") || r == -EPERM);
        return r;
}

static void test_answers(void **state)
{
        static const struct {
                const char *image;
                int number;
        } cases[] = {
                { HEAD "part root 1 512 4096 rw keep ext4 -\nend\n", 0 },
                { HEAD "part root 1 512 1048064 rw keep ext4 -\nend\n", 0 },
                { HEAD "part root 1 512 1048576 rw keep ext4 -\nend\n",
                  EUCLEAN }, /* past the end */
                { HEAD "part root 1 1049088 512 rw keep ext4 -\nend\n", EUCLEAN },
                { "nonsense", EUCLEAN },
                { "alone", EMEDIUMTYPE },
                { "close", ETIMEDOUT },
                { "die", EUCLEAN },
                { "flood", EUCLEAN },
                { "hang", ETIMEDOUT },
                { "unsafe", EPERM },
                { "xcpu", ETIMEDOUT },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                DiskLayout layout = { .table = "x" };
                int r = ask(cases[i].image, &layout, &error);

                assert_int_equal(r, -cases[i].number);
                assert_string_equal(layout.table, r < 0 ? "x" : "gpt");
                if (strcmp(cases[i].image, "alone") == 0)
                        assert_non_null(strstr(error.message, "LVM"));
        }
}

/* Descriptors that are open here must not be there, nor must the environment. */
static void test_alone(void **state)
{
        _cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        _cleanup_error_ Error error = ERROR_NULL;
        DiskLayout layout;

        assert_true(fd >= 0);
        assert_int_equal(setenv("LIBBLKID_DEBUG", "all", 1), 0);
        assert_int_equal(ask("alone", &layout, &error), -EMEDIUMTYPE);
        assert_non_null(strstr(error.message, "LVM"));
}

static void test_no_disk(void **state)
{
        _cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        _cleanup_error_ Error error = ERROR_NULL;
        DiskLayout layout;

        assert_int_equal(disk_layout_read(fd, "/dev/null", &layout, &error), -EMEDIUMTYPE);
        assert_non_null(strstr(error.message, "neither a regular file"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_alone),
                cmocka_unit_test(test_no_disk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
