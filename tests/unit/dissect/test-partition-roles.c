/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which partition is what, from tables that were never on a disk. */

#include "../unit.h"

#include "dissect/partition-roles.h"
#include "dissect/partition-type.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define HOME "933ac7e1-2eb4-4f13-b844-0e14e2aef915"
#define ESP "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

/* Roots, in the order of how near they are to the machine that runs the test. */
#if defined(__x86_64__)
#define OWN "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
#define OWN_USR "8484680c-9521-48c6-9c11-b0720656f69e"
#define SECOND "44479540-f297-41b2-9af7-d131d5f0458a"
#elif defined(__aarch64__)
#define OWN "b921b045-1df0-41c3-af44-4c6f280d3fae"
#define OWN_USR "b0e01050-ee5f-4390-949a-9101b17104e9"
#define SECOND "69dad710-2ce4-4e3c-b16c-21a1d49abed3"
#endif
#define S390X "5eead9a9-fe09-4a1e-a1d7-520d00531306"
#define RISCV64 "72ec70a6-cf74-40e6-bd49-4bda08e8f224"

static Partition gpt(const char *type, const char *label, uint64_t flags)
{
        Partition p = { .flags = flags };

        (void)snprintf(p.type, sizeof(p.type), "%s", type);
        (void)snprintf(p.label, sizeof(p.label), "%s", label);
        return p;
}

static void add(PartitionTable *t, Partition p)
{
        p.number = t->n_parts + 1;
        t->parts[t->n_parts++] = p;
}

/* The number of the partition that is root, or what it was refused with. */
static int root_of(const PartitionTable *t)
{
        DiskRefusal refusal = {};
        PartitionRoles roles;

        if (partition_roles_choose(t, &roles, &refusal) < 0)
                return -(int)refusal.kind;
        return roles.parts[DISK_ROOT] ? (int)roles.parts[DISK_ROOT]->number : 0;
}

static void test_labels(void **state)
{
        static const char *const sorted[] = { "",      "A_",     "A_1~rc1", "A_1",  "A_1.2",
                                              "A_1.9", "A_1.10", "A_2",     "A_10", "A_10b" };

        for (size_t i = 0; i < ELEMENTSOF(sorted); i++)
                for (size_t j = 0; j < ELEMENTSOF(sorted); j++) {
                        int r = partition_label_compare(sorted[i], sorted[j]);

                        assert_int_equal((r > 0) - (r < 0), (i > j) - (i < j));
                }
        assert_int_equal(partition_label_compare("A_01", "A_1"), 0);
}

static void test_generic(void **state)
{
        PartitionTable t = { .kind = "gpt" };

        assert_int_equal(root_of(&t), -DISK_REFUSED_NO_ROOT);
        add(&t, gpt(HOME, "", 0));
        assert_int_equal(root_of(&t), -DISK_REFUSED_NO_ROOT);
        add(&t, gpt(PARTITION_TYPE_LINUX, "", PARTITION_NO_AUTO));
        add(&t, gpt(PARTITION_TYPE_LINUX, "", 0));
        assert_int_equal(root_of(&t), 3);
        add(&t, gpt(PARTITION_TYPE_LINUX, "", 0));
        assert_int_equal(root_of(&t), -DISK_REFUSED_LINUX_MANY);
        add(&t, gpt(S390X, "", 0)); /* says what it is */
        assert_int_equal(root_of(&t), 5);
}

#ifdef OWN
static void test_architectures(void **state)
{
        PartitionTable t = { .kind = "gpt" };

        add(&t, gpt(S390X, "", 0));
        assert_int_equal(root_of(&t), 1);
        add(&t, gpt(RISCV64, "", 0));
        assert_int_equal(root_of(&t), -DISK_REFUSED_FOREIGN_MANY);
        add(&t, gpt(SECOND, "", 0));
        assert_int_equal(root_of(&t), 3);
        add(&t, gpt(OWN, "", PARTITION_NO_AUTO));
        assert_int_equal(root_of(&t), 3);
        add(&t, gpt(OWN, "", 0));
        assert_int_equal(root_of(&t), 5);
}

/* A /usr of ours does not go with a root of another. */
static void test_own_usr(void **state)
{
        PartitionTable t = { .kind = "gpt" };
        DiskRefusal refusal = {};
        PartitionRoles roles;

        add(&t, gpt(S390X, "", 0));
        add(&t, gpt(OWN_USR, "", 0));
        assert_int_equal(partition_roles_choose(&t, &roles, &refusal), 0);
        assert_null(roles.parts[DISK_ROOT]);
        assert_int_equal(roles.parts[DISK_USR]->number, 2);
}

static void test_versions(void **state)
{
        PartitionTable t = { .kind = "gpt" };
        DiskRefusal refusal = {};
        PartitionRoles roles;

        add(&t, gpt(OWN, "os_1.9", 0));
        add(&t, gpt(HOME, "a", 0));
        add(&t, gpt(OWN, "os_1.10", 0));
        add(&t, gpt(HOME, "b", 0));
        add(&t, gpt(OWN, "os_1.10", 0));
        add(&t, gpt(ESP, "", PARTITION_NO_BLOCK_IO));
        add(&t, gpt(ESP, "", PARTITION_NO_AUTO));
        assert_int_equal(partition_roles_choose(&t, &roles, &refusal), 0);
        assert_int_equal(roles.parts[DISK_ROOT]->number, 3);
        assert_int_equal(roles.parts[DISK_HOME]->number, 2);
        assert_int_equal(roles.parts[DISK_ESP]->number, 7);
}
#endif

static void test_dos(void **state)
{
        PartitionTable t = { .kind = "dos" };

        add(&t, (Partition){ .dos_type = 0x07 });
        assert_int_equal(root_of(&t), -DISK_REFUSED_NO_ROOT);
        add(&t, (Partition){ .dos_type = 0x83 });
        assert_int_equal(root_of(&t), 2);
        add(&t, (Partition){ .dos_type = 0x83 });
        assert_int_equal(root_of(&t), -DISK_REFUSED_ACTIVE_MANY);
        t.parts[2].flags = 0x80;
        assert_int_equal(root_of(&t), 3);
        t.parts[1].flags = 0x80;
        assert_int_equal(root_of(&t), -DISK_REFUSED_ACTIVE_MANY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_labels),        cmocka_unit_test(test_generic),
#ifdef OWN
                cmocka_unit_test(test_architectures), cmocka_unit_test(test_own_usr),
                cmocka_unit_test(test_versions),
#endif
                cmocka_unit_test(test_dos),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
