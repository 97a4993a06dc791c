/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Program headers lead to everything that the loader itself looks at. Sections are not read: a
 * file need not have any, and what they say may be something else. */

#include "os/elf-file.h"

#include "base/strv.h"
#include "base/utf8.h"

#include <errno.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

/* Nothing that a real program has comes near these. */
#define DYNAMIC_MAX ((size_t)1024 * 1024)
#define STRINGS_MAX ((size_t)16 * 1024 * 1024)
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

/* libelf makes a table of all sections at once. A count that does not fit into the header's field
 * is elsewhere in the file, and can be anything; no program or library has so many. */
static int check_count_of_sections(int fd)
{
        Elf64_Ehdr h64 = {};
        Elf32_Ehdr h32;

        if (pread(fd, &h64, sizeof(h64), 0) < (ssize_t)sizeof(h32) ||
            memcmp(h64.e_ident, ELFMAG, SELFMAG) != 0)
                return -ENOEXEC;
        memcpy(&h32, &h64, sizeof(h32));
        if (h64.e_ident[EI_CLASS] == ELFCLASS32)
                return h32.e_shoff == 0 || h32.e_shnum != 0 ? 0 : -EBADMSG;
        return h64.e_shoff == 0 || h64.e_shnum != 0 ? 0 : -EBADMSG;
}

int elf_open(int fd, Elf **ret)
{
        Elf *elf;
        int r = check_count_of_sections(fd);

        if (r < 0)
                return r;
        (void)elf_version(EV_CURRENT); /* it is what we were built with */
        elf = elf_begin(fd, ELF_C_READ, NULL);
        if (!elf || elf_kind(elf) != ELF_K_ELF) {
                (void)elf_end(elf); /* the count of references */
                return -ENOEXEC;
        }
        *ret = elf;
        return 0;
}

static int read_elf(Reader *r)
{
        GElf_Ehdr header;
        int result;

        if (!gelf_getehdr(r->elf, &header))
                return -ENOEXEC;
        /* libelf counts those that are there */
        if (elf_getphdrnum(r->elf, &r->n_headers) < 0 || r->n_headers > HEADERS_MAX ||
            r->n_headers != header.e_phnum)
                return -EBADMSG;
        r->file->class = header.e_ident[EI_CLASS];
        r->file->machine = header.e_machine;
        result = read_headers(r);
        r->file->program = header.e_type == ET_EXEC || r->file->interpreter;
        return result;
}

int elf_file_read(int fd, ElfFile *ret)
{
        _cleanup_elf_file_ ElfFile file = ELF_FILE_NULL;
        _cleanup_elf_ Elf *elf = NULL;
        int r = elf_open(fd, &elf);

        if (r >= 0)
                r = read_elf(&(Reader){ .elf = elf, .file = &file });
        if (r < 0)
                return r;
        *ret = file;
        file = ELF_FILE_NULL;
        return 0;
}
