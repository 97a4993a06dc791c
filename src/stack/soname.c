/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Read with libelf, which trusts no offset of the file. */

#include "stack/soname.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>

static int read_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, char ***names)
{
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Dyn entry;
        int r = 0;

        for (int i = 0; r >= 0 && data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL;
             i++) {
                const char *name = entry.d_tag == DT_NEEDED
                                           ? elf_strptr(elf, header->sh_link, entry.d_un.d_val)
                                           : NULL;

                if (name && *name && !strchr(name, '/'))
                        r = strv_push(names, name);
        }
        return r;
}

int soname_needed(int fd, char ***ret)
{
        _cleanup_strv_ char **names = NULL;
        char magic[SELFMAG];
        Elf *elf;
        int r = 0;

        if (pread(fd, magic, SELFMAG, 0) == SELFMAG && memcmp(magic, ELFMAG, SELFMAG) == 0) {
                (void)elf_version(EV_CURRENT); /* it is what we were built with */
                elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
                for (Elf_Scn *s = NULL; r >= 0 && elf && (s = elf_nextscn(elf, s));) {
                        GElf_Shdr header;

                        if (gelf_getshdr(s, &header) && header.sh_type == SHT_DYNAMIC)
                                r = read_dynamic(elf, s, &header, &names);
                }
                (void)elf_end(elf); /* the count of references */
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}
