/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Splitting the first process into stub and command. The stub is a program of ours, opened on the
 * host before there was a machine. */

#include "boot/stub.h"

#include "base/strv.h"
#include "os/own-program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int stub_open(Error *error)
{
        int fd = own_program_open("launch", "stead-stub");

        if (fd < 0) {
                error_errno(error, -fd,
                            "Failed to open '" STEAD_LIBEXECDIR
                            "/stead-stub', the stub init of --as-pid2");
                error_hint(error, "drop --as-pid2, or install stead anew");
        }
        return fd;
}

static void become_stub(const BootPlan *plan, int stub_fd, pid_t command)
{
        static const char *const shown[] = { "container", "container_uuid" };
        _cleanup_strv_ char **environment = NULL;
        char number[16];

        (void)snprintf(number, sizeof(number), "%d", (int)command);
        for (size_t i = 0; i < ELEMENTSOF(shown); i++)
                if (strv_pushf(&environment, "%s=%s", shown[i],
                               strv_env_get(plan->environment, shown[i]) ?: "") < 0)
                        return;
        /* the console belongs to the command */
        (void)close_range(0, (unsigned)stub_fd - 1, 0);
        (void)fexecve(stub_fd, (char *const[]){ (char *)"stead-stub", number, NULL }, environment);
}

int stub_run(const BootPlan *plan, int stub_fd, Error *error)
{
        char byte;
        pid_t pid;
        int gate[2];

        if (pipe2(gate, O_CLOEXEC) < 0 || (pid = fork()) < 0)
                return error_errno(error, errno, "Failed to start the command");
        if (pid == 0) {
                (void)close(gate[1]);
                (void)read(gate[0], &byte,
                           1); /* until PID 1 is the stub, its exec closes the gate */
                (void)close(gate[0]);
                (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* PID 1's end is the end of us all */
                (void)setsid();
                return 1;
        }
        become_stub(plan, stub_fd, pid);
        return error_errno(error, errno, "Failed to run the stub init");
}
