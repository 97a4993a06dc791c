/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine/foreign.h"

#include "os/elf-machine.h"

#include <errno.h>

static int refuse(const char *directory, const char *program, const ElfMachine *machine,
                  const char *why, Error *error)
{
        return error_set(error, ENOEXEC, "Tree '%s' is for %s: this host cannot run its '%s', %s",
                         directory, machine->name, program, why);
}

int foreign_find_handler(const char *directory, const char *program, const void *header, size_t n,
                         BinfmtHandler *ret, Error *error)
{
        _cleanup_binfmt_handler_ BinfmtHandler handler = BINFMT_HANDLER_NULL;
        _cleanup_close_ int fd = -EBADF;
        ElfMachine machine;
        int r;

        *ret = BINFMT_HANDLER_NULL;
        if (!elf_machine_read(header, n, &machine) || machine.fit != ELF_FOREIGN)
                return 0;
        fd = binfmt_open();
        r = fd < 0 ? fd : binfmt_find(fd, header, n, &handler);
        if (r == -ENODEV)
                return 0; /* exec will tell */
        if (r == -ENOENT) {
                error_hint(error, "apt-get install qemu-user-static binfmt-support");
                return refuse(directory, program, &machine,
                              "and no handler for such programs is registered", error);
        }
        if (r == -EPERM || (r >= 0 && !handler.enabled)) {
                error_hint(error, "echo 1 > " BINFMT_DIRECTORY "/%s",
                           r < 0 ? "status" : handler.name);
                return refuse(directory, program, &machine, "and the handler for it is disabled",
                              error);
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to read the handlers in '%s'",
                                   BINFMT_DIRECTORY);
        *ret = handler;
        handler = BINFMT_HANDLER_NULL;
        return 0;
}
