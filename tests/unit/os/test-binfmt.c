/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handlers as the kernel prints them, in a directory of files: which one is found for which header.
 */

#include "os/binfmt.h"

#include "base/fd.h"
#include "os/remove-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define ARM64 "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\xb7\0"
#define MAGIC "offset 0\nmagic 7f454c460201010000000000000000000200b700\n"
#define MASK "mask ffffffffffffff00fffffffffffffffffeffffff\n"

static int setup(void **state)
{
        static char path[] = "/tmp/stead-test-binfmt.XXXXXX";

        memcpy(strrchr(path, '.'), ".XXXXXX", 7);
        *state = path;
        return mkdtemp(path) ? 0 : -1;
}

static int teardown(void **state)
{
        return remove_tree_at(AT_FDCWD, *state);
}

static void put(const char *directory, const char *name, const char *text)
{
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_int_equal(write_file_atomic_at(fd, name, text, 0644), 0);
}

static int find(const char *directory, BinfmtHandler *ret)
{
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return binfmt_find(fd, ARM64, sizeof(ARM64) - 1, ret);
}

static void test_none(void **state)
{
        BinfmtHandler h;

        assert_int_equal(find("/nowhere", &h), -EBADF);
        assert_int_equal(find(*state, &h), -ENOENT); /* no status: no handlers at all */
        put(*state, "status", "enabled\n");
        assert_int_equal(find(*state, &h), -ENOENT);
}

/* What is not for it, and what no kernel writes. */
static void test_others(void **state)
{
        static const char *const texts[] = {
                ("enabled\ninterpreter /q\nflags: \noffset 0\nmagic "
                 "7f454c460201010000000000000000000200f300\n"),
                "enabled\ninterpreter /q\nflags: \nextension .exe\n",
                "enabled\ninterpreter /q\nflags: \noffset 1\nmagic 7f45\n",
                "enabled\ninterpreter /q\nflags: \noffset 300\nmagic 7f45\n",
                "enabled\ninterpreter /q\nflags: \noffset x\nmagic 7f45\n",
                "enabled\ninterpreter /q\nflags: \noffset 0\nmagic 7f4\n",
                "enabled\ninterpreter /q\nflags: \noffset 0\nmagic 7f45zz\n",
                "enabled\ninterpreter /q\nflags: \noffset 0\nmagic 7f45\nmask ff\n",
                "enabled\nflags: \noffset 0\nmagic 7f45\n",
                "enabled\ninterpreter /q\nflags: \noffset 0\nmagic \n",
                "\n",
                /* the magic is longer than the file */
                "enabled\ninterpreter /q\nflags: \noffset 18\nmagic b7000001\n",
        };
        BinfmtHandler h;

        put(*state, "status", "enabled\n");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                put(*state, "x", texts[i]);
                assert_int_equal(find(*state, &h), -ENOENT);
        }
}

static void assert_found(const char *directory, const char *name, bool enabled, bool fixed)
{
        _cleanup_binfmt_handler_ BinfmtHandler h = BINFMT_HANDLER_NULL;

        assert_int_equal(find(directory, &h), 0);
        assert_string_equal(h.name, name);
        assert_string_equal(h.interpreter, "/usr/bin/with a blank");
        assert_int_equal(h.enabled, enabled);
        assert_int_equal(h.fixed, fixed);
}

/* Of several, the one that works: enabled goes before flag F. */
static void test_choice(void **state)
{
        BinfmtHandler h;

        put(*state, "status", "enabled\n");
        put(*state, "a", "disabled\ninterpreter /usr/bin/with a blank\nflags: POCF\n" MAGIC MASK);
        assert_found(*state, "a", false, true);
        put(*state, "b", "enabled\ninterpreter /usr/bin/with a blank\nflags: OC\n" MAGIC);
        assert_found(*state, "b", true, false);
        put(*state, "c", "enabled\ninterpreter /usr/bin/with a blank\nflags: F\n" MAGIC MASK);
        assert_found(*state, "c", true, true);
        put(*state, "status", "disabled\n");
        assert_int_equal(find(*state, &h), -EPERM);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_none, setup, teardown),
                cmocka_unit_test_setup_teardown(test_others, setup, teardown),
                cmocka_unit_test_setup_teardown(test_choice, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
