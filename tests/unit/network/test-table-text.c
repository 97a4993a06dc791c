/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ruleset's text: of the whole against a saved one, and of one machine's share. */

#include "network/table-text.h"

#include "../world.h"

static const char *golden;

static const char *const texts[][2] = {
        { "db", "INTERFACE=vz-net\nADDRESS=100.64.3.2\nMASQUERADE=no\nPORT=tcp 127.0.0.1 5432 5432 "
                "5432\n" },
        { "dns", "INTERFACE=vz-net\nADDRESS=100.64.3.3\nADDRESS=fd00:3::3\nPORT=udp * 53 53 53\n" },
        { "web", "INTERFACE=ve-web\nADDRESS=100.64.0.2\nADDRESS=fd00:1::2\nADDRESS=fd00:1::3\n"
                 "PORT=tcp * 8080 8081 80\nPORT=tcp ::1 443 443 443\nPORT=tcp 0.0.0.0 99 99 99\n" },
};

static PublishedList make_list(size_t n)
{
        PublishedList list = { .items = calloc(ELEMENTSOF(texts), sizeof(Published)) };

        assert_non_null(list.items);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(
                        published_parse(texts[i][0], texts[i][1], &list.items[list.n++], NULL), 0);
        return list;
}

static void test_whole(void **state)
{
        TableGuard guard = { .uplinks4 = (char *[]){ (char *)"eth0", (char *)"wg.1", NULL },
                             .every6 = true };
        _cleanup_published_list_ PublishedList list = make_list(ELEMENTSOF(texts));
        _cleanup_free_ char *text = NULL, *expected = NULL;

        assert_true(read_file_at(AT_FDCWD, golden, 1 << 20, &expected) > 0);
        assert_int_equal(table_text_replace(&list, &guard, true, &text), 0);
        assert_string_equal(text, expected);
}

static void test_nothing(void **state)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(table_text_replace(&PUBLISHED_LIST_NULL, &TABLE_GUARD_NULL, true, &text),
                         0);
        assert_string_equal(text, "table inet stead\ndelete table inet stead\n");
}

/* A deletion would cost whoever makes the first table a wait for the kernel. */
static void test_first(void **state)
{
        static const char prelude[] = "table inet stead\ndelete table inet stead\n";
        _cleanup_published_list_ PublishedList list = make_list(ELEMENTSOF(texts));
        _cleanup_free_ char *first = NULL, *again = NULL, *nothing = NULL;

        assert_int_equal(table_text_replace(&list, &TABLE_GUARD_NULL, false, &first), 0);
        assert_int_equal(table_text_replace(&list, &TABLE_GUARD_NULL, true, &again), 0);
        assert_memory_equal(again, prelude, strlen(prelude));
        assert_string_equal(first, again + strlen(prelude));
        assert_int_equal(
                table_text_replace(&PUBLISHED_LIST_NULL, &TABLE_GUARD_NULL, false, &nothing), 0);
        assert_string_equal(nothing, "");
}

/* The bridge is the other's, too. */
static void test_share(void **state)
{
        _cleanup_published_list_ PublishedList list = make_list(ELEMENTSOF(texts));
        _cleanup_free_ char *add = NULL, *delete = NULL;

        assert_int_equal(table_text_add(&list, &list.items[1], &add), 0);
        assert_string_equal(add, "add element inet stead port4 { udp . 53 : 100.64.3.3 . 53 }\n"
                                 "add element inet stead port6 { udp . 53 : fd00:3::3 . 53 }\n"
                                 "add element inet stead address4 { 100.64.3.3 }\n"
                                 "add element inet stead address6 { fd00:3::3 }\n");
        assert_int_equal(table_text_delete(&list, &list.items[0], &delete), 0);
        assert_string_equal(delete, "delete element inet stead bound4 { 127.0.0.1 . tcp . 5432 : "
                                    "100.64.3.2 . 5432 }\n");
}

static void test_guard(void **state)
{
        char *uplinks[] = { (char *)"eth0", NULL };
        _cleanup_free_ char *some = NULL, *every = NULL;

        assert_int_equal(
                table_text_guard(&(TableGuard){ .uplinks4 = uplinks, .uplinks6 = uplinks }, &some),
                0);
        assert_string_equal(some, "flush set inet stead uplink4\n"
                                  "flush set inet stead uplink6\n"
                                  "flush set inet stead every\n"
                                  "add element inet stead uplink4 { \"eth0\" }\n"
                                  "add element inet stead uplink6 { \"eth0\" }\n");
        assert_int_equal(table_text_guard(&(TableGuard){ .every4 = true, .every6 = true }, &every),
                         0);
        assert_non_null(strstr(every, "every\nadd element inet stead every { ipv4, ipv6 }\n"));
}

static void test_two_meanings(void **state)
{
        _cleanup_published_list_ PublishedList list = make_list(2);
        _cleanup_free_ char *text = NULL;

        assert_int_equal(published_parse("x",
                                         "INTERFACE=ve-x\nADDRESS=1.2.3.4\nPORT=udp * 53 53 53\n",
                                         &list.items[list.n++], NULL),
                         0);
        assert_int_equal(table_text_add(&list, &list.items[2], &text), -EEXIST);
        assert_int_equal(table_text_delete(&list, &list.items[2], &text), -EEXIST);
        assert_null(text);
        /* the whole has it once: the first by name has the port */
        assert_int_equal(table_text_replace(&list, &TABLE_GUARD_NULL, true, &text), 0);
        assert_non_null(strstr(text, "port4 { udp . 53 : 100.64.3.3 . 53 }"));
}

static void test_all_ports(void **state)
{
        _cleanup_published_list_ PublishedList list = make_list(1);
        _cleanup_free_ char *text = NULL;

        assert_int_equal(published_parse("x",
                                         "INTERFACE=ve-x\nADDRESS=1.2.3.4\nPORT=tcp * 1 65535 1\n",
                                         &list.items[list.n++], NULL),
                         0);
        assert_int_equal(table_text_add(&list, &list.items[1], &text), 0);
        assert_non_null(strstr(text, "tcp . 65535 : 1.2.3.4 . 65535"));
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole),        cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_first),        cmocka_unit_test(test_share),
                cmocka_unit_test(test_two_meanings), cmocka_unit_test(test_all_ports),
                cmocka_unit_test(test_guard),
        };

        golden = argc > 1 ? argv[1] : "table.nft";
        return cmocka_run_group_tests(tests, NULL, NULL);
}
