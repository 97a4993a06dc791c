/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * block-syscalls NAME[,NAME...] COMMAND [ARG...]: runs a command for which these system calls do
 * not exist (ENOSYS), as on a kernel that is too old for them. Shows that a fall-back is there, or
 * that the refusal is clear.
 */

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
        scmp_filter_ctx filter;
        char *name, *rest;

        if (argc < 3) {
                fprintf(stderr, "Usage: %s NAME[,NAME...] COMMAND [ARG...]\n", argv[0]);
                return 2;
        }

        filter = seccomp_init(SCMP_ACT_ALLOW);
        if (!filter)
                return 3;
        /* the test runs as root, and no_new_privs would be seen inside the machine */
        if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) < 0)
                return 3;

        for (name = strtok_r(argv[1], ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
                int number = seccomp_syscall_resolve_name(name);

                if (number == __NR_SCMP_ERROR) {
                        fprintf(stderr, "block-syscalls: no system call '%s'\n", name);
                        return 3;
                }
                if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0) < 0)
                        return 3;
        }

        if (seccomp_load(filter) < 0) {
                perror("block-syscalls: seccomp_load");
                return 3;
        }
        seccomp_release(filter);

        execvp(argv[2], argv + 2);
        perror(argv[2]);
        return 127;
}
