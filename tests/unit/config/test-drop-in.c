/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `stead set --persist` makes of a drop-in. */

#include "../unit.h"
#include "base/strv.h"
#include "config/drop-in.h"

#include <string.h>

/* Assignments are separated by '|'. */
static void expect(const char *before, const char *assignments, const char *after)
{
        _cleanup_strv_ char **words = NULL;
        _cleanup_free_ char *text = NULL, *again = NULL;

        assert_int_equal(strv_split(assignments, "|", &words), 0);
        assert_int_equal(drop_in_merge(before, words, &text), 0);
        assert_string_equal(text, after);
        assert_int_equal(drop_in_merge(text, words, &again), 0); /* a second time changes nothing */
        assert_int_equal(strlen(again), strlen(text));
}

static void test_new(void **state)
{
        (void)state;
        expect("", "MemoryMax=1G|CPUQuota=50%",
               "# Written by `stead set --persist`.\n[Resources]\nMemoryMax=1G\nCPUQuota=50%\n");
        expect("# mine\n[Exec]\nBoot=yes\n", "MemoryMax=1G",
               "# mine\n[Exec]\nBoot=yes\n\n[Resources]\nMemoryMax=1G\n");
}

static void test_replaced(void **state)
{
        (void)state;
        expect("[Resources]\nMemoryMax=1G\nCPUWeight=10\n", "MemoryMax=2G",
               "[Resources]\nCPUWeight=10\nMemoryMax=2G\n");
        expect("[Resources]\n  MemoryMax = 1G\n# MemoryMax=3G\nMemoryMax=\\\n  2G\n",
               "MemoryMax=", "[Resources]\n# MemoryMax=3G\nMemoryMax=\n");
        expect("[Resources]\nMemoryMax=1G\n\n[Exec]\nBoot=yes\n", "TasksMax=9",
               "[Resources]\nMemoryMax=1G\nTasksMax=9\n\n[Exec]\nBoot=yes\n");
        /* of another section, or only alike */
        expect("[Service]\nMemoryMax=1G\n[Resources]\nMemoryMaxi=1G\n", "MemoryMax=2G",
               "[Service]\nMemoryMax=1G\n[Resources]\nMemoryMaxi=1G\nMemoryMax=2G\n");
}

static void test_lists(void **state)
{
        (void)state;
        expect("[Resources]\nIPAddressAllow=10.0.0.0/8\n", "IPAddressAllow=192.168.0.0/16",
               "[Resources]\nIPAddressAllow=10.0.0.0/8\nIPAddressAllow=192.168.0.0/16\n");
        expect("[Resources]\nIPAddressAllow=10.0.0.0/8\n", "IPAddressAllow=10.0.0.0/8",
               "[Resources]\nIPAddressAllow=10.0.0.0/8\n");
        expect("[Resources]\nIPAddressAllow=10.0.0.0/8\nIPAddressAllow=::1\n",
               "IPAddressAllow=", "[Resources]\nIPAddressAllow=\n");
        expect("[Resources]\nIOReadIOPSMax=/dev/vda 10\nIOReadIOPSMax=/dev/vdb 20\n",
               "IOReadIOPSMax=/dev/vda 30",
               "[Resources]\nIOReadIOPSMax=/dev/vdb 20\nIOReadIOPSMax=/dev/vda 30\n");
        expect("[Resources]\nAllowedCPUs=0\n", "AllowedCPUs=1-2",
               "[Resources]\nAllowedCPUs=\nAllowedCPUs=1-2\n");
        expect("[Resources]\nAllowedCPUs=0\n", "AllowedCPUs=", "[Resources]\nAllowedCPUs=\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_new),
                cmocka_unit_test(test_replaced),
                cmocka_unit_test(test_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
