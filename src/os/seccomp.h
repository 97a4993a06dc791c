/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* System call filters: four that the build has compiled already, one compiled on demand, and the
 * step that installs one. Each covers every ABI of the CPU. Must not know what a machine is or how
 * a filter was asked for.
 *
 * Two things no filter can see, since they lie behind a pointer: the socket family in i386's old
 * socketcall(2), and requests on an io_uring. So the audit check and suppress-sync are conveniences
 * for well-behaved payloads; what must hold is held by capabilities. */

#include "base/cleanup.h"
#include "base/string-table.h"
#include "os/capability.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdbool.h>

typedef struct SeccompFilter {
        const struct sock_filter *code;
        unsigned short length; /* instructions */
} SeccompFilter;

typedef enum SeccompProfile {
        SECCOMP_DEFAULT,       /* no capability of the conditional groups */
        SECCOMP_PRIVILEGED,    /* every capability of the conditional groups */
        SECCOMP_NESTING,       /* SECCOMP_DEFAULT and what containers in the machine need */
        SECCOMP_SUPPRESS_SYNC, /* sync, fsync, fdatasync, syncfs, sync_file_range and msync return 0
                                  and do nothing. An O_SYNC or O_DSYNC given to open() stays in
                                  force: a filter can refuse a call but not take a flag away.
                                  Installed beside one of the others, and before it. */
        _SECCOMP_PROFILE_MAX,
        _SECCOMP_PROFILE_INVALID = -EINVAL,
} SeccompProfile;

DECLARE_STRING_TABLE(seccomp_profile, SeccompProfile);

/* A filter of the build; NULL if @profile is out of range. */
const SeccompFilter *seccomp_builtin(SeccompProfile profile);
/* The built-in profile that is exactly right for a machine with these capabilities, or -ENOENT:
 * then seccomp_compile() makes one. */
SeccompProfile seccomp_profile_for(CapabilitySet capabilities, bool nesting);

/* Makes the filter of a machine with @capabilities, plus the calls of @allow, less those of @deny
 * (deny wins). Words are names of calls or @groups; a name that exists only on other architectures
 * is fine. -ENOENT for a name nobody knows, which is then *ret_bad (borrowed from the list; may be
 * NULL). Needs no library and takes some tens of microseconds. Freed with seccomp_filter_free(). */
int seccomp_compile(CapabilitySet capabilities, bool nesting, char *const *allow, char *const *deny,
                    SeccompFilter **ret, const char **ret_bad);
SeccompFilter *seccomp_filter_free(SeccompFilter *f);
DEFINE_CLEANUP(SeccompFilter, seccomp_filter_free)

/* Installs the filter for the calling thread and everything it will start, and reads back that a
 * filter is in force. Needs CAP_SYS_ADMIN in the user namespace, so it comes before that is
 * dropped; without it, no_new_privs is set first, as the kernel demands. Returns 1 if it had to,
 * else 0. -ENOSYS or -EINVAL where the kernel has no filters, -EPERM if the read back shows none.
 */
int seccomp_install(const SeccompFilter *f);

/* Installs a filter that lets everything run, but shows the calls of @calls (names with spaces
 * between) to whoever reads the listener that it returns, and has them wait for the answer. For the
 * calling thread and everything it will start; a process tree can have one listener only: -EBUSY.
 * Needs the same rights as seccomp_install(). */
int seccomp_listen(const char *calls);
/* The name of a call as a listener sees it; NULL if it is none that the build knows. */
const char *seccomp_call_name(uint32_t arch, uint32_t number);
