/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of enumerators, with holes and at the edges. */

#include "../unit.h"
#include "base/string-table.h"

#include "base/cleanup.h"

#include <errno.h>

typedef enum Fruit {
        FRUIT_DEFAULT,
        FRUIT_APPLE,
        FRUIT_PEAR,
        FRUIT_PLUM,
        _FRUIT_INVALID = -EINVAL,
} Fruit;
DECLARE_STRING_TABLE(fruit, Fruit);
DEFINE_STRING_TABLE(fruit,
                    Fruit, [FRUIT_APPLE] = "apple", [FRUIT_PEAR] = "pear", [FRUIT_PLUM] = "plum");

static void test_both_ways(void **state)
{
        assert_string_equal(fruit_to_string(FRUIT_PEAR), "pear");
        assert_int_equal(fruit_from_string("plum"), FRUIT_PLUM);
        assert_int_equal(fruit_from_string("Plum"), _FRUIT_INVALID);
        assert_int_equal(fruit_from_string(""), _FRUIT_INVALID);
        assert_null(fruit_to_string(FRUIT_DEFAULT));
        assert_null(fruit_to_string((Fruit)4));
        assert_null(fruit_to_string(_FRUIT_INVALID));
}

static void test_choices(void **state)
{
        _cleanup_free_ char *text = string_table_choices(&fruit_table);

        assert_string_equal(text, "apple, pear or plum");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both_ways),
                cmocka_unit_test(test_choices),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
