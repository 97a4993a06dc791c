/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The compiler for system call filters. Neighbouring numbers mostly share a verdict, so an ABI is a
 * short list of ranges, and the program a binary search over their borders: a third of the size of
 * one test per call, and some nine comparisons deep. Must not know which calls are good or bad.
 */

#include "os/seccomp-compile.h"

#include "os/seccomp-rules.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/socket.h>

#define RANGES_MAX 1024

typedef struct Range {
        uint32_t first; /* up to the next range's first, exclusively */
        SyscallVerdict verdict;
} Range;

typedef struct Program {
        struct sock_filter *code;
        size_t length; /* counts on beyond max, so that overflow shows at the end */
        size_t max;
        bool big_endian;
} Program;

const char *syscall_table_name(const SyscallTable *table, size_t index)
{
        return table->names + table->offsets[index];
}

int syscall_table_find(const SyscallTable *table, const char *name, size_t length)
{
        size_t low = 0, high = table->n_names;

        while (low < high) {
                size_t middle = (low + high) / 2;
                const char *candidate = syscall_table_name(table, middle);
                int c = strncmp(name, candidate, length);

                if (c == 0 && candidate[length] == '\0')
                        return (int)middle;
                if (c > 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return -ENOENT;
}

int syscall_policy_set(SyscallPolicy *policy, const SyscallTable *table, const char *words,
                       SyscallVerdict verdict)
{
        for (const char *p = words; *p; p += *p == ' ') {
                size_t length = strcspn(p, " ");

                if (length == strlen("@known") && memcmp(p, "@known", length) == 0) {
                        memset(policy->verdicts, (int)verdict, table->n_names);
                } else if (*p == '@') {
                        const char *members = syscall_group_members(p, length);
                        int r = members ? syscall_policy_set(policy, table, members, verdict)
                                        : -ENOENT;

                        if (r < 0)
                                return r;
                } else {
                        int i = syscall_table_find(table, p, length);

                        if (i >= 0)
                                policy->verdicts[i] = (uint8_t)verdict;
                }
                p += length;
        }
        return 0;
}

void syscall_policy_machine(SyscallPolicy *ret, const SyscallTable *table, uint64_t capabilities,
                            bool nesting)
{
        *ret = (SyscallPolicy){ .other = SYSCALL_UNKNOWN };

        /* Our own lists name no missing group; a unit test holds them to it. */
        (void)syscall_policy_set(ret, table, syscalls_allowed, SYSCALL_ALLOW);
        if (nesting)
                (void)syscall_policy_set(ret, table, syscalls_nesting, SYSCALL_ALLOW);
        for (size_t i = 0; i < n_syscall_conditions; i++)
                if (capabilities & UINT64_C(1) << syscall_conditions[i].capability)
                        (void)syscall_policy_set(ret, table, syscall_conditions[i].members,
                                                 SYSCALL_ALLOW);
}

void syscall_policy_suppress_sync(SyscallPolicy *ret, const SyscallTable *table)
{
        *ret = (SyscallPolicy){ .other = SYSCALL_ALLOW };
        memset(ret->verdicts, SYSCALL_ALLOW, sizeof(ret->verdicts));
        (void)syscall_policy_set(ret, table, syscalls_sync, SYSCALL_PRETEND); /* as above */
}

void syscall_policy_guard_audit(SyscallPolicy *policy, const SyscallTable *table)
{
        int i = syscall_table_find(table, "socket", strlen("socket"));

        if (i >= 0 && policy->verdicts[i] == SYSCALL_ALLOW)
                policy->verdicts[i] = SYSCALL_NO_AUDIT_SOCKET;
}

static void range_add(Range *ranges, size_t *n, uint32_t first, SyscallVerdict verdict)
{
        if (*n > 0 && ranges[*n - 1].verdict == verdict)
                return;
        if (*n < RANGES_MAX)
                ranges[*n] = (Range){ first, verdict };
        (*n)++;
}

/* Returns how many ranges cover all 2^32 numbers of the ABI, or -E2BIG. */
static int ranges_make(const SyscallPolicy *policy, const SyscallAbi *abi, Range *ranges)
{
        size_t n = 0;
        uint32_t next = 0;

        for (size_t i = 0; i < abi->n_numbers && n < RANGES_MAX; i++) {
                const SyscallNumber *s = &abi->numbers[i];

                if (s->number > next)
                        range_add(ranges, &n, next, policy->other);
                range_add(ranges, &n, s->number, policy->verdicts[s->name]);
                next = s->number + 1;
        }
        range_add(ranges, &n, next, policy->other);
        /* -1 is a call that a tracer has cancelled and answered itself (as user mode Linux does);
         * an errno from the filter would overwrite its answer. The kernel runs nothing for -1. */
        range_add(ranges, &n, UINT32_MAX, SYSCALL_ALLOW);
        return n <= RANGES_MAX ? (int)n : -E2BIG;
}

static void emit(Program *p, struct sock_filter instruction)
{
        if (p->length < p->max)
                p->code[p->length] = instruction;
        p->length++;
}

static void emit_return(Program *p, uint32_t value)
{
        emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* Loads the low word of an argument: the kernel looks at no more of an int. */
static void emit_load_argument(Program *p, unsigned n)
{
        uint32_t offset = (uint32_t)(offsetof(struct seccomp_data, args) + n * sizeof(uint64_t));

        emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             offset + (p->big_endian ? sizeof(uint32_t) : 0)));
}

static size_t verdict_size(SyscallVerdict verdict)
{
        return verdict == SYSCALL_NO_AUDIT_SOCKET ? 6 : 1;
}

static void emit_verdict(Program *p, SyscallVerdict verdict)
{
        switch (verdict) {
        case SYSCALL_REFUSE:
                emit_return(p, SECCOMP_RET_ERRNO | EPERM);
                return;
        case SYSCALL_UNKNOWN:
                emit_return(p, SECCOMP_RET_ERRNO | ENOSYS);
                return;
        case SYSCALL_ALLOW:
                emit_return(p, SECCOMP_RET_ALLOW);
                return;
        case SYSCALL_PRETEND:
                emit_return(p, SECCOMP_RET_ERRNO);
                return;
        case SYSCALL_ASK:
                emit_return(p, SECCOMP_RET_USER_NOTIF);
                return;
        case SYSCALL_NO_AUDIT_SOCKET:
                emit_load_argument(p, 0);
                emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3));
                emit_load_argument(p, 2);
                emit(p,
                     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_AUDIT, 0, 1));
                emit_return(p, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
                emit_return(p, SECCOMP_RET_ALLOW);
                return;
        }
}

/* A conditional jump reaches 255 instructions; beyond, an unconditional one stands beside it. */
static size_t search_size(const Range *ranges, size_t n)
{
        size_t left;

        if (n == 1)
                return verdict_size(ranges[0].verdict);
        left = search_size(ranges, n / 2);
        return (left > UINT8_MAX ? 2 : 1) + left + search_size(ranges + n / 2, n - n / 2);
}

static void emit_search(Program *p, const Range *ranges, size_t n)
{
        const Range *middle = ranges + n / 2;
        size_t left;

        if (n == 1) {
                emit_verdict(p, ranges[0].verdict);
                return;
        }
        left = search_size(ranges, n / 2);
        if (left > UINT8_MAX) {
                emit(p,
                     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, middle->first, 0, 1));
                emit(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)left));
        } else {
                emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, middle->first,
                                                     (uint8_t)left, 0));
        }
        emit_search(p, ranges, n / 2);
        emit_search(p, middle, n - n / 2);
}

static int emit_abi(Program *p, const SyscallPolicy *policy, const SyscallAbi *abi)
{
        Range ranges[RANGES_MAX];
        int n;

        n = ranges_make(policy, abi, ranges);
        if (n < 0)
                return n;
        emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, abi->arch, 1, 0));
        emit(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
                                             (uint32_t)(1 + search_size(ranges, (size_t)n))));
        emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             offsetof(struct seccomp_data, nr)));
        emit_search(p, ranges, (size_t)n);
        return 0;
}

int syscall_policy_compile(const SyscallPolicy *policy, const SyscallTable *table,
                           struct sock_filter *code, size_t max)
{
        Program p = { .code = code, .max = max, .big_endian = table->big_endian };

        emit(&p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                              offsetof(struct seccomp_data, arch)));
        for (size_t i = 0; i < table->n_abis; i++) {
                int r = emit_abi(&p, policy, &table->abis[i]);

                if (r < 0)
                        return r;
        }
        emit_verdict(&p, policy->other);
        return p.length <= max ? (int)p.length : -E2BIG;
}
