/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stead-dissect says is believed only if it can be true. */

#include "../unit.h"

#include "image/disk-layout.h"
#include "image/disk-refusal.h"

#include "base/cleanup.h"

#include <string.h>

#define UUID "4c641a33-7192-4b4b-a7ed-8c84048635cf"
#define HEAD "table gpt\nmachine x86-64\n"
#define ROOT "part root 2 9437184 41943040 ro grow ext4 " UUID "\n"
#define ESP "part esp 1 1048576 8388608 rw keep vfat -\n"

static void test_gpt(void **state)
{
        DiskLayout l = DISK_LAYOUT_NULL;
        const DiskPart *root = &l.parts[DISK_ROOT], *esp = &l.parts[DISK_ESP];

        assert_int_equal(disk_layout_parse(HEAD ROOT ESP "end\n", "x", &l, NULL), 0);
        assert_string_equal(l.table, "gpt");
        assert_string_equal(l.machine, "x86-64");
        assert_true(root->found && root->read_only && root->grow);
        assert_int_equal(root->number, 2);
        assert_int_equal(root->offset, 9437184);
        assert_int_equal(root->size, 41943040);
        assert_string_equal(root->type, "ext4");
        assert_string_equal(root->uuid, UUID);
        assert_true(esp->found && !esp->read_only && !esp->grow);
        assert_string_equal(esp->uuid, "");
        assert_false(l.parts[DISK_USR].found);
}

static void test_bare(void **state)
{
        static const char text[] =
                "table none\nmachine -\npart root 0 0 4096 rw keep squashfs -\nend\n";
        DiskLayout l = DISK_LAYOUT_NULL;

        assert_int_equal(disk_layout_parse(text, "x", &l, NULL), 0);
        assert_string_equal(l.table, "none");
        assert_string_equal(l.machine, "");
        assert_int_equal(l.parts[DISK_ROOT].number, 0);
        assert_int_equal(l.parts[DISK_ROOT].size, 4096);
}

/* Each is one step away from what is taken above. */
static void test_lies(void **state)
{
        static const char *const texts[] = {
                "",
                "end\n",
                HEAD "end\n",
                HEAD ESP "end\n",           /* no root */
                HEAD ROOT ESP,              /* no end */
                HEAD ROOT ESP "end",        /* nor of the line */
                HEAD ROOT ESP "end\nend\n", /* and more */
                HEAD ROOT ROOT "end\n",     /* twice */
                HEAD ESP ROOT "end\n",      /* not in order */
                ROOT "end\n",               /* no head */
                "table gpt\n" ROOT "end\n", /* half of one */
                "table bsd\nmachine x86-64\n" ROOT "end\n",
                "table -\nmachine x86-64\n" ROOT "end\n",
                "table gpt\nmachine pdp11\n" ROOT "end\n",
                "table gpt\nmachine \n" ROOT "end\n",
                "table  gpt\nmachine x86-64\n" ROOT "end\n",
                HEAD "part root 2 9437184 41943040 ro grow ext4\nend\n",
                HEAD "part root 2 9437184 41943040 ro grow ext4 - -\nend\n",
                HEAD "part boot 2 9437184 41943040 ro grow ext4 -\nend\n",
                HEAD "part root 2 9437185 41943040 ro grow ext4 -\nend\n", /* not at a sector */
                HEAD "part root 2 9437184 0 ro grow ext4 -\nend\n",
                HEAD "part root 2 0 41943040 ro grow ext4 -\nend\n", /* over the table */
                HEAD "part root 0 9437184 41943040 ro grow ext4 -\nend\n",
                HEAD "part root 0 0 41943040 ro grow ext4 -\nend\n",
                HEAD "part root 70000 9437184 41943040 ro grow ext4 -\nend\n",
                HEAD "part root 2 -512 41943040 ro grow ext4 -\nend\n",
                HEAD "part root 2 0512 41943040 ro grow ext4 -\nend\n",
                HEAD "part root 2 512 9223372036854775807 ro grow ext4 -\nend\n",
                HEAD "part root 2 512 18446744073709551615 ro grow ext4 -\nend\n",
                HEAD "part root 2 18446744073709551616 512 ro grow ext4 -\nend\n",
                HEAD "part root 2 512 512 RO grow ext4 -\nend\n",
                HEAD "part root 2 512 512 ro shrink ext4 -\nend\n",
                HEAD "part root 2 512 512 ro grow - -\nend\n", /* what is a root with no type? */
                HEAD "part root 2 512 512 ro grow nfs -\nend\n",
                HEAD "part root 2 512 512 ro grow ext4 ../../etc\nend\n",
                HEAD "part root 2 512 512 ro grow ext4 " UUID "0\nend\n",
                HEAD "part root 2 512 512 ro grow ext4 4C641A33\nend\n",
                HEAD
                "part root 2 512 1024 ro grow ext4 -\npart usr 3 1024 512 ro keep ext4 -\nend\n",
                "table none\nmachine -\npart root 1 512 4096 rw keep squashfs -\nend\n",
                ("table none\nmachine -\npart root 0 0 4096 rw keep ext4 -\n"
                 "part usr 0 0 4096 rw keep ext4 -\nend\n"),
                "refused overlap 1 2 0\n",
                "refused overlap 1 2 0 - -\n",
                "refused nothing 1 2 0 -\n",
                "refused overlap -1 2 0 -\n",
                "refused encrypted 2 0 0 \033[2J\n",
                "refused encrypted 2 0 0 /etc\n",
                "refused overlap 1 2 0 -\nrefused overlap 1 2 0 -\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                DiskLayout l = { .table = "x" };

                assert_int_equal(disk_layout_parse(texts[i], "x.raw", &l, &error), -EUCLEAN);
                assert_non_null(strstr(error.message, "hostile"));
                assert_non_null(strstr(error.hint, "x.raw"));
                assert_string_equal(l.table, "x"); /* untouched */
        }
}

static void test_refusal(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        DiskLayout l;

        assert_int_equal(disk_layout_parse("refused encrypted 2 0 0 root\n", "a.raw", &l, &error),
                         -EMEDIUMTYPE);
        assert_string_equal(error.message, "Partition 2 (root) of disk image 'a.raw' is encrypted");
        assert_non_null(strstr(error.hint, "cryptsetup open /dev/loopXp2 NAME"));
}

/* Every kind has its words, and no field is left in them. */
static void test_all_refusals(void **state)
{
        for (int i = 0; i < _DISK_REFUSAL_KIND_MAX; i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                DiskRefusal refusal = {
                        .kind = (DiskRefusalKind)i, .part = 3, .other = 4, .bytes = 5, .name = "usr"
                };
                DiskRefusal copy;
                int r = disk_refusal_report(&refusal, "a.raw", &error);

                assert_true(r == -EUCLEAN || r == -EMEDIUMTYPE || r == -EIO);
                assert_int_equal(disk_refuse(&copy, &refusal), r);
                assert_non_null(strstr(error.message, "a.raw"));
                assert_null(strpbrk(error.message, "{}\n"));
                assert_null(strpbrk(error.hint, "{}\n"));
                assert_int_equal(disk_refusal_kind_from_string(
                                         disk_refusal_kind_to_string((DiskRefusalKind)i)),
                                 i);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gpt),          cmocka_unit_test(test_bare),
                cmocka_unit_test(test_lies),         cmocka_unit_test(test_refusal),
                cmocka_unit_test(test_all_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
