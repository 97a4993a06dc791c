/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From "call name: verdict" to a BPF program that covers every ABI of a CPU. The numbers come in as
 * a table; the build makes it with libseccomp's help, so that neither the launcher nor a custom
 * filter needs that library at run time. Plain C without base/ and without state: the generator of
 * the build is made of the same file. Must not know which calls are good or bad. */

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYSCALL_NAMES_MAX 1024

typedef struct SyscallNumber {
        uint32_t number;
        uint16_t name; /* index into the names of the table */
} SyscallNumber;

typedef struct SyscallAbi {
        uint32_t arch;                /* AUDIT_ARCH_* as seccomp_data.arch has it */
        const SyscallNumber *numbers; /* ascending; x32's, which share an arch, carry bit 30 */
        size_t n_numbers;
} SyscallAbi;

typedef struct SyscallTable {
        const char *names;       /* NUL-separated, so that a shared object needs no relocations */
        const uint16_t *offsets; /* of each name in @names, in alphabetical order */
        size_t n_names;
        const SyscallAbi *abis; /* the native one first */
        size_t n_abis;
        bool big_endian;
} SyscallTable;

typedef enum SyscallVerdict {
        SYSCALL_REFUSE,          /* EPERM */
        SYSCALL_UNKNOWN,         /* ENOSYS, so that libraries fall back to an older call */
        SYSCALL_ALLOW,           /* runs */
        SYSCALL_PRETEND,         /* returns 0 and does nothing */
        SYSCALL_ASK,             /* waits for what a listener answers */
        SYSCALL_NO_AUDIT_SOCKET, /* socket(2): EAFNOSUPPORT for NETLINK_AUDIT, else runs */
} SyscallVerdict;

typedef struct SyscallPolicy {
        uint8_t verdicts[SYSCALL_NAMES_MAX]; /* SyscallVerdict of each name of the table */
        SyscallVerdict other;                /* of numbers that the table does not have */
} SyscallPolicy;

const char *syscall_table_name(const SyscallTable *table, size_t index);
/* The index of the name, or -ENOENT. */
int syscall_table_find(const SyscallTable *table, const char *name, size_t length);

/* Gives @verdict to every call of a list as in seccomp-rules.h. Names that the table does not have
 * are skipped, other architectures have them; -ENOENT only for a group that does not exist. */
int syscall_policy_set(SyscallPolicy *policy, const SyscallTable *table, const char *words,
                       SyscallVerdict verdict);
/* The policy of a machine that holds @capabilities. */
void syscall_policy_machine(SyscallPolicy *ret, const SyscallTable *table, uint64_t capabilities,
                            bool nesting);
/* Everything runs, the calls that write to storage pretend to. */
void syscall_policy_suppress_sync(SyscallPolicy *ret, const SyscallTable *table);
/* Puts the audit check before socket(2), unless the call is refused anyway. */
void syscall_policy_guard_audit(SyscallPolicy *policy, const SyscallTable *table);

/* Writes the program into @code. Returns its length, or -E2BIG. */
int syscall_policy_compile(const SyscallPolicy *policy, const SyscallTable *table,
                           struct sock_filter *code, size_t max);
