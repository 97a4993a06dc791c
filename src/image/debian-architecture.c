/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/debian-architecture.h"

#include "base/cleanup.h"
#include "image/oci.h"
#include "os/binfmt.h"
#include "os/elf-machine.h"

#include <string.h>

int debian_set_architecture(DebianRecipe *recipe, const char *word, Error *error)
{
        unsigned char header[ELF_MACHINE_HEADER];
        ElfMachine machine;

        if (!word)
                return 0;
        if (!elf_machine_of_debian(word, &machine, header)) {
                error_hint(error, "amd64, i386, arm64, armhf, ppc64el, riscv64, s390x");
                return error_set(error, EINVAL, "Debian has no architecture '%s'", word);
        }
        /* of 32-bit ARM Debian has two ports, and which of them the host is of is not known here */
        recipe->architecture = machine.fit == ELF_NATIVE && strcmp(machine.name, "arm") != 0
                                       ? NULL
                                       : machine.debian;
        return 0;
}

static int missing(const DebianRecipe *recipe, const char *why, Error *error)
{
        return error_set(error, ENOEXEC,
                         "A tree for %s cannot be made: its programs are run for that, this host "
                         "cannot run them, and %s",
                         recipe->architecture, why);
}

int debian_check_architecture(const DebianRecipe *recipe, Error *error)
{
        _cleanup_binfmt_handler_ BinfmtHandler handler = BINFMT_HANDLER_NULL;
        unsigned char header[ELF_MACHINE_HEADER];
        _cleanup_close_ int fd = -EBADF;
        ElfMachine machine;
        int r;

        if (!recipe->architecture ||
            !elf_machine_of_debian(recipe->architecture, &machine, header) ||
            machine.fit != ELF_FOREIGN)
                return 0;
        fd = binfmt_open();
        r = fd < 0 ? fd : binfmt_find(fd, header, sizeof(header), &handler);
        if (r == -ENODEV)
                return 0; /* mmdebstrap will tell */
        if (r == -EPERM || (r >= 0 && !handler.enabled)) {
                error_hint(error, "echo 1 > " BINFMT_DIRECTORY "/%s",
                           r < 0 ? "status" : handler.name);
                return missing(recipe, "the handler for them is disabled", error);
        }
        if (r < 0 || !handler.fixed) {
                error_hint(error, "apt-get install qemu-user-static binfmt-support arch-test");
                return missing(recipe,
                               r < 0 ? "no handler for them is registered"
                                     : "their handler was registered without flag F",
                               error);
        }
        return 0;
}

const char *debian_oci_architecture(const DebianRecipe *recipe)
{
        static const struct {
                const char *debian, *oci;
        } others[] = {
                { "i386", "386" },        { "armhf", "arm" },         { "armel", "arm" },
                { "ppc64el", "ppc64le" }, { "mips64el", "mips64le" }, { "mipsel", "mipsle" },
        };

        if (!recipe->architecture)
                return oci_architecture();
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (strcmp(others[i].debian, recipe->architecture) == 0)
                        return others[i].oci;
        return recipe->architecture;
}
