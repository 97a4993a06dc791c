/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The superblock in front of hashes: what veritysetup writes, and what nobody may be made to
 * believe. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/verity.h"

#include <errno.h>
#include <string.h>

#define DATA (UINT64_C(256) * 4096)
#define HASHES (UINT64_C(4) * 4096) /* itself, two blocks of hashes, and their root */

static void fill(uint8_t s[static VERITY_SUPERBLOCK_SIZE])
{
        memset(s, 0, VERITY_SUPERBLOCK_SIZE);
        memcpy(s, "verity", 6);
        s[8] = 1;  /* version */
        s[12] = 1; /* type of hashes */
        memcpy(s + 32, "sha256", 6);
        s[65] = 4096 >> 8; /* sizes of blocks */
        s[69] = 4096 >> 8;
        s[73] = 256 >> 8; /* blocks of data */
        s[80] = 4;        /* salt */
        memcpy(s + 88, "\x01\xab\x00\xff", 4);
}

static void test_good(void **state)
{
        uint8_t s[VERITY_SUPERBLOCK_SIZE];
        VerityTable t;

        fill(s);
        assert_int_equal(verity_parse(s, DATA, HASHES, &t), 0);
        assert_string_equal(t.algorithm, "sha256");
        assert_string_equal(t.salt, "01ab00ff");
        assert_int_equal(t.data_blocks, 256);
        assert_int_equal(t.hash_block_size, 4096);
        s[80] = 0;
        assert_int_equal(verity_parse(s, DATA, HASHES, &t), 0);
        assert_string_equal(t.salt, "-");
}

static void test_bad(void **state)
{
        static const struct {
                size_t at;
                uint8_t value;
        } rows[] = {
                { 0, 'V' },  { 7, 1 },    { 8, 2 },  { 12, 2 },   { 15, 1 },  { 32, 'm' },
                { 38, ' ' }, { 63, 'x' }, { 64, 1 }, { 65, 0 },   { 65, 17 }, { 67, 1 },
                { 71, 1 },   { 73, 0 },   { 74, 1 }, { 79, 128 }, { 81, 2 },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uint8_t s[VERITY_SUPERBLOCK_SIZE];
                VerityTable t;

                fill(s);
                s[rows[i].at] = rows[i].value;
                if (verity_parse(s, DATA, HASHES, &t) != -EUCLEAN)
                        fail_msg("byte %zu as %u", rows[i].at, rows[i].value);
        }
}

static void test_sizes(void **state)
{
        uint8_t s[VERITY_SUPERBLOCK_SIZE];
        VerityTable t;

        fill(s);
        assert_int_equal(verity_parse(s, DATA - 1, HASHES, &t), -EUCLEAN);
        assert_int_equal(verity_parse(s, DATA, HASHES - 1, &t), -EUCLEAN);
        assert_int_equal(verity_parse(s, DATA, 0, &t), -EUCLEAN);
}

static void test_algorithms(void **state)
{
        assert_int_equal(verity_hash_length("sha256"), 64);
        assert_int_equal(verity_hash_length("sha512"), 128);
        assert_int_equal(verity_hash_length("md5"), 0);
        assert_int_equal(verity_hash_length(""), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_algorithms),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
