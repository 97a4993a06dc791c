/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program of the build, never installed: asks libseccomp which calls each ABI of the target has,
 * compiles the built-in filters from seccomp-rules.c and prints table and filters as C. Done here,
 * because doing it at the start of a machine was most of the start. Runs on the build machine,
 * knows the target by its two arguments only. */

#include "os/seccomp-compile.h"
#include "os/seccomp-rules.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABIS_MAX 3
#define NUMBERS_MAX 2048
#define X32_BIT UINT32_C(0x40000000)
#define ARM_PRIVATE UINT32_C(0x0f0000)

typedef struct Target {
        const char *cpu_family; /* as meson calls it */
        bool big_endian;
        uint32_t tokens[ABIS_MAX]; /* libseccomp's; for x32 one that is no AUDIT_ARCH of its own */
} Target;

static const Target targets[] = {
        { "x86_64", false, { SCMP_ARCH_X86_64, SCMP_ARCH_X32, SCMP_ARCH_X86 } },
        { "x86", false, { SCMP_ARCH_X86 } },
        { "aarch64", false, { SCMP_ARCH_AARCH64, SCMP_ARCH_ARM } },
        { "arm", false, { SCMP_ARCH_ARM } },
        { "riscv64", false, { SCMP_ARCH_RISCV64 } },
        { "ppc64", false, { SCMP_ARCH_PPC64LE } },
        { "ppc64", true, { SCMP_ARCH_PPC64, SCMP_ARCH_PPC } },
        { "s390x", true, { SCMP_ARCH_S390X, SCMP_ARCH_S390 } },
        { "mips64", false, { SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL } },
        { "mips64", true, { SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPS } },
};

/* Calls newer than the libseccomp of the build may be. From 403 on a number means the same on every
 * ABI; source: the kernel's scripts/syscall.tbl. */
static const struct {
        const char *name;
        uint32_t number;
} newer[] = {
        { "process_mrelease", 448 },
        { "futex_waitv", 449 },
        { "set_mempolicy_home_node", 450 },
        { "cachestat", 451 },
        { "fchmodat2", 452 },
        { "map_shadow_stack", 453 },
        { "futex_wake", 454 },
        { "futex_wait", 455 },
        { "futex_requeue", 456 },
        { "statmount", 457 },
        { "listmount", 458 },
        { "lsm_get_self_attr", 459 },
        { "lsm_set_self_attr", 460 },
        { "lsm_list_modules", 461 },
        { "mseal", 462 },
        { "setxattrat", 463 },
        { "getxattrat", 464 },
        { "listxattrat", 465 },
        { "removexattrat", 466 },
        { "open_tree_attr", 467 },
        { "file_getattr", 468 },
        { "file_setattr", 469 },
};

/* The same, of one ABI. */
static const struct {
        uint32_t token;
        const char *name;
        uint32_t number;
} newer_here[] = {
        { SCMP_ARCH_X86_64, "uretprobe", 335 },
        { SCMP_ARCH_RISCV64, "riscv_hwprobe", 258 },
        { SCMP_ARCH_RISCV64, "riscv_flush_icache", 259 },
};

typedef struct Entry {
        uint32_t arch;
        uint32_t number;
        char *name;
        unsigned index; /* of the name, once all are known */
} Entry;

typedef struct Collection {
        Entry entries[ABIS_MAX * NUMBERS_MAX];
        size_t n;
} Collection;

static void die(const char *what)
{
        fprintf(stderr, "gen-seccomp: %s\n", what);
        exit(EXIT_FAILURE);
}

static uint32_t number_base(uint32_t token)
{
        switch (token) {
        case SCMP_ARCH_X32:
                return X32_BIT;
        case SCMP_ARCH_MIPS:
        case SCMP_ARCH_MIPSEL:
                return 4000;
        case SCMP_ARCH_MIPS64:
        case SCMP_ARCH_MIPSEL64:
                return 5000;
        case SCMP_ARCH_MIPS64N32:
        case SCMP_ARCH_MIPSEL64N32:
                return 6000;
        default:
                return 0;
        }
}

static void collect(Collection *c, uint32_t arch, uint32_t number, const char *name)
{
        char *copy;

        for (size_t i = 0; i < c->n; i++)
                if (c->entries[i].arch == arch && c->entries[i].number == number)
                        return;
        copy = strdup(name);
        if (!copy || c->n == sizeof(c->entries) / sizeof(c->entries[0]))
                die("too many system calls");
        c->entries[c->n++] = (Entry){ arch, number, copy, 0 };
}

static void collect_range(Collection *c, uint32_t token, uint32_t arch, uint32_t from,
                          uint32_t count)
{
        for (uint32_t number = from; number < from + count; number++) {
                char *name = seccomp_syscall_resolve_num_arch(token, (int)number);

                if (name)
                        collect(c, arch, number, name);
                free(name);
        }
}

static void collect_abi(Collection *c, uint32_t token)
{
        uint32_t arch = token == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : token;
        uint32_t base = number_base(token);

        collect_range(c, token, arch, base, 1000);
        if (token == SCMP_ARCH_ARM)
                collect_range(c, token, arch, ARM_PRIVATE, 16);
        for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++)
                collect(c, arch, base + newer[i].number, newer[i].name);
        for (size_t i = 0; i < sizeof(newer_here) / sizeof(newer_here[0]); i++)
                if (newer_here[i].token == token)
                        collect(c, arch, newer_here[i].number, newer_here[i].name);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const Entry *)a)->name, ((const Entry *)b)->name);
}

static int compare_numbers(const void *a, const void *b)
{
        const Entry *x = a, *y = b;

        return x->number < y->number ? -1 : x->number > y->number;
}

/* Prints the blob of names, gives each entry the index of its name, and keeps both for the
 * compiler. */
static void print_names(Collection *c, SyscallTable *table)
{
        static char blob[UINT16_MAX];
        static uint16_t offsets[SYSCALL_NAMES_MAX];
        size_t used = 0, n = 0;

        qsort(c->entries, c->n, sizeof(c->entries[0]), compare_names);
        printf("static const char syscall_names[] =\n");
        for (size_t i = 0; i < c->n; i++) {
                const char *name = c->entries[i].name;

                if (n == 0 || strcmp(blob + offsets[n - 1], name) != 0) {
                        size_t size = strlen(name) + 1;

                        if (n == SYSCALL_NAMES_MAX || used + size > sizeof(blob))
                                die("too many names");
                        offsets[n++] = (uint16_t)used;
                        memcpy(blob + used, name, size);
                        used += size;
                        printf("        \"%s\\0\"\n", name);
                }
                c->entries[i].index = (unsigned)(n - 1);
        }
        printf("        ;\n\nstatic const uint16_t syscall_offsets[] = {\n");
        for (size_t i = 0; i < n; i++)
                printf("        %u,\n", offsets[i]);
        printf("};\n\n");
        table->names = blob;
        table->offsets = offsets;
        table->n_names = n;
}

static void print_abi(const Collection *c, SyscallAbi *abi, size_t id)
{
        static SyscallNumber all[ABIS_MAX][NUMBERS_MAX];
        SyscallNumber *numbers = all[id];

        printf("static const SyscallNumber syscall_numbers_%zu[] = {\n", id);
        abi->n_numbers = 0;
        for (size_t i = 0; i < c->n; i++) {
                if (c->entries[i].arch != abi->arch)
                        continue;
                if (abi->n_numbers == NUMBERS_MAX)
                        die("too many system calls");
                numbers[abi->n_numbers++] =
                        (SyscallNumber){ c->entries[i].number, (uint16_t)c->entries[i].index };
                printf("        { 0x%x, %u }, /* %s */\n", c->entries[i].number,
                       c->entries[i].index, c->entries[i].name);
        }
        printf("};\n\n");
        abi->numbers = numbers;
}

static void print_table(const SyscallTable *table)
{
        printf("static const SyscallAbi syscall_abis[] = {\n");
        for (size_t i = 0; i < table->n_abis; i++)
                printf("        { UINT32_C(0x%x), syscall_numbers_%zu, %zu },\n",
                       table->abis[i].arch, i, table->abis[i].n_numbers);
        printf("};\n\nstatic const SyscallTable seccomp_table = {\n"
               "        .names = syscall_names,\n        .offsets = syscall_offsets,\n"
               "        .n_names = %zu,\n        .abis = syscall_abis,\n        .n_abis = %zu,\n"
               "        .big_endian = %s,\n};\n\n",
               table->n_names, table->n_abis, table->big_endian ? "true" : "false");
}

static void print_filter(const char *name, const SyscallPolicy *policy, const SyscallTable *table)
{
        static struct sock_filter code[BPF_MAXINSNS];
        int length;

        length = syscall_policy_compile(policy, table, code, BPF_MAXINSNS);
        if (length < 0)
                die("filter too long");
        printf("static const struct sock_filter seccomp_code_%s[%d] = {\n", name, length);
        for (int i = 0; i < length; i++)
                printf("        { 0x%02x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt,
                       code[i].jf, code[i].k);
        printf("};\n\n");
}

static void print_machine_filter(const char *name, const SyscallTable *table, uint64_t capabilities,
                                 bool nesting)
{
        SyscallPolicy policy;

        syscall_policy_machine(&policy, table, capabilities, nesting);
        syscall_policy_guard_audit(&policy, table);
        print_filter(name, &policy, table);
}

static const Target *target_find(const char *cpu_family, bool big_endian)
{
        for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
                if (strcmp(targets[i].cpu_family, cpu_family) == 0 &&
                    targets[i].big_endian == big_endian)
                        return &targets[i];
        die("this architecture has no row yet");
        return NULL;
}

int main(int argc, char **argv)
{
        static Collection collection;
        SyscallAbi abis[ABIS_MAX] = {};
        SyscallTable table = { .abis = abis };
        SyscallPolicy policy;
        const Target *target;

        if (argc != 3)
                die("usage: gen-seccomp CPU-FAMILY little|big");
        target = target_find(argv[1], strcmp(argv[2], "big") == 0);
        table.big_endian = target->big_endian;
        for (size_t i = 0; i < ABIS_MAX && target->tokens[i] != 0; i++) {
                collect_abi(&collection, target->tokens[i]);
                if (target->tokens[i] != SCMP_ARCH_X32)
                        abis[table.n_abis++].arch = target->tokens[i];
        }

        printf("/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
               "/* Made by gen-seccomp for %s. Do not edit. */\n\n",
               argv[1]);
        print_names(&collection, &table);
        qsort(collection.entries, collection.n, sizeof(collection.entries[0]), compare_numbers);
        for (size_t i = 0; i < table.n_abis; i++)
                print_abi(&collection, &abis[i], i);
        print_table(&table);
        print_machine_filter("default", &table, 0, false);
        print_machine_filter("privileged", &table, syscall_conditions_mask(), false);
        print_machine_filter("nesting", &table, 0, true);
        syscall_policy_suppress_sync(&policy, &table);
        print_filter("suppress_sync", &policy, &table);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
