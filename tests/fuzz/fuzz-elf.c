/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any file as a program or library. */

#include "fuzz.h"
#include "image/elf-needs.h"

#include "base/fd.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_elf_needs_ ElfNeeds needs = ELF_NEEDS_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
        if (elf_needs_read(fd, "f", &needs, &error) < 0 && !error.message)
                abort(); /* a refusal says why */
        if (needs.file.interpreter && needs.file.interpreter[0] != '/')
                abort();
        return 0;
}
