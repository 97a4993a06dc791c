/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the specification. */

#include "dissect/partition-type.h"

#include "base/cleanup.h"

#include <string.h>

static const PartitionType types[] = {
        { DISK_ESP, NULL, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" },
        { DISK_XBOOTLDR, NULL, "bc13c2ff-59e6-4262-a352-b275fd6f7172" },
        { DISK_HOME, NULL, "933ac7e1-2eb4-4f13-b844-0e14e2aef915" },
        { DISK_SRV, NULL, "3b8f8425-20e0-4f3b-907f-1a25a76f98e8" },
        { DISK_VAR, NULL, "4d21b016-b534-45c2-a9fb-5c16e091fd2d" },
        { DISK_TMP, NULL, "7ec6f557-3bc5-4aca-b293-16ef5df639d1" },
        { DISK_ROOT, "alpha", "6523f8ae-3eb1-4e2a-a05a-18b695ae656f" },
        { DISK_ROOT, "arc", "d27f46ed-2919-4cb8-bd25-9531f3c16534" },
        { DISK_ROOT, "arm", "69dad710-2ce4-4e3c-b16c-21a1d49abed3" },
        { DISK_ROOT, "arm64", "b921b045-1df0-41c3-af44-4c6f280d3fae" },
        { DISK_ROOT, "ia64", "993d8d3d-f80e-4225-855a-9daf8ed7ea97" },
        { DISK_ROOT, "loongarch64", "77055800-792c-4f94-b39a-98c91b762bb6" },
        { DISK_ROOT, "mips", "e9434544-6e2c-47cc-bae2-12d6deafb44c" },
        { DISK_ROOT, "mips64", "d113af76-80ef-41b4-bdb6-0cff4d3d4a25" },
        { DISK_ROOT, "mips-le", "37c58c8a-d913-4156-a25f-48b1b64e07f0" },
        { DISK_ROOT, "mips64-le", "700bda43-7a34-4507-b179-eeb93d7a7ca3" },
        { DISK_ROOT, "parisc", "1aacdb3b-5444-4138-bd9e-e5c2239b2346" },
        { DISK_ROOT, "ppc", "1de3f1ef-fa98-47b5-8dcd-4a860a654d78" },
        { DISK_ROOT, "ppc64", "912ade1d-a839-4913-8964-a10eee08fbd2" },
        { DISK_ROOT, "ppc64-le", "c31c45e6-3f39-412e-80fb-4809c4980599" },
        { DISK_ROOT, "riscv32", "60d5a7fe-8e7d-435c-b714-3dd8162144e1" },
        { DISK_ROOT, "riscv64", "72ec70a6-cf74-40e6-bd49-4bda08e8f224" },
        { DISK_ROOT, "s390", "08a7acea-624c-4a20-91e8-6e0fa67d23f9" },
        { DISK_ROOT, "s390x", "5eead9a9-fe09-4a1e-a1d7-520d00531306" },
        { DISK_ROOT, "tilegx", "c50cdd70-3862-4cc3-90e1-809a8c93ee2c" },
        { DISK_ROOT, "x86", "44479540-f297-41b2-9af7-d131d5f0458a" },
        { DISK_ROOT, "x86-64", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709" },
        { DISK_USR, "alpha", "e18cf08c-33ec-4c0d-8246-c6c6fb3da024" },
        { DISK_USR, "arc", "7978a683-6316-4922-bbee-38bff5a2fecc" },
        { DISK_USR, "arm", "7d0359a3-02b3-4f0a-865c-654403e70625" },
        { DISK_USR, "arm64", "b0e01050-ee5f-4390-949a-9101b17104e9" },
        { DISK_USR, "ia64", "4301d2a6-4e3b-4b2a-bb94-9e0b2c4225ea" },
        { DISK_USR, "loongarch64", "e611c702-575c-4cbe-9a46-434fa0bf7e3f" },
        { DISK_USR, "mips", "773b2abc-2a99-4398-8bf5-03baac40d02b" },
        { DISK_USR, "mips64", "57e13958-7331-4365-8e6e-35eeee17c61b" },
        { DISK_USR, "mips-le", "0f4868e9-9952-4706-979f-3ed3a473e947" },
        { DISK_USR, "mips64-le", "c97c1f32-ba06-40b4-9f22-236061b08aa8" },
        { DISK_USR, "parisc", "dc4a4480-6917-4262-a4ec-db9384949f25" },
        { DISK_USR, "ppc", "7d14fec5-cc71-415d-9d6c-06bf0b3c3eaf" },
        { DISK_USR, "ppc64", "2c9739e2-f068-46b3-9fd0-01c5a9afbcca" },
        { DISK_USR, "ppc64-le", "15bb03af-77e7-4d4a-b12b-c0d084f7491c" },
        { DISK_USR, "riscv32", "b933fb22-5c3f-4f91-af90-e2bb0fa50702" },
        { DISK_USR, "riscv64", "beaec34b-8442-439b-a40b-984381ed097d" },
        { DISK_USR, "s390", "cd0f869b-d0fb-4ca0-b141-9ea87cc78d66" },
        { DISK_USR, "s390x", "8a4f5770-50aa-4ed3-874a-99b710db6fea" },
        { DISK_USR, "tilegx", "55497029-c7c1-44cc-aa39-815ed1558630" },
        { DISK_USR, "x86", "75250d76-8cc6-458e-bd66-bd47cc81a812" },
        { DISK_USR, "x86-64", "8484680c-9521-48c6-9c11-b0720656f69e" },
        { DISK_ROOT_VERITY, "alpha", "fc56d9e9-e6e5-4c06-be32-e74407ce09a5" },
        { DISK_ROOT_VERITY, "arc", "24b2d975-0f97-4521-afa1-cd531e421b8d" },
        { DISK_ROOT_VERITY, "arm", "7386cdf2-203c-47a9-a498-f2ecce45a2d6" },
        { DISK_ROOT_VERITY, "arm64", "df3300ce-d69f-4c92-978c-9bfb0f38d820" },
        { DISK_ROOT_VERITY, "ia64", "86ed10d5-b607-45bb-8957-d350f23d0571" },
        { DISK_ROOT_VERITY, "loongarch64", "f3393b22-e9af-4613-a948-9d3bfbd0c535" },
        { DISK_ROOT_VERITY, "mips", "7a430799-f711-4c7e-8e5b-1d685bd48607" },
        { DISK_ROOT_VERITY, "mips64", "579536f8-6a33-4055-a95a-df2d5e2c42a8" },
        { DISK_ROOT_VERITY, "mips-le", "d7d150d2-2a04-4a33-8f12-16651205ff7b" },
        { DISK_ROOT_VERITY, "mips64-le", "16b417f8-3e06-4f57-8dd2-9b5232f41aa6" },
        { DISK_ROOT_VERITY, "parisc", "d212a430-fbc5-49f9-a983-a7feef2b8d0e" },
        { DISK_ROOT_VERITY, "ppc64-le", "906bd944-4589-4aae-a4e4-dd983917446a" },
        { DISK_ROOT_VERITY, "ppc64", "9225a9a3-3c19-4d89-b4f6-eeff88f17631" },
        { DISK_ROOT_VERITY, "ppc", "98cfe649-1588-46dc-b2f0-add147424925" },
        { DISK_ROOT_VERITY, "riscv32", "ae0253be-1167-4007-ac68-43926c14c5de" },
        { DISK_ROOT_VERITY, "riscv64", "b6ed5582-440b-4209-b8da-5ff7c419ea3d" },
        { DISK_ROOT_VERITY, "s390", "7ac63b47-b25c-463b-8df8-b4a94e6c90e1" },
        { DISK_ROOT_VERITY, "s390x", "b325bfbe-c7be-4ab8-8357-139e652d2f6b" },
        { DISK_ROOT_VERITY, "tilegx", "966061ec-28e4-4b2e-b4a5-1f0a825a1d84" },
        { DISK_ROOT_VERITY, "x86-64", "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5" },
        { DISK_ROOT_VERITY, "x86", "d13c5d3b-b5d1-422a-b29f-9454fdc89d76" },
        { DISK_USR_VERITY, "alpha", "8cce0d25-c0d0-4a44-bd87-46331bf1df67" },
        { DISK_USR_VERITY, "arc", "fca0598c-d880-4591-8c16-4eda05c7347c" },
        { DISK_USR_VERITY, "arm", "c215d751-7bcd-4649-be90-6627490a4c05" },
        { DISK_USR_VERITY, "arm64", "6e11a4e7-fbca-4ded-b9e9-e1a512bb664e" },
        { DISK_USR_VERITY, "ia64", "6a491e03-3be7-4545-8e38-83320e0ea880" },
        { DISK_USR_VERITY, "loongarch64", "f46b2c26-59ae-48f0-9106-c50ed47f673d" },
        { DISK_USR_VERITY, "mips", "6e5a1bc8-d223-49b7-bca8-37a5fcceb996" },
        { DISK_USR_VERITY, "mips64", "81cf9d90-7458-4df4-8dcf-c8a3a404f09b" },
        { DISK_USR_VERITY, "mips-le", "46b98d8d-b55c-4e8f-aab3-37fca7f80752" },
        { DISK_USR_VERITY, "mips64-le", "3c3d61fe-b5f3-414d-bb71-8739a694a4ef" },
        { DISK_USR_VERITY, "parisc", "5843d618-ec37-48d7-9f12-cea8e08768b2" },
        { DISK_USR_VERITY, "ppc64-le", "ee2b9983-21e8-4153-86d9-b6901a54d1ce" },
        { DISK_USR_VERITY, "ppc64", "bdb528a5-a259-475f-a87d-da53fa736a07" },
        { DISK_USR_VERITY, "ppc", "df765d00-270e-49e5-bc75-f47bb2118b09" },
        { DISK_USR_VERITY, "riscv32", "cb1ee4e3-8cd0-4136-a0a4-aa61a32e8730" },
        { DISK_USR_VERITY, "riscv64", "8f1056be-9b05-47c4-81d6-be53128e5b54" },
        { DISK_USR_VERITY, "s390", "b663c618-e7bc-4d6d-90aa-11b756bb1797" },
        { DISK_USR_VERITY, "s390x", "31741cc4-1a2a-4111-a581-e00b447d2d06" },
        { DISK_USR_VERITY, "tilegx", "2fb4bf56-07fa-42da-8132-6b139f2026ae" },
        { DISK_USR_VERITY, "x86-64", "77ff5f63-e7b6-4633-acf4-1565b864c0e6" },
        { DISK_USR_VERITY, "x86", "8f461b0d-14ee-4e81-9aa9-049b6fb97abd" },
};

#if defined(__x86_64__)
static const char *const own[] = { "x86-64", "x86" };
#elif defined(__i386__)
static const char *const own[] = { "x86" };
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char *const own[] = { "arm64", "arm" };
#elif defined(__arm__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char *const own[] = { "arm" };
#elif defined(__riscv) && __riscv_xlen == 64
static const char *const own[] = { "riscv64" };
#elif defined(__riscv)
static const char *const own[] = { "riscv32" };
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char *const own[] = { "ppc64-le" };
#elif defined(__powerpc64__)
static const char *const own[] = { "ppc64", "ppc" };
#elif defined(__powerpc__)
static const char *const own[] = { "ppc" };
#elif defined(__s390x__)
static const char *const own[] = { "s390x", "s390" };
#elif defined(__loongarch__) && __loongarch_grlen == 64
static const char *const own[] = { "loongarch64" };
#elif defined(__mips64) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char *const own[] = { "mips64-le", "mips-le" };
#elif defined(__mips64)
static const char *const own[] = { "mips64", "mips" };
#elif defined(__mips__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char *const own[] = { "mips-le" };
#elif defined(__mips__)
static const char *const own[] = { "mips" };
#elif defined(__alpha__)
static const char *const own[] = { "alpha" };
#elif defined(__ia64__)
static const char *const own[] = { "ia64" };
#elif defined(__hppa__)
static const char *const own[] = { "parisc" };
#elif defined(__arc__)
static const char *const own[] = { "arc" };
#else /* the specification has no name for it: every root is foreign */
static const char *const own[] = { "" };
#endif

const PartitionType *partition_type_find(const char *uuid)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (strcmp(types[i].uuid, uuid) == 0)
                        return &types[i];
        return NULL;
}

unsigned partition_type_rank(const char *machine)
{
        for (unsigned i = 0; i < ELEMENTSOF(own); i++)
                if (strcmp(own[i], machine) == 0)
                        return i;
        return PARTITION_FOREIGN;
}
