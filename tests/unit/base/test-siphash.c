/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vectors of the authors' reference implementation: key 00..0f, messages 00, 01 .. of each
 * length. */

#include "base/siphash.h"

#include "../unit.h"

static const struct {
        size_t size;
        uint64_t hash;
} vectors[] = {
        { 0, UINT64_C(0x726fdb47dd0e0e31) },  { 1, UINT64_C(0x74f839c593dc67fd) },
        { 2, UINT64_C(0x0d6c8009d9a94f5a) },  { 3, UINT64_C(0x85676696d7fb7e2d) },
        { 7, UINT64_C(0xab0200f58b01d137) },  { 8, UINT64_C(0x93f5f5799a932462) },
        { 15, UINT64_C(0xa129ca6149be45e5) }, { 63, UINT64_C(0x958a324ceb064572) },
};

static void test_vectors(void **state)
{
        uint8_t key[16], message[64];

        for (uint8_t i = 0; i < 64; i++)
                message[i] = i;
        for (uint8_t i = 0; i < 16; i++)
                key[i] = i;
        for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
                for (size_t cut = 0; cut <= vectors[i].size; cut++) {
                        SipHash h;

                        siphash_init(&h, key);
                        siphash_add(&h, message, cut);
                        siphash_add(&h, message + cut, vectors[i].size - cut);
                        assert_true(siphash_end(&h) == vectors[i].hash);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
