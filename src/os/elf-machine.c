/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "os/elf-machine.h"

#include "base/cleanup.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>

#define LITTLE ELFDATA2LSB
#define BIG ELFDATA2MSB
#define ANY 0 /* class and byte order do not make another architecture of it */

static const struct {
        uint16_t machine;
        uint8_t class, data;
        const char *name, *debian;
} machines[] = {
        { EM_X86_64, ANY, ANY, "x86-64", "amd64" },
        { EM_386, ANY, ANY, "x86", "i386" },
        { EM_AARCH64, ANY, LITTLE, "arm64", "arm64" },
        { EM_AARCH64, ANY, BIG, "arm64-be", NULL },
        { EM_ARM, ANY, LITTLE, "arm", "armhf" },
        { EM_ARM, ANY, LITTLE, "arm", "armel" },
        { EM_ARM, ANY, BIG, "arm-be", NULL },
        { EM_RISCV, ELFCLASS64, ANY, "riscv64", "riscv64" },
        { EM_RISCV, ELFCLASS32, ANY, "riscv32", NULL },
        { EM_PPC64, ANY, LITTLE, "ppc64-le", "ppc64el" },
        { EM_PPC64, ANY, BIG, "ppc64", "ppc64" },
        { EM_PPC, ANY, BIG, "ppc", "powerpc" },
        { EM_S390, ELFCLASS64, ANY, "s390x", "s390x" },
        { EM_S390, ELFCLASS32, ANY, "s390", NULL },
        { EM_MIPS, ELFCLASS64, LITTLE, "mips64-le", "mips64el" },
        { EM_MIPS, ELFCLASS64, BIG, "mips64", NULL },
        { EM_MIPS, ELFCLASS32, LITTLE, "mips-le", "mipsel" },
        { EM_MIPS, ELFCLASS32, BIG, "mips", NULL },
        { 258 /* EM_LOONGARCH */, ANY, ANY, "loongarch64", "loong64" },
        { EM_SPARCV9, ANY, ANY, "sparc64", "sparc64" },
        { EM_68K, ANY, ANY, "m68k", "m68k" },
        { 0x9026 /* EM_ALPHA */, ANY, ANY, "alpha", "alpha" },
        { EM_PARISC, ANY, ANY, "parisc", "hppa" },
        { EM_SH, ANY, ANY, "sh4", "sh4" },
};

/* What the kernel of each architecture runs. That the second side is built in, and that the
 * processor has it, only shows when a program is executed. */
static const struct {
        const char *system; /* uname -m */
        const char *native, *secondary;
} kernels[] = {
        { "x86_64", "x86-64", "x86" },  { "aarch64", "arm64", "arm" },
        { "i686", "x86", NULL },        { "i586", "x86", NULL },
        { "riscv64", "riscv64", NULL }, { "ppc64le", "ppc64-le", NULL },
        { "ppc64", "ppc64", "ppc" },    { "s390x", "s390x", "s390" },
        { "armv7l", "arm", NULL },      { "armv8l", "arm", NULL },
        { "mips64", "mips64", "mips" }, { "loongarch64", "loongarch64", NULL },
        { "sparc64", "sparc64", NULL },
};

/* By our own build where we are a program of the kernel's larger side: what uname() says there is a
 * matter of our personality. */
static size_t find_kernel(void)
{
#if defined(__x86_64__)
        const char *system = "x86_64";
#elif defined(__aarch64__)
        const char *system = "aarch64";
#else
        struct utsname u;
        const char *system = uname(&u) < 0 ? "" : u.machine;
#endif
        size_t i = 0;

        while (i < ELEMENTSOF(kernels) && strcmp(kernels[i].system, system) != 0)
                i++;
        return i;
}

static ElfFit fit_of(const char *name)
{
        size_t i = find_kernel();

        if (i == ELEMENTSOF(kernels) || strcmp(kernels[i].native, name) == 0)
                return ELF_NATIVE; /* of a kernel that we do not know nothing is foreign */
        return kernels[i].secondary && strcmp(kernels[i].secondary, name) == 0 ? ELF_SECONDARY
                                                                               : ELF_FOREIGN;
}

bool elf_machine_read(const void *header, size_t n, ElfMachine *ret)
{
        const unsigned char *h = header;
        uint16_t machine;

        if (n < ELF_MACHINE_HEADER || memcmp(h, ELFMAG, SELFMAG) != 0)
                return false;
        machine =
                h[EI_DATA] == BIG ? (uint16_t)(h[18] << 8 | h[19]) : (uint16_t)(h[19] << 8 | h[18]);
        *ret = (ElfMachine){ .name = "an unknown architecture", .fit = ELF_FOREIGN };
        for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                if (machines[i].machine == machine &&
                    (machines[i].class == ANY || machines[i].class == h[EI_CLASS]) &&
                    (machines[i].data == ANY || machines[i].data == h[EI_DATA])) {
                        *ret = (ElfMachine){ .name = machines[i].name,
                                             .debian = machines[i].debian,
                                             .fit = fit_of(machines[i].name) };
                        break;
                }
        return true;
}

/* Class and byte order of those where the table does not tell. */
static void guess(const char *name, unsigned char *class, unsigned char *data)
{
        static const char *const small[] = { "x86", "arm", "ppc", "m68k", "parisc", "sh4" };
        static const char *const big[] = { "s390x", "sparc64", "m68k", "parisc" };

        *class = *class != ANY ? *class : ELFCLASS64;
        for (size_t i = 0; i < ELEMENTSOF(small); i++)
                if (strcmp(small[i], name) == 0)
                        *class = ELFCLASS32;
        *data = *data != ANY ? *data : LITTLE;
        for (size_t i = 0; i < ELEMENTSOF(big); i++)
                if (strcmp(big[i], name) == 0)
                        *data = BIG;
}

bool elf_machine_of_debian(const char *name, ElfMachine *ret,
                           unsigned char header[static ELF_MACHINE_HEADER])
{
        for (size_t i = 0; i < ELEMENTSOF(machines); i++) {
                unsigned char class = machines[i].class, data = machines[i].data;
                unsigned char type[4] = { 0, ET_EXEC, (unsigned char)(machines[i].machine >> 8),
                                          (unsigned char)machines[i].machine };

                if (!machines[i].debian || strcmp(machines[i].debian, name) != 0)
                        continue;
                guess(machines[i].name, &class, &data);
                memset(header, 0, ELF_MACHINE_HEADER);
                memcpy(header, ELFMAG, SELFMAG);
                header[EI_CLASS] = class;
                header[EI_DATA] = data;
                header[EI_VERSION] = EV_CURRENT;
                for (size_t b = 0; b < sizeof(type); b++)
                        header[16 + b] = type[data == BIG ? b : b ^ 1];
                *ret = (ElfMachine){ .name = machines[i].name,
                                     .debian = machines[i].debian,
                                     .fit = fit_of(machines[i].name) };
                return true;
        }
        return false;
}
