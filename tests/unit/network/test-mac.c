/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses that stay, and the host's id that they are made of. */

#include "network/mac.h"

#include "os/machine-id.h"

#include "../world.h"

#include <errno.h>

static const Id128 host = { { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
                              0xbb, 0xcc, 0xdd, 0xee, 0xff } };

/* Made by an independent SipHash from systemd's rule. */
static const struct {
        MacUse use;
        uint64_t index;
        MacAddress mac;
} known[] = {
        { MAC_HOST, 0, { { 0xc2, 0xf0, 0x3c, 0xdc, 0x9e, 0xff } } },
        { MAC_MACHINE, 0, { { 0xce, 0x4b, 0x63, 0xb9, 0xe2, 0x16 } } },
        { MAC_EXTRA_HOST, 0, { { 0x16, 0x8c, 0x04, 0xbe, 0x49, 0x25 } } },
        { MAC_EXTRA_HOST, 1, { { 0xea, 0x44, 0xd9, 0x13, 0x0a, 0x4d } } },
        { MAC_EXTRA_MACHINE, 0, { { 0x0e, 0xf9, 0x32, 0x1d, 0xcd, 0x19 } } },
        { MAC_EXTRA_MACHINE, 1, { { 0x32, 0x4c, 0x4d, 0xc8, 0x66, 0x93 } } },
        { MAC_MACVLAN, 0, { { 0xae, 0x25, 0xa1, 0x20, 0xcb, 0xb6 } } },
        { MAC_MACVLAN, 1, { { 0x0a, 0x6f, 0x8a, 0xd0, 0x65, 0x2c } } },
};

static void test_known(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                MacAddress mac = mac_derive(known[i].use, &host, "web", known[i].index);

                assert_memory_equal(&mac, &known[i].mac, sizeof(mac));
        }
}

static void test_all_differ(void **state)
{
        MacAddress made[_MAC_USE_MAX * 2 * 2];
        size_t n = 0;

        for (int use = 0; use < _MAC_USE_MAX; use++)
                for (uint64_t index = 0; index < 2; index++) {
                        made[n++] = mac_derive((MacUse)use, &host, "web", index);
                        made[n++] = mac_derive((MacUse)use, &host, "web2", index);
                }
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(made[i].bytes[0] & 3, 2);
                for (size_t j = 0; j < i; j++)
                        assert_memory_not_equal(&made[i], &made[j], sizeof(made[i]));
        }
}

static void test_host_id(void **state)
{
        Id128 id = {};

        assert_int_equal(machine_id_of_host(&id), -ENOMEDIUM);
        world_put("", "/etc/machine-id", "", 0444);
        assert_int_equal(machine_id_of_host(&id), -ENOMEDIUM);
        world_put("", "/etc/machine-id", "uninitialized\n", 0444);
        assert_int_equal(machine_id_of_host(&id), -ENOMEDIUM);
        world_put("", "/etc/machine-id", "00112233445566778899aabbccddee\n", 0444);
        assert_int_equal(machine_id_of_host(&id), -EINVAL);
        assert_true(id128_is_null(&id));
        world_put("", "/etc/machine-id", "00112233445566778899aabbccddeeff\n", 0444);
        assert_int_equal(machine_id_of_host(&id), 0);
        assert_memory_equal(&id, &host, sizeof(id));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known),
                cmocka_unit_test(test_all_differ),
                cmocka_unit_test(test_host_id),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
