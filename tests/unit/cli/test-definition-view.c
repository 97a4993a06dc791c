/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which assignments of a definition are in force. */

#include "cli/definition-view.h"

#include "../unit.h"

#include <string.h>

static void add(Definition *d, const char *file, const char *text)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;

        assert_int_equal(
                definition_parse(d, file, text, strlen(text), DEFINITION_MACHINE, &diagnostics), 0);
        assert_int_equal(diagnostics.n_errors, 0);
}

static const ViewLine *find(const DefinitionView *v, const char *key, size_t nth)
{
        for (size_t i = 0; i < v->n; i++)
                if (strcmp(v->lines[i].key, key) == 0 && nth-- == 0)
                        return &v->lines[i];
        return NULL;
}

static void test_override(void **state)
{
        _cleanup_definition_ Definition *d = calloc(1, sizeof(Definition));
        _cleanup_(definition_view_done) DefinitionView v = DEFINITION_VIEW_NULL;

        d->trusted = true;
        add(d, "main",
            "[Exec]\nBoot=no\nEnvironment=A=1\nEnvironment=B=2\n[Files]\nBind=/a\n"
            "[Resources]\nMemoryMax=1G\n");
        add(d, "drop-in", "[Exec]\nBoot=yes\nEnvironment=\nEnvironment=C=3\n[Files]\nBind=/b\n");
        assert_int_equal(definition_view(d, &v), 0);

        assert_string_equal(find(&v, "Boot", 0)->value, "yes");
        assert_string_equal(find(&v, "Boot", 0)->origin, "drop-in:2");
        assert_null(find(&v, "Boot", 1));
        assert_string_equal(find(&v, "Environment", 0)->value, "C=3");
        assert_null(find(&v, "Environment", 1));
        assert_string_equal(find(&v, "Bind", 0)->value, "/a");
        assert_string_equal(find(&v, "Bind", 1)->value, "/b");
        assert_string_equal(find(&v, "MemoryMax", 0)->section, "Resources");
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_override) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
