/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which architecture a tree is of: programs of the kernel's 32-bit side get its personality, those
 * of others need a handler, and it is better to say so now than to let the start fail at its end.
 */

#include "boot/plan-parts.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/binfmt.h"
#include "os/elf-machine.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

#define INTERPRETERS_MAX 4 /* scripts that run scripts: as many as the kernel follows */

typedef struct Header {
        char data[BINFMT_HEADER_MAX + 1];
        size_t n;
} Header;

/* What is mounted there is not the tree's, and not looked at. */
static bool is_covered(const BootPlan *plan, const char *path)
{
        for (size_t i = 0; i < plan->n_mounts; i++) {
                const char *d = plan->mounts[i].destination;
                size_t n = d ? strlen(d) : 0;

                if (n > 1 && strncmp(path, d, n) == 0 && (path[n] == '/' || !path[n]))
                        return true;
        }
        return false;
}

static bool read_header(const BootPlan *plan, int root_fd, const char *path, Header *ret)
{
        _cleanup_close_ int fd = is_covered(plan, path) ? -EBADF : path_open_regular(root_fd, path);
        ssize_t n = fd < 0 ? -1 : read(fd, ret->data, sizeof(ret->data) - 1);

        ret->n = n < 0 ? 0 : (size_t)n;
        ret->data[ret->n] = '\0';
        return n > 0;
}

/* The program that the kernel loads for @path: itself, or what its first line names. */
static bool read_machine(const BootPlan *plan, int root_fd, const char *path, Header *ret,
                         ElfMachine *ret_machine)
{
        char interpreter[sizeof(ret->data)];

        for (unsigned i = 0; i <= INTERPRETERS_MAX; i++) {
                const char *start;

                if (!read_header(plan, root_fd, path, ret))
                        return false;
                if (strncmp(ret->data, "#!", 2) != 0)
                        return elf_machine_read(ret->data, ret->n, ret_machine);
                start = ret->data + 2 + strspn(ret->data + 2, " \t");
                memcpy(interpreter, start, strlen(start) + 1);
                interpreter[strcspn(interpreter, " \t\n")] = '\0';
                path = interpreter;
        }
        return false;
}

/* Where exec will find the program; NULL: nowhere, which is told when it is tried. */
static char *find_program(const BootPlan *plan, int root_fd)
{
        _cleanup_strv_ char **places = NULL;

        if (strchr(plan->argv[0], '/'))
                return strdup(plan->argv[0]);
        if (strv_split(strv_env_get(plan->environment, "PATH") ?: "/usr/bin:/bin", ":", &places) <
            0)
                return NULL;
        STRV_FOREACH (p, places) {
                char *path;

                if (asprintf(&path, "%s/%s", *p, plan->argv[0]) < 0)
                        return NULL;
                if (is_covered(plan, path) || path_exists(root_fd, path) >= 0)
                        return path;
                free(path);
        }
        return NULL;
}

/* An empty file that a mount has left behind is none. */
static bool is_program(int root_fd, const char *path)
{
        _cleanup_close_ int fd = path_open(root_fd, path, O_PATH, 0);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0 &&
               st.st_size > 0;
}

static int no_handler(const BootPlan *plan, const char *program, const ElfMachine *machine,
                      const char *why, Error *error)
{
        return error_set(error, ENOEXEC, "Tree '%s' is for %s: this host cannot run its '%s', %s",
                         plan->directory, machine->name, program, why);
}

static int find_handler(const BootPlan *plan, int root_fd, const char *program,
                        const Header *header, const ElfMachine *machine, BinfmtHandler *ret,
                        Error *error)
{
        _cleanup_close_ int fd = binfmt_open();
        int r = fd < 0 ? fd : binfmt_find(fd, header->data, header->n, ret);

        if (r == -ENODEV)
                return 0; /* exec will tell */
        if (r == -ENOENT) {
                error_hint(error, "apt-get install qemu-user-static binfmt-support");
                return no_handler(plan, program, machine,
                                  "and no handler for such programs is registered", error);
        }
        if (r == -EPERM || (r >= 0 && !ret->enabled)) {
                error_hint(error, "echo 1 > " BINFMT_DIRECTORY "/%s", r < 0 ? "status" : ret->name);
                return no_handler(plan, program, machine, "and the handler for it is disabled",
                                  error);
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to read the handlers in '%s'",
                                   BINFMT_DIRECTORY);
        if (!ret->fixed && !is_covered(plan, ret->interpreter) &&
            !is_program(root_fd, ret->interpreter)) {
                error_hint(error,
                           "--bind-ro=%s if it is a static program; or register the handler with "
                           "flag F, as Debian's qemu-user-static does",
                           ret->interpreter);
                error_set(error, ENOEXEC,
                          "Tree '%s' is for %s: the handler '%s' runs such programs with '%s', "
                          "which is not in the tree, and was registered without flag F, which "
                          "takes the host's",
                          plan->directory, machine->name, ret->name, ret->interpreter);
                return -ENOEXEC;
        }
        return 0;
}

/* A 32-bit tree is told that the machine is one, as uname(2) shows it. The shell tells: a single
 * 32-bit program makes no such tree. */
static void choose_personality(BootPlan *plan, int root_fd, const ElfMachine *program)
{
        ElfMachine machine = *program;
        Header header;

        if (plan->personality != PERSONALITY_INVALID || program->fit != ELF_SECONDARY)
                return;
        (void)read_machine(plan, root_fd, "/bin/sh", &header, &machine);
        if (machine.fit == ELF_SECONDARY)
                plan->personality = PER_LINUX32;
}

/* qemu shifts real-time signals by the two that the host's libc keeps: systemd would take ours for
 * a wish for rescue mode. What a program inside sends arrives as it was meant. */
static void choose_stop(BootPlan *plan)
{
        if (plan->stop_method != STOP_SIGNAL || plan->init != INIT_SYSTEMD ||
            plan->stop_signal != SIGRTMIN + 3)
                return;
        plan->stop_method = STOP_COMMAND;
        plan->stop_signal = 0;
}

int plan_architecture(BootPlan *plan, int root_fd, Error *error)
{
        _cleanup_free_ char *program = find_program(plan, root_fd);
        _cleanup_binfmt_handler_ BinfmtHandler handler = BINFMT_HANDLER_NULL;
        ElfMachine machine;
        Header header;
        int r;

        if (!program || !read_machine(plan, root_fd, program, &header, &machine))
                return 0; /* what is wrong with it, exec says */
        plan->architecture = machine.name;
        choose_personality(plan, root_fd, &machine);
        if (machine.fit != ELF_FOREIGN)
                return 0;
        r = find_handler(plan, root_fd, program, &header, &machine, &handler, error);
        if (r >= 0 && handler.name &&
            asprintf(&plan->emulator, "%s (%s)", handler.name, handler.interpreter) < 0) {
                plan->emulator = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        if (r >= 0)
                choose_stop(plan);
        return r;
}
