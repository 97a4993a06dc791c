/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running stead-firewall. */

#include "machine/firewall.h"

#include "base/cleanup.h"
#include "os/own-program.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIREWALL "stead-firewall"

_noreturn_ static void become_firewall(int program, const char *verb, const char *name)
{
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)unsetenv("NOTIFY_SOCKET");
        (void)fexecve(program,
                      (char *const[]){ (char *)FIREWALL, (char *)verb, (char *)name, NULL },
                      environ);
        _exit(EXIT_FAILURE);
}

int firewall_begin(pid_t *ret, const char *verb, const char *name, Error *error)
{
        _cleanup_close_ int program = own_program_open("firewall", FIREWALL);
        pid_t pid;

        if (program < 0) {
                error_errno(error, -program,
                            "Failed to open '" STEAD_LIBEXECDIR "/" FIREWALL
                            "', which opens ports");
                error_hint(error, "install stead anew");
                return program;
        }
        pid = fork();
        if (pid < 0)
                return error_errno(error, errno, "Failed to start " FIREWALL);
        if (pid == 0)
                become_firewall(program, verb, name);
        *ret = pid;
        return 0;
}

bool firewall_end(pid_t *pid)
{
        int status = EXIT_FAILURE;

        if (*pid == 0)
                return true;
        while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
                ;
        *pid = 0;
        return status == 0;
}
