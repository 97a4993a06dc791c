/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Program headers lead to everything that the loader itself looks at; only symbols and notes are
 * found by sections, and a file without sections has no such hints. */

#include "image/elf-file.h"

#include "base/strv.h"
#include "base/utf8.h"
#include "image/dlopen-note.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

/* Nothing that a real program has comes near these. */
#define DYNAMIC_MAX ((size_t)1024 * 1024)
#define STRINGS_MAX ((size_t)16 * 1024 * 1024)
#define SYMBOLS_MAX ((size_t)16 * 1024 * 1024)
#define NOTE_MAX ((size_t)64 * 1024)
#define HEADERS_MAX ((size_t)4096)
#define NEEDED_MAX ((size_t)512)
#define PLACES_MAX ((size_t)128) /* each needed name is looked for in each of them */
#define NAME_LIMIT ((size_t)1024)
#define PATHS_LIMIT ((size_t)4096)
#define INTERPRETER_MAX ((size_t)4096)

typedef struct Reader {
        Elf *elf;
        size_t n_headers, n_needed;
        bool has_dynamic;
        Elf_Data *strings;
        ElfFile *file;
} Reader;

void elf_file_done(ElfFile *e)
{
        free(e->interpreter);
        free(e->soname);
        strv_free(e->needed);
        free(e->rpath);
        free(e->runpath);
        strv_free(e->dlopen);
        strv_free(e->dlopen_optional);
        *e = ELF_FILE_NULL;
}

/* Where in the file the loader would find an address. */
static int offset_of(const Reader *r, GElf_Addr address, int64_t *ret_offset, uint64_t *ret_left)
{
        for (size_t i = 0; i < r->n_headers; i++) {
                GElf_Phdr h;

                if (!gelf_getphdr(r->elf, (int)i, &h) || h.p_type != PT_LOAD)
                        continue;
                if (address < h.p_vaddr || address - h.p_vaddr >= h.p_filesz)
                        continue;
                if (h.p_offset > INT64_MAX - h.p_filesz)
                        return -EBADMSG;
                *ret_offset = (int64_t)(h.p_offset + (address - h.p_vaddr));
                *ret_left = h.p_filesz - (address - h.p_vaddr);
                return 0;
        }
        return -EBADMSG;
}

/* Names are shown to people: those that terminals obey are none. */
static const char *string_at(const Reader *r, uint64_t offset)
{
        const Elf_Data *d = r->strings;
        const char *s;

        if (!d || offset >= d->d_size || !memchr((char *)d->d_buf + offset, 0, d->d_size - offset))
                return NULL;
        s = (char *)d->d_buf + offset;
        return utf8_is_plain(s) ? s : NULL;
}

static int keep_string(const Reader *r, uint64_t offset, char **field)
{
        const char *s = string_at(r, offset);

        if (!s || *field || strlen(s) >= PATHS_LIMIT)
                return -EBADMSG;
        *field = strdup(s);
        return *field ? 0 : -ENOMEM;
}

static int keep_places(const Reader *r, uint64_t offset, char **field)
{
        int result = keep_string(r, offset, field);
        size_t n = 1;

        for (const char *s = result < 0 ? NULL : *field; s && (s = strchr(s, ':')); s++)
                n++;
        return n > PLACES_MAX ? -EBADMSG : result;
}

/* The loader finds its strings by address, and so do we. */
static int load_strings(Reader *r, Elf_Data *dynamic)
{
        GElf_Addr address = 0;
        uint64_t size = 0, left;
        int64_t offset;
        GElf_Dyn d;

        for (int i = 0; gelf_getdyn(dynamic, i, &d) && d.d_tag != DT_NULL; i++) {
                if (d.d_tag == DT_STRTAB)
                        address = d.d_un.d_ptr;
                if (d.d_tag == DT_STRSZ)
                        size = d.d_un.d_val;
        }
        if (size == 0)
                return 0;
        if (offset_of(r, address, &offset, &left) < 0 || size > left || size > STRINGS_MAX)
                return -EBADMSG;
        r->strings = elf_getdata_rawchunk(r->elf, offset, size, ELF_T_BYTE);
        return r->strings ? 0 : -EBADMSG;
}

static int keep_needed(Reader *r, uint64_t offset)
{
        const char *s = string_at(r, offset);

        if (!s || !*s || strlen(s) >= NAME_LIMIT || r->n_needed++ >= NEEDED_MAX)
                return -EBADMSG;
        return strv_push(&r->file->needed, s);
}

static int read_tag(Reader *r, const GElf_Dyn *d)
{
        ElfFile *f = r->file;

        switch (d->d_tag) {
        case DT_NEEDED:
                return keep_needed(r, d->d_un.d_val);
        case DT_SONAME:
                return keep_string(r, d->d_un.d_val, &f->soname);
        case DT_RPATH:
                return keep_places(r, d->d_un.d_val, &f->rpath);
        case DT_RUNPATH:
                return keep_places(r, d->d_un.d_val, &f->runpath);
        default:
                return 0;
        }
}

static int read_dynamic(Reader *r, const GElf_Phdr *h)
{
        Elf_Data *dynamic;
        GElf_Dyn d;
        int result;

        /* a linker makes one; four thousand on top of each other would be gigabytes in memory */
        if (h->p_filesz > DYNAMIC_MAX || h->p_offset > INT64_MAX || r->has_dynamic)
                return -EBADMSG;
        r->has_dynamic = true;
        dynamic = elf_getdata_rawchunk(r->elf, (int64_t)h->p_offset, h->p_filesz, ELF_T_DYN);
        if (!dynamic)
                return -EBADMSG;
        result = load_strings(r, dynamic);
        for (int i = 0; result >= 0 && gelf_getdyn(dynamic, i, &d) && d.d_tag != DT_NULL; i++)
                result = read_tag(r, &d);
        return result;
}

static int read_interpreter(Reader *r, const GElf_Phdr *h)
{
        Elf_Data *data;

        if (h->p_filesz < 2 || h->p_filesz > INTERPRETER_MAX || h->p_offset > INT64_MAX ||
            r->file->interpreter)
                return -EBADMSG;
        data = elf_getdata_rawchunk(r->elf, (int64_t)h->p_offset, h->p_filesz, ELF_T_BYTE);
        if (!data || ((char *)data->d_buf)[h->p_filesz - 1] || ((char *)data->d_buf)[0] != '/' ||
            !utf8_is_plain(data->d_buf))
                return -EBADMSG;
        r->file->interpreter = strdup(data->d_buf);
        return r->file->interpreter ? 0 : -ENOMEM;
}

static int read_headers(Reader *r)
{
        int result = 0;

        for (size_t i = 0; result >= 0 && i < r->n_headers; i++) {
                GElf_Phdr h;

                if (!gelf_getphdr(r->elf, (int)i, &h))
                        return -EBADMSG;
                if (h.p_type == PT_INTERP)
                        result = read_interpreter(r, &h);
                if (h.p_type == PT_DYNAMIC)
                        result = read_dynamic(r, &h);
        }
        return result;
}

static void note_symbol(ElfFile *f, const char *name)
{
        static const char *const names[] = { "getaddrinfo",   "gethostbyname", "gethostbyname_r",
                                             "getpwnam",      "getpwnam_r",    "getpwuid",
                                             "getpwuid_r",    "getgrnam",      "getgrnam_r",
                                             "getservbyname", "getnameinfo",   "initgroups" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                f->asks_names = f->asks_names || strcmp(name, names[i]) == 0;
        f->asks_iconv = f->asks_iconv || strcmp(name, "iconv_open") == 0;
        f->ends_threads = f->ends_threads || strcmp(name, "pthread_exit") == 0 ||
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

static void read_symbols(Reader *r, Elf_Scn *section, const GElf_Shdr *h)
{
        Elf_Data *data = h->sh_size <= SYMBOLS_MAX && names_have_end(r->elf, h->sh_link)
                                 ? elf_getdata(section, NULL)
                                 : NULL;
        GElf_Sym symbol;

        for (int i = 1; data && gelf_getsym(data, i, &symbol); i++) {
                const char *name = symbol.st_shndx == SHN_UNDEF
                                           ? elf_strptr(r->elf, h->sh_link, symbol.st_name)
                                           : NULL;

                if (name)
                        note_symbol(r->file, name);
        }
}

/* A damaged section is no obstacle: the loader does not look at them either. A linker makes one of
 * each kind; more are not read, or a small file could keep us busy for hours. */
static int read_sections(Reader *r)
{
        Elf_Scn *section = NULL;
        bool symbols = false, note = false;
        size_t names, n = 0;
        int result = 0;

        if (elf_getshdrstrndx(r->elf, &names) < 0 || !section_is_small(r->elf, names, STRINGS_MAX))
                return 0;
        while (result >= 0 && n++ < HEADERS_MAX && (section = elf_nextscn(r->elf, section))) {
                GElf_Shdr h;
                const char *name;

                if (!gelf_getshdr(section, &h))
                        break;
                if (h.sh_type == SHT_DYNSYM && !symbols) {
                        symbols = true;
                        read_symbols(r, section, &h);
                }
                if (h.sh_type != SHT_NOTE || note || h.sh_size > NOTE_MAX)
                        continue;
                name = elf_strptr(r->elf, names, h.sh_name);
                note = name && strcmp(name, ".note.dlopen") == 0;
                if (note)
                        result = dlopen_note_read(elf_getdata(section, NULL), &r->file->dlopen,
                                                  &r->file->dlopen_optional);
        }
        return result;
}

/* libelf makes a table of all sections at once. A count that does not fit into the header's field
 * is elsewhere in the file, and can be anything; no program or library has so many. */
static bool count_of_sections_is_sound(int fd)
{
        Elf64_Ehdr h64 = {};
        Elf32_Ehdr h32 = {};

        if (pread(fd, &h64, sizeof(h64), 0) < (ssize_t)sizeof(h32) ||
            memcmp(h64.e_ident, ELFMAG, SELFMAG) != 0)
                return true; /* libelf says what it is */
        memcpy(&h32, &h64, sizeof(h32));
        if (h64.e_ident[EI_CLASS] == ELFCLASS32)
                return h32.e_shoff == 0 || h32.e_shnum != 0;
        return h64.e_shoff == 0 || h64.e_shnum != 0;
}

static int read_elf(Reader *r)
{
        GElf_Ehdr header;
        int result;

        if (elf_kind(r->elf) != ELF_K_ELF || !gelf_getehdr(r->elf, &header))
                return -ENOEXEC;
        /* libelf counts those that are there */
        if (elf_getphdrnum(r->elf, &r->n_headers) < 0 || r->n_headers > HEADERS_MAX ||
            r->n_headers != header.e_phnum)
                return -EBADMSG;
        r->file->class = header.e_ident[EI_CLASS];
        r->file->machine = header.e_machine;
        r->file->program = header.e_type == ET_EXEC;
        result = read_headers(r);
        r->file->program = r->file->program || r->file->interpreter;
        return result < 0 ? result : read_sections(r);
}

int elf_file_read(int fd, const char *path, ElfFile *ret, Error *error)
{
        _cleanup_elf_file_ ElfFile file = ELF_FILE_NULL;
        Reader r = { .file = &file };
        int result;

        if (elf_version(EV_CURRENT) == EV_NONE)
                return error_set(error, ENOSYS, "libelf is too old");
        if (!count_of_sections_is_sound(fd))
                return error_set(error, EBADMSG, "'%s' is a damaged ELF file", path);
        r.elf = elf_begin(fd, ELF_C_READ, NULL);
        result = r.elf ? read_elf(&r) : -ENOEXEC;
        (void)elf_end(r.elf);
        if (result == -ENOEXEC)
                return error_set(error, ENOEXEC, "'%s' is not an ELF file", path);
        if (result == -EBADMSG)
                return error_set(error, EBADMSG, "'%s' is a damaged ELF file", path);
        if (result < 0)
                return error_errno(error, -result, "Failed to read '%s'", path);
        *ret = file;
        file = ELF_FILE_NULL;
        return 0;
}
