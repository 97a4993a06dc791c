/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The filters twice: every number of every ABI through a small interpreter, against the lists; and
 * installed in children, with real system calls from 64-bit and, on x86-64, 32-bit and x32 code. */

#include "os/seccomp.h"

#include "os/seccomp-compile.h"
#include "os/seccomp-rules.h"
#include "os/seccomp-table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <setjmp.h>

#include <cmocka.h>

static void skip_because(const char *reason)
{
        print_message("skipped: %s\n", reason);
        if (getenv("MUST_WORK"))
                fail();
        skip();
}

/* Just the instructions that the compiler emits; anything else fails the test. */
static uint32_t interpret(const SeccompFilter *f, const struct seccomp_data *data)
{
        uint32_t a = 0;

        for (size_t pc = 0; pc < f->length; pc++) {
                const struct sock_filter *i = &f->code[pc];

                switch (i->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        assert_true(i->k % 4 == 0 && i->k + 4 <= sizeof(*data));
                        memcpy(&a, (const char *)data + i->k, sizeof(a));
                        break;
                case BPF_JMP | BPF_JA:
                        pc += i->k;
                        break;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        pc += a == i->k ? i->jt : i->jf;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        pc += a >= i->k ? i->jt : i->jf;
                        break;
                case BPF_RET | BPF_K:
                        return i->k;
                default:
                        fail_msg("unexpected instruction 0x%x", i->code);
                }
        }
        fail_msg("ran off the end");
        return 0;
}

static uint32_t verdict_value(SyscallVerdict v)
{
        switch (v) {
        case SYSCALL_REFUSE:
                return SECCOMP_RET_ERRNO | EPERM;
        case SYSCALL_UNKNOWN:
                return SECCOMP_RET_ERRNO | ENOSYS;
        case SYSCALL_PRETEND:
                return SECCOMP_RET_ERRNO;
        case SYSCALL_ASK:
                return SECCOMP_RET_USER_NOTIF;
        case SYSCALL_ALLOW:
        case SYSCALL_NO_AUDIT_SOCKET: /* the interpreter is asked with harmless arguments */
                break;
        }
        return SECCOMP_RET_ALLOW;
}

static SyscallVerdict number_verdict(const SyscallPolicy *policy, const SyscallAbi *abi,
                                     uint32_t number)
{
        for (size_t i = 0; i < abi->n_numbers; i++)
                if (abi->numbers[i].number == number)
                        return (SyscallVerdict)policy->verdicts[abi->numbers[i].name];
        return policy->other;
}

static void check_filter(const SeccompFilter *f, const SyscallPolicy *policy)
{
        static const uint32_t edges[] = { 0x0f0000,   0x0f0005,   0x10000,   0x3fffffff,
                                          0x7fffffff, 0x80000000, 0xfffffffe };

        for (size_t a = 0; a < seccomp_table.n_abis; a++) {
                const SyscallAbi *abi = &seccomp_table.abis[a];
                struct seccomp_data data = { .arch = abi->arch };

                for (uint32_t n = 0; n < 2 * 8192; n++) {
                        uint32_t number = n < 8192 ? n : 0x40000000 + n - 8192;

                        data.nr = (int)number;
                        assert_int_equal(interpret(f, &data),
                                         verdict_value(number_verdict(policy, abi, number)));
                }
                for (size_t i = 0; i < ELEMENTSOF(edges); i++) {
                        data.nr = (int)edges[i];
                        assert_int_equal(interpret(f, &data),
                                         verdict_value(number_verdict(policy, abi, edges[i])));
                }
                data.nr = -1;
                assert_int_equal(interpret(f, &data), SECCOMP_RET_ALLOW);
        }
        assert_int_equal(interpret(f, &(struct seccomp_data){ .arch = 0x1234 }),
                         verdict_value(policy->other));
}

static void test_every_number(void **state)
{
        SyscallPolicy policy;

        syscall_policy_machine(&policy, &seccomp_table, 0, false);
        check_filter(seccomp_builtin(SECCOMP_DEFAULT), &policy);
        syscall_policy_machine(&policy, &seccomp_table, UINT64_MAX, false);
        check_filter(seccomp_builtin(SECCOMP_PRIVILEGED), &policy);
        syscall_policy_machine(&policy, &seccomp_table, 0, true);
        check_filter(seccomp_builtin(SECCOMP_NESTING), &policy);
        syscall_policy_suppress_sync(&policy, &seccomp_table);
        check_filter(seccomp_builtin(SECCOMP_SUPPRESS_SYNC), &policy);
        assert_null(seccomp_builtin(_SECCOMP_PROFILE_MAX));
        assert_null(seccomp_builtin(_SECCOMP_PROFILE_INVALID));
}

static void test_lists_are_sound(void **state)
{
        SyscallPolicy policy = {};

        for (size_t i = 0; i < n_syscall_groups; i++) {
                if (i > 0)
                        assert_true(strcmp(syscall_groups[i - 1].name, syscall_groups[i].name) < 0);
                assert_int_equal(syscall_policy_set(&policy, &seccomp_table,
                                                    syscall_groups[i].members, SYSCALL_ALLOW),
                                 0);
        }
        assert_int_equal(
                syscall_policy_set(&policy, &seccomp_table, syscalls_allowed, SYSCALL_ALLOW), 0);
        assert_int_equal(
                syscall_policy_set(&policy, &seccomp_table, syscalls_nesting, SYSCALL_ALLOW), 0);
        for (size_t i = 0; i < n_syscall_conditions; i++)
                assert_int_equal(syscall_policy_set(&policy, &seccomp_table,
                                                    syscall_conditions[i].members, SYSCALL_ALLOW),
                                 0);
        assert_int_equal(syscall_policy_set(&policy, &seccomp_table, "@nothing", SYSCALL_ALLOW),
                         -ENOENT);
        for (size_t i = 1; i < seccomp_table.n_names; i++)
                assert_true(strcmp(syscall_table_name(&seccomp_table, i - 1),
                                   syscall_table_name(&seccomp_table, i)) < 0);
}

static SyscallVerdict native_verdict(SeccompProfile profile, const char *name)
{
        const SyscallAbi *abi = &seccomp_table.abis[0];
        int index = syscall_table_find(&seccomp_table, name, strlen(name));

        for (size_t i = 0; i < abi->n_numbers; i++)
                if (abi->numbers[i].name == index) {
                        uint32_t v = interpret(
                                seccomp_builtin(profile),
                                &(struct seccomp_data){ .arch = abi->arch,
                                                        .nr = (int)abi->numbers[i].number });

                        return v == SECCOMP_RET_ALLOW ? SYSCALL_ALLOW : SYSCALL_REFUSE;
                }
        return SYSCALL_UNKNOWN;
}

/* What must run in every machine; container-interface CI-117, CI-119 and what systemd 257 calls. */
static void test_must_work(void **state)
{
        static const char *const names[] = {
                "cachestat",
                "capset",
                "chroot",
                "clone",
                "clone3",
                "close_range",
                "execveat",
                "faccessat2",
                "fchmodat2",
                "fsconfig",
                "fsmount",
                "fsopen",
                "fspick",
                "futex",
                "futex_requeue",
                "futex_wait",
                "futex_waitv",
                "futex_wake",
                "getrandom",
                "io_uring_setup",
                "kcmp",
                "landlock_add_rule",
                "landlock_create_ruleset",
                "landlock_restrict_self",
                "memfd_create",
                "mincore",
                "mount",
                "mount_setattr",
                "move_mount",
                "mseal",
                "name_to_handle_at",
                "open_tree",
                "openat2",
                "personality",
                "pidfd_getfd",
                "pidfd_open",
                "pidfd_send_signal",
                "pivot_root",
                "prctl",
                "prlimit64",
                "process_madvise",
                "process_vm_readv",
                "process_vm_writev",
                "ptrace",
                "reboot",
                "renameat2",
                "rseq",
                "sched_setattr",
                "seccomp",
                "set_mempolicy_home_node",
                "setdomainname",
                "sethostname",
                "setns",
                "signalfd4",
                "statmount",
                "statx",
                "sync_file_range",
                "timerfd_create",
                "umount2",
                "unshare",
                "vhangup",
                "waitid",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (native_verdict(SECCOMP_DEFAULT, names[i]) != SYSCALL_ALLOW)
                        fail_msg("%s does not run", names[i]);
}

/* CI-117: name, and the lowest profiles that lift the refusal. */
static const struct {
        const char *name;
        bool privileged, nesting;
} refused[] = {
        { "add_key", false, true },
        { "keyctl", false, true },
        { "request_key", false, true },
        { "kexec_load", false, false },
        { "kexec_file_load", false, false },
        { "swapon", false, false },
        { "swapoff", false, false },
        { "quotactl", false, false },
        { "quotactl_fd", false, false },
        { "perf_event_open", true, false },
        { "open_by_handle_at", false, false },
        { "fanotify_init", false, false },
        { "fanotify_mark", false, false },
        { "lookup_dcookie", false, false },
        { "pkey_alloc", false, true },
        { "pkey_free", false, true },
        { "pkey_mprotect", false, true },
        { "userfaultfd", false, true },
        { "nfsservctl", false, false },
        { "clock_settime", true, false },
        { "clock_adjtime", true, false },
        { "adjtimex", true, false },
        { "settimeofday", true, false },
        { "init_module", true, false },
        { "finit_module", true, false },
        { "delete_module", true, false },
        { "mlock", true, true },
        { "mlock2", true, true },
        { "mlockall", true, true },
        { "munlock", true, true },
        { "munlockall", true, true },
        { "memfd_secret", true, false },
        { "acct", true, false },
        { "syslog", true, false },
        { "bpf", true, false },
#ifdef __x86_64__
        { "iopl", true, false },
        { "ioperm", true, false },
        { "modify_ldt", false, false },
        { "uselib", false, false },
        { "ustat", false, false },
        { "sysfs", false, false },
        { "_sysctl", false, false },
        { "create_module", false, false },
#endif
};

static void test_refused_per_profile(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                const char *name = refused[i].name;
                SyscallVerdict v = native_verdict(SECCOMP_DEFAULT, name);

                if (v == SYSCALL_UNKNOWN)
                        continue; /* this CPU has no such call */
                if (v != SYSCALL_REFUSE ||
                    (native_verdict(SECCOMP_PRIVILEGED, name) == SYSCALL_ALLOW) !=
                            refused[i].privileged ||
                    (native_verdict(SECCOMP_NESTING, name) == SYSCALL_ALLOW) != refused[i].nesting)
                        fail_msg("%s: wrong in a profile", name);
        }
}

/* Runs @body in a child; its exit status, which is the line of the check that failed, or 0. */
static int in_child(int (*body)(void))
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(body());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSIGNALED(status))
                return -WTERMSIG(status);
        return WEXITSTATUS(status);
}

#define CANNOT 77
#define CHECK(n, condition)       \
        do {                      \
                if (!(condition)) \
                        return n; \
        } while (0)

static int install(SeccompProfile profile)
{
        return seccomp_install(seccomp_builtin(profile)) >= 0 ? 0 : CANNOT;
}

/* All arguments are wrong, so that what gets through does nothing. */
static int call(long number)
{
        return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L) < 0 ? errno : 0;
}

static int body_default(void)
{
        const SyscallAbi *abi = &seccomp_table.abis[0];

        CHECK(CANNOT, install(SECCOMP_DEFAULT) == 0);
        CHECK(1, prctl(PR_GET_SECCOMP) == 2);
        for (size_t r = 0; r < ELEMENTSOF(refused); r++) {
                int index = syscall_table_find(&seccomp_table, refused[r].name,
                                               strlen(refused[r].name));

                for (size_t i = 0; i < abi->n_numbers; i++)
                        if (abi->numbers[i].name == index && abi->numbers[i].number < 0x40000000 &&
                            call((long)abi->numbers[i].number) != EPERM) {
                                print_error("%s is not refused\n", refused[r].name);
                                return 2;
                        }
        }
        CHECK(3, call(600) == ENOSYS);
        CHECK(4, call(100000) == ENOSYS);
        return 0;
}

static int body_harmless(void)
{
        static const long harmless[] = {
                SYS_clone3,
                SYS_openat2,
                SYS_mount_setattr,
                SYS_open_tree,
                SYS_fsopen,
                SYS_fsmount,
                SYS_fspick,
                SYS_pidfd_open,
                SYS_pidfd_send_signal,
                SYS_pidfd_getfd,
                SYS_statx,
                451,
                SYS_seccomp,
                SYS_process_vm_readv,
                SYS_name_to_handle_at,
                SYS_landlock_create_ruleset,
                SYS_futex,
                449,
                SYS_memfd_create,
                SYS_execveat,
                SYS_kcmp,
                SYS_setns,
                SYS_faccessat2,
        };

        CHECK(CANNOT, install(SECCOMP_DEFAULT) == 0);
        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                if (call(harmless[i]) == EPERM) {
                        print_error("call %ld is refused\n", harmless[i]);
                        return 1;
                }
        CHECK(2, syscall(SYS_close_range, 500, 501, 0) == 0);
        return 0;
}

static int body_audit(void)
{
        CHECK(CANNOT, install(SECCOMP_DEFAULT) == 0);
        CHECK(1, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) >= 0);
        CHECK(2, socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
        CHECK(3, socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT) < 0 && errno == EAFNOSUPPORT);
        CHECK(4, syscall(SYS_socket, UINT64_C(0xffffffff00000000) | AF_NETLINK, SOCK_RAW,
                         UINT64_C(0x100000000) | NETLINK_AUDIT) < 0 &&
                         errno == EAFNOSUPPORT);
        CHECK(5, socket(AF_INET, SOCK_RAW, NETLINK_AUDIT) >= 0 || errno != EAFNOSUPPORT);
        return 0;
}

static int body_sync(void)
{
        CHECK(CANNOT, install(SECCOMP_SUPPRESS_SYNC) == 0);
        CHECK(CANNOT, install(SECCOMP_DEFAULT) == 0);
        CHECK(1, fsync(-1) == 0 && fdatasync(-1) == 0 && syncfs(-1) == 0);
        CHECK(2, call(SYS_sync_file_range) == 0 && call(SYS_msync) == 0);
        CHECK(3, call(SYS_swapon) == EPERM && call(SYS_close) == EBADF && call(600) == ENOSYS);
        return 0;
}

/* Without CAP_SYS_ADMIN the kernel wants no_new_privs. */
static int body_unprivileged(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[2] = {};

        CHECK(1, syscall(SYS_capset, &header, none) == 0);
        CHECK(2, seccomp_install(seccomp_builtin(SECCOMP_DEFAULT)) == 1);
        CHECK(3, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
        return 0;
}

static void run_child(int (*body)(void))
{
        int r = in_child(body);

        if (r == CANNOT)
                skip_because("no seccomp filter can be installed here");
        assert_int_equal(r, 0);
}

static void test_installed_default(void **state)
{
        run_child(body_default);
}

static void test_installed_harmless(void **state)
{
        run_child(body_harmless);
}

static void test_installed_audit(void **state)
{
        run_child(body_audit);
}

static void test_installed_sync(void **state)
{
        run_child(body_sync);
}

static void test_installed_unprivileged(void **state)
{
        run_child(body_unprivileged);
}

#ifdef __x86_64__
static long call_i386(long number)
{
        long r;

        __asm__ volatile("int $0x80"
                         : "=a"(r)
                         : "a"(number), "b"(-1L), "c"(-1L), "d"(-1L)
                         : "memory", "r8", "r9", "r10", "r11");
        return r;
}

static int body_i386_exists(void)
{
        return call_i386(20) == getpid() ? 0 : CANNOT;
}

static int body_i386(void)
{
        CHECK(CANNOT, install(SECCOMP_DEFAULT) == 0);
        CHECK(1, call_i386(20) == getpid());
        CHECK(2, call_i386(87) == -EPERM);  /* swapon */
        CHECK(3, call_i386(288) == -EPERM); /* keyctl */
        CHECK(4, call_i386(113) == -EPERM); /* vm86old */
        CHECK(5, call_i386(25) == -EPERM);  /* stime */
        CHECK(6, call_i386(600) == -ENOSYS);
        CHECK(7, call_i386(435) != -EPERM); /* clone3 */
        return 0;
}

static int body_x32(void)
{
        CHECK(CANNOT, install(SECCOMP_DEFAULT) == 0);
        CHECK(1, call(0x40000000 | SYS_swapon) == EPERM);
        CHECK(2, call(0x40000000 | SYS_keyctl) == EPERM);
        CHECK(3, call(0x40000000 | 600) == ENOSYS);
        CHECK(4, call(520) == ENOSYS); /* x32's execve without its bit */
        return 0;
}

static void test_i386(void **state)
{
        if (in_child(body_i386_exists) != 0)
                skip_because("this kernel has no 32-bit emulation");
        run_child(body_i386);
}

static void test_x32(void **state)
{
        run_child(body_x32);
}
#endif

static void test_compile_same(void **state)
{
        const struct {
                SeccompProfile profile;
                CapabilitySet capabilities;
                bool nesting;
        } same[] = {
                { SECCOMP_DEFAULT, CAPABILITIES_DEFAULT, false },
                { SECCOMP_PRIVILEGED, UINT64_MAX, false },
                { SECCOMP_NESTING, CAPABILITIES_DEFAULT | CAP_BIT(CAP_NET_ADMIN), true },
        };

        for (size_t i = 0; i < ELEMENTSOF(same); i++) {
                const SeccompFilter *built = seccomp_builtin(same[i].profile);
                _cleanup_(seccomp_filter_freep) SeccompFilter *f = NULL;

                assert_int_equal(seccomp_profile_for(same[i].capabilities, same[i].nesting),
                                 same[i].profile);
                assert_int_equal(seccomp_compile(same[i].capabilities, same[i].nesting, NULL, NULL,
                                                 &f, NULL),
                                 0);
                assert_int_equal(f->length, built->length);
                assert_memory_equal(f->code, built->code, f->length * sizeof(*f->code));
        }
        assert_int_equal(seccomp_profile_for(CAP_BIT(CAP_SYS_TIME), false), -ENOENT);
        assert_int_equal(seccomp_profile_for(UINT64_MAX, true), -ENOENT);
}

static int body_custom(void)
{
        char *allow[] = { (char *)"@swap", (char *)"@keyring", NULL };
        char *deny[] = { (char *)"mkdirat", (char *)"keyctl", (char *)"s390_pci_mmio_read", NULL };
        _cleanup_(seccomp_filter_freep) SeccompFilter *f = NULL;

        CHECK(1, seccomp_compile(CAP_BIT(CAP_SYS_TIME), false, allow, deny, &f, NULL) == 0);
        CHECK(CANNOT, seccomp_install(f) >= 0);
        CHECK(2, call(SYS_mkdirat) == EPERM && call(SYS_keyctl) == EPERM);
        CHECK(3, call(SYS_swapoff) != EPERM || geteuid() != 0); /* the kernel itself may refuse */
        CHECK(4, call(SYS_add_key) != EPERM);
        CHECK(5, call(SYS_clock_settime) != EPERM);
        CHECK(6, call(SYS_acct) == EPERM);
        return 0;
}

static int body_deny_prctl(void)
{
        char *deny[] = { (char *)"@process", NULL };
        _cleanup_(seccomp_filter_freep) SeccompFilter *f = NULL;

        CHECK(1, seccomp_compile(0, false, NULL, deny, &f, NULL) == 0);
        CHECK(CANNOT, seccomp_install(f) >= 0);
        CHECK(2, call(SYS_prctl) == EPERM);
        return 0;
}

static int body_deny_known(void)
{
        char *deny[] = { (char *)"@known", NULL };
        SeccompFilter *f;

        CHECK(1, seccomp_compile(UINT64_MAX, false, NULL, deny, &f, NULL) == 0);
        CHECK(2, f->length < 250);
        return 0;
}

static void test_compile_custom(void **state)
{
        run_child(body_custom);
        run_child(body_deny_prctl);
        run_child(body_deny_known);
}

static void test_compile_unknown_name(void **state)
{
        static const char *const bad[] = { "opennat",    "@opennat", "@",     "",
                                           "read write", "@file",    "readx", "rea" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char *words[] = { (char *)"read", (char *)bad[i], NULL };
                SeccompFilter *f = NULL;
                const char *word = NULL;

                assert_int_equal(seccomp_compile(0, false, words, NULL, &f, &word), -ENOENT);
                assert_ptr_equal(word, bad[i]);
                assert_int_equal(seccomp_compile(0, false, NULL, words, &f, &word), -ENOENT);
                assert_null(f);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_number),
                cmocka_unit_test(test_lists_are_sound),
                cmocka_unit_test(test_must_work),
                cmocka_unit_test(test_refused_per_profile),
                cmocka_unit_test(test_installed_default),
                cmocka_unit_test(test_installed_harmless),
                cmocka_unit_test(test_installed_audit),
                cmocka_unit_test(test_installed_sync),
                cmocka_unit_test(test_installed_unprivileged),
#ifdef __x86_64__
                cmocka_unit_test(test_i386),
                cmocka_unit_test(test_x32),
#endif
                cmocka_unit_test(test_compile_same),
                cmocka_unit_test(test_compile_custom),
                cmocka_unit_test(test_compile_unknown_name),
        };

        /* Use everything that the table file defines: the arrays must be the ones handed out. */
        if (ELEMENTSOF(seccomp_code_default) != seccomp_builtin(SECCOMP_DEFAULT)->length ||
            ELEMENTSOF(seccomp_code_privileged) != seccomp_builtin(SECCOMP_PRIVILEGED)->length ||
            ELEMENTSOF(seccomp_code_nesting) != seccomp_builtin(SECCOMP_NESTING)->length ||
            ELEMENTSOF(seccomp_code_suppress_sync) !=
                    seccomp_builtin(SECCOMP_SUPPRESS_SYNC)->length)
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
