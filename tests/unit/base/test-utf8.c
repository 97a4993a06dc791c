/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be shown to a person as it is. */

#include "../unit.h"

#include "base/cleanup.h"
#include "base/utf8.h"

static void test_plain(void **state)
{
        static const char *const plain[] = { "",         "a b",  "libä.so",
                                             "\xc2\xa0", "日本", "\xf0\x9f\x90\xa7" };
        static const char *const other[] = { "\n",        "a\033[2J", "\x7f",
                                             "a\xc2\x9b", "\xc2\x80", "\xff",
                                             "\xc2",      "\xe6\x97", "\xed\xa0\x80" };

        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                assert_true(utf8_is_plain(plain[i]));
        for (size_t i = 0; i < ELEMENTSOF(other); i++)
                assert_false(utf8_is_plain(other[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_plain) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
