/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ELF files: this program itself, and files that no linker made. */

#include "os/elf-file.h"

#include "base/fd.h"
#include "base/strv.h"

#include "../unit.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One segment that holds all of it, and a dynamic section with strings of its own. */
typedef struct Sample {
        Elf64_Ehdr header;
        Elf64_Phdr programs[2];
        Elf64_Dyn dynamic[1200];
        char strings[16];
} Sample;

static void sample(Sample *s)
{
        memset(s, 0, sizeof(*s));
        memcpy(s->header.e_ident, ELFMAG, SELFMAG);
        s->header.e_ident[EI_CLASS] = ELFCLASS64;
        s->header.e_ident[EI_DATA] = ELFDATA2LSB;
        s->header.e_ident[EI_VERSION] = EV_CURRENT;
        s->header.e_type = ET_DYN;
        s->header.e_machine = EM_AARCH64;
        s->header.e_version = EV_CURRENT;
        s->header.e_phoff = offsetof(Sample, programs);
        s->header.e_ehsize = sizeof(Elf64_Ehdr);
        s->header.e_phentsize = sizeof(Elf64_Phdr);
        s->header.e_phnum = 2;
        s->programs[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = sizeof(*s) };
        s->programs[1] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
                                       .p_offset = offsetof(Sample, dynamic),
                                       .p_filesz = sizeof(s->dynamic) };
        s->dynamic[0] = (Elf64_Dyn){ DT_STRTAB, { offsetof(Sample, strings) } };
        s->dynamic[1] = (Elf64_Dyn){ DT_STRSZ, { sizeof(s->strings) } };
        s->dynamic[2] = (Elf64_Dyn){ DT_NEEDED, { 1 } };
        memcpy(s->strings, "\0libx.so.1", 11);
}

static int read_bytes(const void *data, size_t size, ElfFile *ret)
{
        _cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);

        assert_true(fd >= 0 && write(fd, data, size) == (ssize_t)size);
        return elf_file_read(fd, ret);
}

static void refused(const Sample *s)
{
        _cleanup_elf_file_ ElfFile file = ELF_FILE_NULL;

        assert_int_equal(read_bytes(s, sizeof(*s), &file), -EBADMSG);
}

static void test_self(void **state)
{
        _cleanup_elf_file_ ElfFile file = ELF_FILE_NULL;
        _cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

        assert_int_equal(elf_file_read(fd, &file), 0);
        assert_true(file.program && file.interpreter && file.interpreter[0] == '/');
        assert_true(strv_contains(file.needed, "libc.so.6"));
        assert_null(file.soname);
}

static void test_other_architecture(void **state)
{
        _cleanup_elf_file_ ElfFile file = ELF_FILE_NULL;
        Sample s;

        sample(&s);
        assert_int_equal(read_bytes(&s, sizeof(s), &file), 0);
        assert_int_equal(file.machine, EM_AARCH64);
        assert_false(file.program);
        assert_string_equal(file.needed[0], "libx.so.1");
        assert_null(file.needed[1]);
}

static void test_truncated(void **state)
{
        Sample s;

        sample(&s);
        for (size_t size = 0; size < sizeof(s); size += size < 200 ? 1 : 997) {
                _cleanup_elf_file_ ElfFile file = ELF_FILE_NULL;
                int r = read_bytes(&s, size, &file);

                assert_true(r == -ENOEXEC || r == -EBADMSG);
        }
}

static void test_overlapping(void **state)
{
        _cleanup_elf_file_ ElfFile file = ELF_FILE_NULL;
        Sample s;

        sample(&s);
        s.programs[1] = s.programs[0];
        s.programs[1].p_type = PT_DYNAMIC; /* the header is read as tags */
        (void)read_bytes(&s, sizeof(s), &file);
        sample(&s);
        s.programs[0].p_offset = UINT64_MAX - 8;
        refused(&s);
}

static void test_strings_outside(void **state)
{
        Sample s;

        sample(&s);
        s.dynamic[0].d_un.d_ptr = sizeof(s) - 4;
        refused(&s);
        sample(&s);
        s.dynamic[0].d_un.d_ptr = UINT64_MAX;
        refused(&s);
        sample(&s);
        s.dynamic[2].d_un.d_val = sizeof(s.strings);
        refused(&s);
        sample(&s);
        memset(s.strings, 'x', sizeof(s.strings)); /* no end */
        refused(&s);
        sample(&s);
        s.dynamic[3] = (Elf64_Dyn){ DT_SONAME, { 1 } };
        s.dynamic[4] = s.dynamic[3]; /* which of the two? */
        refused(&s);
}

static void test_without_end(void **state)
{
        Sample s;

        sample(&s);
        for (size_t i = 2; i < ELEMENTSOF(s.dynamic); i++)
                s.dynamic[i] = s.dynamic[2];
        refused(&s);
        sample(&s);
        s.header.e_shoff = sizeof(s.header); /* as many sections as a field elsewhere says */
        refused(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_self),
                cmocka_unit_test(test_other_architecture),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_overlapping),
                cmocka_unit_test(test_strings_outside),
                cmocka_unit_test(test_without_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
