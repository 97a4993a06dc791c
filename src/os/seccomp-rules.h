/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The system call policy as data: named groups, what every machine may call, what needs a
 * capability, what nesting adds. Names only, no numbers and no filter code, so that the generator
 * of the build and the launcher read the same lists. Must not know an architecture or a machine. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lists are words separated by one space; a word with '@' stands for the members of that group. */
typedef struct SyscallGroup {
        const char *name; /* with the '@' */
        const char *members;
} SyscallGroup;

typedef struct SyscallCondition {
        int capability;
        const char *members; /* refused unless the machine holds the capability */
} SyscallCondition;

/* The group names of systemd-analyze(1), sorted as there. "@known" has no row: it is every call in
 * the number table. */
extern const SyscallGroup syscall_groups[];
extern const size_t n_syscall_groups;
extern const SyscallCondition syscall_conditions[];
extern const size_t n_syscall_conditions;

extern const char syscalls_allowed[]; /* to every machine */
extern const char syscalls_nesting[]; /* added when the machine runs containers itself */
extern const char syscalls_sync[];    /* become no-ops by suppress-sync */

/* Every capability that is in a row of syscall_conditions, as bits. */
uint64_t syscall_conditions_mask(void);
/* The members of group @name (@length characters, with the '@'), or NULL. */
const char *syscall_group_members(const char *name, size_t length);
/* Whether some list names this call, on whatever architecture it exists. */
bool syscall_is_listed(const char *name);
