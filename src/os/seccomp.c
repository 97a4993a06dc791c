/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hands out the filters of the build, compiles others from the same rules and the same table of
 * numbers, and installs them. Without libseccomp: what that library knows was written into the
 * table when this was built, so built-in and custom filters agree on which calls are unknown. Must
 * not know what a machine is. */

#include "os/seccomp.h"

#include "base/strv.h"
#include "os/seccomp-compile.h"
#include "os/seccomp-rules.h"
#include "os/seccomp-table.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const SeccompFilter builtin[_SECCOMP_PROFILE_MAX] = {
        [SECCOMP_DEFAULT] = { seccomp_code_default, ELEMENTSOF(seccomp_code_default) },
        [SECCOMP_PRIVILEGED] = { seccomp_code_privileged, ELEMENTSOF(seccomp_code_privileged) },
        [SECCOMP_NESTING] = { seccomp_code_nesting, ELEMENTSOF(seccomp_code_nesting) },
        [SECCOMP_SUPPRESS_SYNC] = { seccomp_code_suppress_sync,
                                    ELEMENTSOF(seccomp_code_suppress_sync) },
};

DEFINE_STRING_TABLE(seccomp_profile, SeccompProfile, "default", "privileged", "nesting",
                    "suppress-sync");

const SeccompFilter *seccomp_builtin(SeccompProfile profile)
{
        if (profile < 0 || profile >= _SECCOMP_PROFILE_MAX)
                return NULL;
        return &builtin[profile];
}

SeccompProfile seccomp_profile_for(CapabilitySet capabilities, bool nesting)
{
        CapabilitySet conditional = syscall_conditions_mask();

        if ((capabilities & conditional) == 0)
                return nesting ? SECCOMP_NESTING : SECCOMP_DEFAULT;
        if ((capabilities & conditional) == conditional && !nesting)
                return SECCOMP_PRIVILEGED;
        return (SeccompProfile)-ENOENT;
}

static int policy_set_words(SyscallPolicy *policy, char *const *words, SyscallVerdict verdict,
                            const char **ret_bad)
{
        STRV_FOREACH (word, (char **)words) {
                int r = 0;

                if (strchr(*word, ' ') || !**word)
                        r = -ENOENT;
                else if (**word != '@' && !syscall_is_listed(*word) &&
                         syscall_table_find(&seccomp_table, *word, strlen(*word)) < 0)
                        r = -ENOENT;
                if (r >= 0)
                        r = syscall_policy_set(policy, &seccomp_table, *word, verdict);
                if (r < 0) {
                        if (ret_bad)
                                *ret_bad = *word;
                        return r;
                }
        }
        return 0;
}

int seccomp_compile(CapabilitySet capabilities, bool nesting, char *const *allow, char *const *deny,
                    SeccompFilter **ret, const char **ret_bad)
{
        struct sock_filter code[BPF_MAXINSNS];
        SyscallPolicy policy;
        SeccompFilter *f;
        int r, length;

        syscall_policy_machine(&policy, &seccomp_table, capabilities, nesting);
        r = policy_set_words(&policy, allow, SYSCALL_ALLOW, ret_bad);
        if (r < 0)
                return r;
        r = policy_set_words(&policy, deny, SYSCALL_REFUSE, ret_bad);
        if (r < 0)
                return r;
        syscall_policy_guard_audit(&policy, &seccomp_table);
        length = syscall_policy_compile(&policy, &seccomp_table, code, ELEMENTSOF(code));
        if (length < 0)
                return length;

        /* One allocation: the code stands right behind its head. */
        f = malloc(sizeof(*f) + (size_t)length * sizeof(*code));
        if (!f)
                return -ENOMEM;
        f->code = memcpy(f + 1, code, (size_t)length * sizeof(*code));
        f->length = (unsigned short)length;
        *ret = f;
        return 0;
}

SeccompFilter *seccomp_filter_free(SeccompFilter *f)
{
        free(f);
        return NULL;
}

static int filter_set(const SeccompFilter *f)
{
        struct sock_fprog program = { .len = f->length, .filter = (struct sock_filter *)f->code };

        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

int seccomp_install(const SeccompFilter *f)
{
        int forced = 0, r;

        r = filter_set(f);
        if (r == -EACCES) {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                        return -errno;
                forced = 1;
                r = filter_set(f);
        }
        if (r < 0)
                return r;

        /* A custom filter may refuse prctl itself; nothing else gives EPERM here, so that is as
         * good an answer as the mode. */
        r = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
        if (r == SECCOMP_MODE_FILTER || (r < 0 && errno == EPERM))
                return forced;
        return -EPERM;
}

/* A call that has been read is waited for whatever signals come (5.19+): a Go program, which sends
 * itself signals all the time, would be asked about the same call again and again. */
static int listener_open(struct sock_fprog *program)
{
        long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                          SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                          program);

        if (fd < 0 && errno == EINVAL)
                fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                             program);
        return fd < 0 ? -errno : (int)fd;
}

int seccomp_listen(const char *calls)
{
        struct sock_filter code[BPF_MAXINSNS];
        struct sock_fprog program = { .filter = code };
        SyscallPolicy policy = { .other = SYSCALL_ALLOW };
        int r;

        memset(policy.verdicts, SYSCALL_ALLOW, sizeof(policy.verdicts));
        r = syscall_policy_set(&policy, &seccomp_table, calls, SYSCALL_ASK);
        if (r >= 0)
                r = syscall_policy_compile(&policy, &seccomp_table, code, ELEMENTSOF(code));
        if (r < 0)
                return r;
        program.len = (unsigned short)r;
        r = listener_open(&program);
        if (r == -EACCES) {
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                        return -errno;
                r = listener_open(&program);
        }
        return r;
}

const char *seccomp_call_name(uint32_t arch, uint32_t number)
{
        for (size_t i = 0; i < seccomp_table.n_abis; i++) {
                const SyscallAbi *abi = &seccomp_table.abis[i];

                for (size_t k = 0; abi->arch == arch && k < abi->n_numbers; k++)
                        if (abi->numbers[k].number == number)
                                return syscall_table_name(&seccomp_table, abi->numbers[k].name);
        }
        return NULL;
}
