/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Help, the three manual pages and completion against the table: every row is in each that it
 * belongs in, and nothing is in them that the parser does not take. */

#include "../unit.h"
#include "config/option.h"
#include "config/resource.h"

#include <ctype.h>
#include <string.h>

static char *text_of(int (*print)(FILE *))
{
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        assert_int_equal(print(f), 0);
        assert_int_equal(fclose(f), 0);
        return text;
}

/* @word in @text, not as the beginning of a longer word. */
static bool has_word(const char *text, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = text; (p = strstr(p, word)); p++)
                if (!isalnum((unsigned char)p[n]) && p[n] != '-')
                        return true;
        return false;
}

static void test_every_option_is_documented(void **state)
{
        _cleanup_free_ char *help = text_of(option_print_help), *man = text_of(option_print_scdoc),
                            *bash = text_of(option_print_completion);

        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];
                char word[80];

                if (o->name) {
                        (void)snprintf(word, sizeof(word), "--%s", o->name);
                        assert_true(has_word(help, word));
                        assert_true(has_word(man, word));
                        assert_true(has_word(bash, word));
                }
                if (o->letter) {
                        (void)snprintf(word, sizeof(word), "-%c", o->letter);
                        assert_true(has_word(help, word));
                        assert_true(has_word(man, word));
                        assert_true(has_word(bash, word));
                }
        }
}

static void test_every_key_is_documented(void **state)
{
        _cleanup_free_ char *keys = text_of(option_print_keys),
                            *resources = text_of(option_print_resource_keys),
                            *pod_keys = text_of(option_print_pod_keys);

        for (size_t i = 0; i < option_count; i++) {
                const Option *o = &option_table[i];
                char word[80];

                if (!o->key)
                        continue;
                (void)snprintf(word, sizeof(word), "*%s=*", o->key);
                assert_int_equal(strstr(keys, word) || strstr(resources, word),
                                 o->holder != OPTION_OF_POD);
                assert_int_equal(strstr(pod_keys, word) != NULL, o->holder != OPTION_OF_MACHINE);
        }
}

static void test_every_resource_is_documented(void **state)
{
        _cleanup_free_ char *keys = text_of(resource_print_keys);

        for (size_t i = 0; i < resource_key_count; i++) {
                char word[80];

                (void)snprintf(word, sizeof(word), "*%s=*", resource_keys[i].name);
                assert_non_null(strstr(keys, word));
        }
}

/* Every "--word" in @text is an option; texts speak of options that may have gone. */
static void assert_options_exist(const char *text)
{
        for (const char *p = text; (p = strstr(p, "--"));) {
                char word[80];
                size_t n = strspn(p + 2, "abcdefghijklmnopqrstuvwxyz0123456789-");

                if (p > text && !strchr(" (\n\t*'", p[-1])) {
                        p += 2;
                        continue;
                }
                (void)snprintf(word, sizeof(word), "%.*s", (int)n, p + 2);
                if (n > 0 && strcmp(word, "name") != 0) /* "--name=value" in a comment */
                        assert_non_null(option_by_name(word));
                p += 2 + n;
        }
}

static void test_nothing_else_is_documented(void **state)
{
        _cleanup_free_ char *help = text_of(option_print_help), *man = text_of(option_print_scdoc),
                            *keys = text_of(option_print_keys),
                            *pod_keys = text_of(option_print_pod_keys);

        assert_options_exist(pod_keys);
        assert_options_exist(help);
        assert_options_exist(man);
        assert_options_exist(keys);
}

static void test_help_fits(void **state)
{
        _cleanup_free_ char *help = text_of(option_print_help);

        for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
                assert_true(strlen(line) <= 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_option_is_documented),
                cmocka_unit_test(test_every_key_is_documented),
                cmocka_unit_test(test_every_resource_is_documented),
                cmocka_unit_test(test_nothing_else_is_documented),
                cmocka_unit_test(test_help_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
