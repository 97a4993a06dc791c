/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Architectures by the first bytes of a program: ours, its 32-bit side, others, and no program. */

#include "os/elf-machine.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <elf.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static const char *const ports[] = { "amd64",   "i386",    "arm64",   "armhf", "riscv64",
                                     "ppc64el", "s390x",   "mipsel",  "m68k",  "mips64el",
                                     "loong64", "sparc64", "powerpc", "hppa" };

static void test_self(void **state)
{
        _cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        char header[64];
        ElfMachine m;

        assert_int_equal(read(fd, header, sizeof(header)), sizeof(header));
        assert_true(elf_machine_read(header, sizeof(header), &m));
        assert_int_not_equal(m.fit, ELF_FOREIGN);
        assert_true(elf_machine_read(header, ELF_MACHINE_HEADER, &m));
        assert_false(elf_machine_read(header, ELF_MACHINE_HEADER - 1, &m));
        assert_false(elf_machine_read("#!/bin/sh with some arguments", 29, &m));
}

/* What is made of Debian's name is read as the same, by its own byte order. */
static void test_ports(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(ports); i++) {
                unsigned char header[ELF_MACHINE_HEADER];
                ElfMachine by_name, read;

                assert_true(elf_machine_of_debian(ports[i], &by_name, header));
                assert_true(elf_machine_read(header, sizeof(header), &read));
                assert_string_equal(by_name.name, read.name);
                assert_string_equal(by_name.debian, ports[i]);
                assert_int_equal(by_name.fit, read.fit);
        }
}

static void test_unknown(void **state)
{
        unsigned char header[ELF_MACHINE_HEADER];
        ElfMachine m;

        assert_false(elf_machine_of_debian("amd46", &m, header));
        assert_false(elf_machine_of_debian("", &m, header));
        assert_true(elf_machine_of_debian("arm64", &m, header));
        header[18] = 0xee;
        assert_true(elf_machine_read(header, sizeof(header), &m));
        assert_int_equal(m.fit, ELF_FOREIGN);
        assert_null(m.debian);
}

static void test_fit(void **state)
{
#ifdef __x86_64__
        static const ElfFit fits[] = { ELF_NATIVE, ELF_SECONDARY, ELF_FOREIGN, ELF_FOREIGN };

        for (size_t i = 0; i < ELEMENTSOF(fits); i++) {
                unsigned char header[ELF_MACHINE_HEADER];
                ElfMachine m;

                assert_true(elf_machine_of_debian(ports[i], &m, header));
                assert_int_equal(m.fit, fits[i]);
        }
#endif
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_self),
                cmocka_unit_test(test_ports),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_fit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
