/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stage 5, the last: descriptors and exec. Privileges: those of the machine's first process.
 * Whatever goes wrong is explained from here, since nobody else can look at the tree from inside.
 */

#include "boot/child.h"

#include "base/fd.h"
#include "base/strv.h"
#include "boot/stub.h"
#include "os/elf-machine.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The sockets that are passed on stayed at 3, 4, ...; everything else is closed by exec. */
static int arrange_descriptors(const BootPlan *plan, Error *error)
{
        if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return error_errno(error, errno, "Failed to close descriptors");
        for (unsigned i = 0; i < plan->n_listen; i++)
                if (fcntl(3 + (int)i, F_SETFD, 0) < 0)
                        return error_errno(error, errno, "Failed to pass socket %u on", i);
        return 0;
}

static bool read_machine(const char *path, ElfMachine *ret)
{
        _cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int fd = root < 0 ? -EBADF : path_open_regular(root, path);
        char header[ELF_MACHINE_HEADER];
        ssize_t n = fd < 0 ? -1 : read(fd, header, sizeof(header));

        return n > 0 && elf_machine_read(header, (size_t)n, ret);
}

static int explain(const BootPlan *plan, const char *path, int number, Error *error)
{
        ElfMachine machine;
        struct stat st;

        if (number == ENOEXEC && read_machine(path, &machine) && machine.fit != ELF_NATIVE) {
                error_set(error, number,
                          "Failed to run '%s' of tree '%s': it is a program for %s, "
                          "which this host cannot run",
                          path, plan->directory, machine.name);
                error_hint(error, machine.fit == ELF_SECONDARY
                                          ? "boot a kernel with 32-bit emulation (IA32_EMULATION)"
                                          : "apt-get install qemu-user-static binfmt-support  (or "
                                            "make the tree for this host's architecture)");
        } else if (number == ENOEXEC) {
                error_set(error, number,
                          "Failed to run '%s' of tree '%s': it is no program, neither ELF "
                          "nor a script with an interpreter line",
                          path, plan->directory);
                error_hint(error, "file %s%s", plan->directory, path);
        } else if (number == ENOENT && stat(path, &st) >= 0) {
                error_set(error, number,
                          "Failed to run '%s' of tree '%s': its interpreter or dynamic "
                          "loader is missing in the tree",
                          path, plan->directory);
                error_hint(error, "file %s%s; ls %s/lib64", plan->directory, path, plan->directory);
        } else if (number == EACCES) {
                error_set(error, number, "Failed to run '%s' of tree '%s': not executable", path,
                          plan->directory);
                error_hint(error, "chmod 0755 %s%s", plan->directory, path);
        } else {
                error_errno(error, number, "Failed to run '%s' of tree '%s'", path,
                            plan->directory);
                error_hint(error, "ls -l %s%s", plan->directory, path);
        }
        return -number;
}

/* Like execvpe(), with the PATH of the new environment and remembering the most telling error. */
static int exec_in_path(const BootPlan *plan, char **argv)
{
        _cleanup_strv_ char **places = NULL;
        const char *path = strv_env_get(plan->environment, "PATH");
        int result = ENOENT;

        if (strchr(plan->argv[0], '/')) {
                (void)execve(plan->argv[0], argv, plan->environment);
                return errno;
        }
        if (strv_split(path ?: "/usr/bin:/bin", ":", &places) < 0)
                return ENOMEM;
        STRV_FOREACH (p, places) {
                _cleanup_free_ char *full = NULL;

                if (asprintf(&full, "%s/%s", *p, plan->argv[0]) < 0)
                        return ENOMEM;
                (void)execve(full, argv, plan->environment);
                if (errno != ENOENT && errno != ENOTDIR)
                        result = errno;
        }
        return result;
}

int child_exec(const ChildContext *c, Error *error)
{
        const BootPlan *plan = c->plan;
        const char *directory = plan->working_directory ?: "/";
        int number;

        if (arrange_descriptors(plan, error) < 0)
                return -error->number;
        /* a login shell does without its home, anything else was told where to be */
        if (chdir(directory) < 0 && (plan->argv0[0] != '-' || chdir("/") < 0))
                return error_errno(error, errno,
                                   "Failed to enter the directory '%s' of the machine", directory);
        if (plan->start == START_STUB) {
                int r = stub_run(plan, c->stub_fd, error);

                if (r <= 0)
                        return r;
                /* 1: in the process that shall become the command */
        }
        if (plan->argv0[0] == '-') {
                /* a login shell: execute the path, but call it by its dashed name */
                (void)execve(plan->argv[0], (char *const[]){ plan->argv0, NULL },
                             plan->environment);
                return explain(plan, plan->argv[0], errno, error);
        }
        number = exec_in_path(plan, plan->argv);
        if (number == ENOENT && !strchr(plan->argv[0], '/')) {
                error_set(error, ENOENT, "Command '%s' is not in tree '%s' (searched %s)",
                          plan->argv[0], plan->directory,
                          strv_env_get(plan->environment, "PATH") ?: "");
                error_hint(error, "name it by its path: stead run %s -- /path/to/%s",
                           plan->directory, plan->argv[0]);
                return -ENOENT;
        }
        return explain(plan, plan->argv[0], number, error);
}
