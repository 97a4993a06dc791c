/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Did-you-mean: slips of the hand are found, other words are not. */

#include "../unit.h"
#include "base/nearest.h"

#include "base/cleanup.h"

static const char *best(const char *word)
{
        static const char *const words[] = { "boot",     "bind", "bind-ro", "private-network",
                                             "Hostname", NULL };
        Nearest n = NEAREST(word);

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                nearest_offer(&n, words[i]);
        return n.best;
}

static void test_slips(void **state)
{
        assert_string_equal(best("bot"), "boot");
        assert_string_equal(best("obot"), "boot"); /* two letters swapped are one mistake */
        assert_string_equal(best("private-netwrok"), "private-network");
        assert_string_equal(best("hostName"), "Hostname");
        assert_string_equal(best("bind-r"), "bind-ro");
}

static void test_no_guess(void **state)
{
        assert_null(best("xyz"));
        assert_null(best(""));
        assert_null(best("a-word-that-is-far-longer-than-any-that-we-would-ever-know"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_slips),
                cmocka_unit_test(test_no_guess),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
