/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hints, symbols and notes, are found by sections; a file without sections has none. */

#include "image/elf-needs.h"

#include "base/strv.h"
#include "image/dlopen-note.h"

#include <gelf.h>
#include <string.h>

/* Nothing that a real program has comes near these. */
#define STRINGS_MAX ((size_t)16 * 1024 * 1024)
#define SYMBOLS_MAX ((size_t)16 * 1024 * 1024)
#define NOTE_MAX ((size_t)64 * 1024)
#define SECTIONS_MAX ((size_t)4096)

void elf_needs_done(ElfNeeds *n)
{
        elf_file_done(&n->file);
        strv_free(n->dlopen);
        strv_free(n->dlopen_optional);
        *n = ELF_NEEDS_NULL;
}

static void note_symbol(ElfNeeds *n, const char *name)
{
        static const char *const names[] = { "getaddrinfo",   "gethostbyname", "gethostbyname_r",
                                             "getpwnam",      "getpwnam_r",    "getpwuid",
                                             "getpwuid_r",    "getgrnam",      "getgrnam_r",
                                             "getservbyname", "getnameinfo",   "initgroups" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                n->asks_names = n->asks_names || strcmp(name, names[i]) == 0;
        n->asks_iconv = n->asks_iconv || strcmp(name, "iconv_open") == 0;
        n->ends_threads = n->ends_threads || strcmp(name, "pthread_exit") == 0 ||
                          strcmp(name, "pthread_cancel") == 0;
}

/* libelf reads a section as a whole. */
static bool section_is_small(Elf *elf, size_t number, size_t limit)
{
        Elf_Scn *section = elf_getscn(elf, number);
        GElf_Shdr h;

        return section && gelf_getshdr(section, &h) && h.sh_size <= limit;
}

/* libelf looks for the end of each name from the back: at once if it is there, and through
 * megabytes for each of a million symbols if it is not. */
static bool names_have_end(Elf *elf, size_t number)
{
        Elf_Data *data = section_is_small(elf, number, STRINGS_MAX)
                                 ? elf_getdata(elf_getscn(elf, number), NULL)
                                 : NULL;

        return data && data->d_size > 0 && ((char *)data->d_buf)[data->d_size - 1] == '\0';
}

static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *h, ElfNeeds *needs)
{
        Elf_Data *data = h->sh_size <= SYMBOLS_MAX && names_have_end(elf, h->sh_link)
                                 ? elf_getdata(section, NULL)
                                 : NULL;
        GElf_Sym symbol;

        for (int i = 1; data && gelf_getsym(data, i, &symbol); i++) {
                const char *name = symbol.st_shndx == SHN_UNDEF
                                           ? elf_strptr(elf, h->sh_link, symbol.st_name)
                                           : NULL;

                if (name)
                        note_symbol(needs, name);
        }
}

/* A damaged section is no obstacle: the loader does not look at them either. A linker makes one of
 * each kind; more are not read, or a small file could keep us busy for hours. */
static int read_sections(Elf *elf, ElfNeeds *needs)
{
        Elf_Scn *section = NULL;
        bool symbols = false, note = false;
        size_t names, n = 0;
        int r = 0;

        if (elf_getshdrstrndx(elf, &names) < 0 || !section_is_small(elf, names, STRINGS_MAX))
                return 0;
        while (r >= 0 && n++ < SECTIONS_MAX && (section = elf_nextscn(elf, section))) {
                GElf_Shdr h;
                const char *name;

                if (!gelf_getshdr(section, &h))
                        break;
                if (h.sh_type == SHT_DYNSYM && !symbols) {
                        symbols = true;
                        read_symbols(elf, section, &h, needs);
                }
                if (h.sh_type != SHT_NOTE || note || h.sh_size > NOTE_MAX)
                        continue;
                name = elf_strptr(elf, names, h.sh_name);
                note = name && strcmp(name, ".note.dlopen") == 0;
                if (note)
                        r = dlopen_note_read(elf_getdata(section, NULL), &needs->dlopen,
                                             &needs->dlopen_optional);
        }
        return r;
}

int elf_needs_read(int fd, const char *path, ElfNeeds *ret, Error *error)
{
        _cleanup_elf_needs_ ElfNeeds needs = ELF_NEEDS_NULL;
        _cleanup_elf_ Elf *elf = NULL;
        int r = elf_file_read(fd, &needs.file);

        if (r >= 0)
                r = elf_open(fd, &elf);
        if (r >= 0)
                r = read_sections(elf, &needs);
        if (r == -ENOEXEC)
                return error_set(error, ENOEXEC, "'%s' is not an ELF file", path);
        if (r == -EBADMSG)
                return error_set(error, EBADMSG, "'%s' is a damaged ELF file", path);
        if (r < 0)
                return error_errno(error, -r, "Failed to read '%s'", path);
        *ret = needs;
        needs = ELF_NEEDS_NULL;
        return 0;
}
