/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits, rights, system calls, in this order, since each needs more than what comes after. */

#include "dissect/sandbox.h"

#include "base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/blkzoned.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NOBODY 65534
#define MEMORY_MAX ((rlim_t)64 * 1024 * 1024)
#define PROCESSOR_SECONDS 2
#define OUTPUT_MAX ((rlim_t)64 * 1024)
#define DESCRIPTORS_MAX 8

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#elif defined(__loongarch__) && __loongarch_grlen == 64
#define ARCH AUDIT_ARCH_LOONGARCH64
#elif defined(__mips64) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_MIPSEL64
#endif

/* A condition on an argument, as far as its lower half tells. */
typedef enum Rule {
        ALWAYS,
        WRITE,     /* descriptor 1 or 2 */
        NO_CODE,   /* no memory that can be executed */
        QUESTIONS, /* of a block device: size and shape */
} Rule;

typedef struct Call {
        uint32_t number;
        Rule rule;
} Call;

static const Call calls[] = {
        { __NR_read, ALWAYS },        { __NR_pread64, ALWAYS },      { __NR_lseek, ALWAYS },
        { __NR_write, WRITE },        { __NR_ioctl, QUESTIONS },     { __NR_brk, ALWAYS },
        { __NR_getrandom, ALWAYS },   { __NR_munmap, ALWAYS },       { __NR_mremap, ALWAYS },
        { __NR_madvise, ALWAYS },     { __NR_mprotect, NO_CODE },    { __NR_exit, ALWAYS },
        { __NR_exit_group, ALWAYS },  { __NR_rt_sigreturn, ALWAYS }, { __NR_futex, ALWAYS },
#ifdef __SANITIZE_ADDRESS__ /* asks for its stack at the end */
        { __NR_sigaltstack, ALWAYS },
#endif
/* fstat() is this one with an empty path; it may ask about other paths as nobody */
#ifdef __NR_newfstatat
        { __NR_newfstatat, ALWAYS },
#endif
#ifdef __NR_fstatat64
        { __NR_fstatat64, ALWAYS },
#endif
#ifdef __NR_statx
        { __NR_statx, ALWAYS },
#endif
#ifdef __NR_fstat
        { __NR_fstat, ALWAYS },
#endif
#ifdef __NR_fstat64
        { __NR_fstat64, ALWAYS },
#endif
#ifdef __NR__llseek
        { __NR__llseek, ALWAYS },
#endif
#ifdef __NR_fadvise64
        { __NR_fadvise64, ALWAYS },
#endif
#ifdef __NR_mmap2
        { __NR_mmap2, NO_CODE },
#elif !defined(__s390x__) /* there the arguments lie behind a pointer */
        { __NR_mmap, NO_CODE },
#else
        { __NR_mmap, ALWAYS },
#endif
};

static const uint32_t questions[] = { BLKGETSIZE, BLKGETSIZE64, BLKSSZGET, BLKPBSZGET,
                                      BLKBSZGET,  BLKIOMIN,     BLKIOOPT,  BLKGETZONESZ };

/* Grows from the front; each rule ends in a verdict of its own. */
typedef struct Filter {
        struct sock_filter code[160];
        unsigned short n;
} Filter;

static void put(Filter *f, struct sock_filter instruction)
{
        f->code[f->n++] = instruction;
}

static void put_load(Filter *f, size_t offset)
{
        put(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void put_return(Filter *f, uint32_t verdict)
{
        put(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

static size_t low_half(unsigned argument)
{
        size_t offset = offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);

        return offset + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(uint32_t) : 0);
}

static void put_allow_equal(Filter *f, uint32_t value)
{
        put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
        put_return(f, SECCOMP_RET_ALLOW);
}

static void put_rule(Filter *f, Rule rule)
{
        switch (rule) {
        case ALWAYS:
                put_return(f, SECCOMP_RET_ALLOW);
                return;
        case WRITE:
                put_load(f, low_half(0));
                put_allow_equal(f, STDOUT_FILENO);
                put_allow_equal(f, STDERR_FILENO);
                break;
        case NO_CODE:
                put_load(f, low_half(2));
                put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
                put_return(f, SECCOMP_RET_ALLOW);
                break;
        case QUESTIONS:
                put_load(f, low_half(1));
                for (size_t i = 0; i < ELEMENTSOF(questions); i++)
                        put_allow_equal(f, questions[i]);
                break;
        }
        put_return(f, SECCOMP_RET_ERRNO | EPERM);
}

static void make_filter(Filter *f)
{
#ifdef ARCH
        put_load(f, offsetof(struct seccomp_data, arch));
        put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
        put_return(f, SECCOMP_RET_KILL_PROCESS);
#endif
        put_load(f, offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                unsigned short at = f->n;

                put(f,
                    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 0));
                put_rule(f, calls[i].rule);
                f->code[at].jf = (uint8_t)(f->n - at - 1);
        }
        put_return(f, SECCOMP_RET_ERRNO | EPERM);
}

static int install_filter(void)
{
        Filter f = {};
        struct sock_fprog program;

        make_filter(&f);
        program = (struct sock_fprog){ .len = f.n, .filter = f.code };
        if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) >= 0)
                return 0;
        return errno == ENOSYS || errno == EINVAL ? 0 : -errno;
}

static int set_limits(void)
{
        const struct {
                __rlimit_resource_t resource;
                rlim_t soft, hard;
        } limits[] = {
#ifndef __SANITIZE_ADDRESS__ /* its shadow is terabytes of addresses */
                { RLIMIT_AS, MEMORY_MAX, MEMORY_MAX },
#endif
                { RLIMIT_CPU, PROCESSOR_SECONDS, PROCESSOR_SECONDS },
                { RLIMIT_FSIZE, OUTPUT_MAX, OUTPUT_MAX },
                { RLIMIT_NOFILE, DESCRIPTORS_MAX, DESCRIPTORS_MAX },
                { RLIMIT_CORE, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                struct rlimit now, l = { limits[i].soft, limits[i].hard };

                if (getrlimit(limits[i].resource, &now) < 0)
                        return -errno;
                l.rlim_max = MIN_OF(l.rlim_max, now.rlim_max);
                l.rlim_cur = MIN_OF(l.rlim_cur, l.rlim_max);
                if (setrlimit(limits[i].resource, &l) < 0)
                        return -errno;
        }
        return 0;
}

/* Who is not root, or root of a namespace without that number, keeps his own: he has no more rights
 * to lose than those below. */
static int change_user(void)
{
        if (geteuid() != 0)
                return 0;
        for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
                ; /* all that there are, or none without the right; the next step is what counts */
        if (setgroups(0, NULL) < 0 && errno != EPERM)
                return -errno;
        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 && errno != EINVAL && errno != EPERM)
                return -errno;
        if (setresuid(NOBODY, NOBODY, NOBODY) < 0 && errno != EINVAL && errno != EPERM)
                return -errno;
        return 0;
}

static int drop_capabilities(void)
{
        struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[2] = {}, now[2];

        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* go with the permitted */
        if (syscall(__NR_capset, &head, none) < 0 || syscall(__NR_capget, &head, now) < 0)
                return -errno;
        return now[0].permitted | now[1].permitted | now[0].effective | now[1].effective ? -EPERM
                                                                                         : 0;
}

int sandbox_enter(void)
{
        int r;

        (void)syscall(__NR_close_range, 3U, ~0U, 0U); /* before 5.9 the limit must do */
        r = set_limits();
        if (r >= 0)
                r = change_user();
        if (r >= 0)
                r = drop_capabilities();
        if (r < 0)
                return r;
        /* the change of user took it away */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
            prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return install_filter();
}
