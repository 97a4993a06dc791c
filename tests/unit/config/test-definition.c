/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions as data: every NAME.machine, NAME.nspawn, NAME.untrusted and NAME.pod of the data
 * directory is read, and what came of it compared with NAME.*.expected. STEAD_TEST_WRITE=1 writes
 * them anew. */

#include "parsed.h"

#include "base/fd.h"

#include <fcntl.h>

static void dump(const Definition *d, const Diagnostics *diagnostics, Buffer *out)
{
        for (size_t i = 0; i < d->assignments.n; i++) {
                const Assignment *a = &d->assignments.items[i];

                buffer_printf(out, "%s [%s] %s=%s%s\n", a->origin, a->option->section,
                              a->option->key, a->value, a->trusted ? "" : " (untrusted)");
        }
        for (size_t i = 0; i < d->n_passed; i++)
                buffer_printf(out, "%s passed [%s] %s=%s\n", d->passed[i].origin,
                              d->passed[i].section, d->passed[i].key, d->passed[i].value);
        for (size_t i = 0; i < diagnostics->n; i++) {
                const Diagnostic *item = &diagnostics->items[i];

                buffer_printf(out, "%s: %s: %s\n", item->origin,
                              item->severity == DIAGNOSTIC_ERROR ? "error" : "warning",
                              item->message);
                if (item->hint)
                        buffer_printf(out, "  %s\n", item->hint);
        }
}

static void check_file(int directory, const char *name, DefinitionDialect dialect)
{
        Definition *d = calloc(1, sizeof(*d));
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_free_ char *text = NULL, *expected_name = NULL, *expected = NULL;
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        ssize_t n = read_file_at(directory, name, 1 << 20, &text);

        assert_non_null(d);
        assert_true(n >= 0);
        assert_int_equal(definition_parse(d, name, text, (size_t)n, dialect, &diagnostics), 0);
        dump(d, &diagnostics, &out);
        definition_free(d);
        assert_true(asprintf(&expected_name, "%s.expected", name) > 0);
        if (getenv("STEAD_TEST_WRITE"))
                assert_int_equal(write_file_atomic_at(directory, expected_name, out.data, 0644), 0);
        assert_true(read_file_at(directory, expected_name, 1 << 20, &expected) >= 0);
        assert_string_equal(out.data, expected);
}

static void test_data(void **state)
{
        static const char *const suffixes[] = { ".machine", ".nspawn", ".untrusted", ".pod" };
        const char *path = getenv("STEAD_TEST_DATA");
        _cleanup_closedir_ DIR *d = opendir(path ?: ".");
        int n = 0;

        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
                for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                        const char *dot = strrchr(e->d_name, '.');

                        if (!dot || strcmp(dot, suffixes[i]) != 0)
                                continue;
                        check_file(dirfd(d), e->d_name, (DefinitionDialect)i);
                        n++;
                }
        assert_true(n >= 5);
}

/* Every key of the table in an untrusted file: kept or warned about, by its column. */
static void test_trust_key_by_key(void **state)
{
        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];
                Definition *d = calloc(1, sizeof(*d));
                _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
                _cleanup_free_ char *text = NULL;
                bool kept = o->trust == OPTION_UNTRUSTED;

                assert_non_null(d);
                if (o->key) {
                        /* an empty value is fine for all, and still an assignment */
                        assert_true(asprintf(&text, "[%s]\n%s=%s\n", o->section, o->key,
                                             o->trust == OPTION_DENY_UNTRUSTED ? "read" : "") > 0);
                        assert_int_equal(definition_parse(d, "f", text, strlen(text),
                                                          DEFINITION_NSPAWN_UNTRUSTED,
                                                          &diagnostics),
                                         0);
                        assert_int_equal(d->assignments.n, kept);
                        assert_int_equal(diagnostics.n, !kept);
                        assert_int_equal(diagnostics.n_errors, 0);
                }
                definition_free(d);
        }
}

static void test_bytes(void **state)
{
        static const struct {
                const char *text;
                size_t size;
                const char *message; /* NULL: fine */
        } rows[] = {
#define ROW(t, m) { t, sizeof(t) - 1, m }
                ROW("[Exec]\nBoot=y\0es\n", "f:2: a NUL byte in the line"),
                ROW("[Exec]\nHostname=\xff\n", "f:2: the line is not plain UTF-8 text"),
                ROW("[Exec]\nUser=\xed\xa0\x80\n", "f:2: the line is not plain UTF-8 text"),
                ROW("# \x1b[31m\n", "f:1: the line is not plain UTF-8 text"),
                ROW("\xef\xbb\xbf[Exec]\r\nBoot = yes\r\n", NULL),
                ROW("[Exec]\nBoot=yes", NULL),
                ROW("[Exec]\nBoot=\\\n# between\n  yes\n", NULL),
                ROW("[Exec]\nBoot=yes \\", NULL),
                ROW("", NULL),
                ROW("[", "f:1: a section must be written [Name]"),
                ROW("[]", "f:1: a section must be written [Name]"),
                ROW("Boot=yes", "f:1: 'Boot=yes' comes before the first section"),
                ROW("[Exec]\n=yes", "f:2: '=yes' is neither Key=value nor [Section]"),
#undef ROW
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Definition *d = calloc(1, sizeof(*d));
                _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                int r;

                assert_non_null(d);
                assert_int_equal(definition_parse(d, "f", rows[i].text, rows[i].size,
                                                  DEFINITION_MACHINE, &diagnostics),
                                 0);
                r = diagnostics_first(&diagnostics, &error);
                assert_int_equal(r, rows[i].message ? -EINVAL : 0);
                if (rows[i].message)
                        assert_string_equal(error.message, rows[i].message);
                else
                        assert_int_equal(d->assignments.n, rows[i].size > 0);
                definition_free(d);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_data),
                cmocka_unit_test(test_trust_key_by_key),
                cmocka_unit_test(test_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
