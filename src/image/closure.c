/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/closure.h"

#include "base/strv.h"
#include "base/utf8.h"
#include "image/elf-needs.h"
#include "os/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 64  /* libraries that need each other in turn: no real program comes near */
#define SCRIPTS_MAX 5 /* as the kernel has it */

void closure_done(Closure *c)
{
        carry_done(&c->carry);
        library_cache_done(&c->cache);
        free(c->first);
        strv_free(c->missing);
        strv_free(c->suggested);
        strv_free(c->odd_libraries);
        strv_free(c->odd_directories);
        *c = CLOSURE_NULL;
}

int closure_open(int root_fd, Closure *ret, Error *error)
{
        Closure c = CLOSURE_NULL;

        c.carry.root_fd = root_fd;
        if (library_cache_load(root_fd, &c.cache) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        *ret = c;
        return 0;
}

/* Neither a file nor a directory is what nobody can take along. */
static int cannot_take(int r, const char *path, Error *error)
{
        if (r == -EBADFD)
                return error_set(error, EBADFD, "'%s' is neither a file nor a directory", path);
        return error_errno(error, -r, "Failed to take '%s' along", path);
}

static int add_path(Closure *c, const char *path, const char *why, char **ret_real, Error *error)
{
        int r = carry_add(&c->carry, path, why, ret_real);

        if (r == -EBADFD)
                return cannot_take(r, path, error);
        return r < 0 ? error_errno(error, -r, "Failed to take '%s' along (%s)", path, why) : 0;
}

static int push(char ***list, Error *error, const char *word, const char *by)
{
        _cleanup_free_ char *text = NULL;

        if (asprintf(&text, "%s (%s)", word, by) < 0) {
                text = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        if (strv_contains(*list, text))
                return 0;
        return strv_push(list, text) < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}

/* Whether it is one for that program, or of another architecture. */
static int fits(const Closure *c, const char *path, const ElfFile *like)
{
        _cleanup_close_ int fd = path_open_regular(c->carry.root_fd, path);
        _cleanup_elf_file_ ElfFile e = ELF_FILE_NULL;

        return fd >= 0 && elf_file_read(fd, &e) >= 0 && e.class == like->class &&
               e.machine == like->machine;
}

static int add_elf(Closure *c, const char *path, const char *why, const LibraryLoader *by,
                   unsigned depth, Error *error);

static char *directory_of(const char *path)
{
        return strndup(path, (size_t)(strrchr(path, '/') - path));
}

static int push_new(char ***list, const char *word)
{
        return strv_contains(*list, word) ? 0 : strv_push(list, word);
}

static int note_odd(Closure *c, const char *path, Error *error)
{
        _cleanup_free_ char *directory = directory_of(path);

        return directory && push_new(&c->odd_directories, directory) >= 0 &&
                               push_new(&c->odd_libraries, path) >= 0
                       ? 0
                       : error_set(error, ENOMEM, "Out of memory");
}

/* 1 if it was found, 0 if not. */
static int add_library(Closure *c, const LibraryLoader *loader, const char *name, const char *why,
                       unsigned depth, Error *error)
{
        _cleanup_strv_ char **candidates = NULL, **cached = NULL;
        int r = library_path_candidates(loader, &c->cache, name, &candidates);

        if (r >= 0)
                r = library_cache_find(&c->cache, name, &cached);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        STRV_FOREACH (path, candidates) {
                if (!fits(c, *path, loader->elf))
                        continue;
                if (strv_contains(cached, *path) &&
                    !library_path_is_default(loader->elf, *path, name)) {
                        r = note_odd(c, *path, error);
                        if (r < 0)
                                return r;
                }
                r = add_elf(c, *path, why, loader, depth + 1, error);
                return r < 0 ? r : 1;
        }
        return 0;
}

static int add_all(Closure *c, const LibraryLoader *loader, char **names, const char *path,
                   bool needed, unsigned depth, Error *error)
{
        _cleanup_free_ char *why = NULL;

        if (asprintf(&why, "%s %s", needed ? "needed by" : "loaded by", path) < 0) {
                why = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        STRV_FOREACH (name, names) {
                int r = add_library(c, loader, *name, why, depth, error);

                if (r == 0)
                        r = push(needed ? &c->missing : &c->suggested, error, *name, why);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* glibc aborts the program where this one is missing. Other C libraries have no use for it. */
static int add_unwinder(Closure *c, const LibraryLoader *loader, const char *path, unsigned depth,
                        Error *error)
{
        _cleanup_free_ char *why = NULL;

        if (asprintf(&why, "ends threads of %s", path) < 0) {
                why = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return add_library(c, loader, "libgcc_s.so.1", why, depth, error);
}

/* An ELF file that has come along. */
typedef struct Part {
        const ElfNeeds *needs;
        const char *path;     /* without links */
        LibraryLoader loader; /* of what it needs */
        bool used;            /* not merely one of a directory's */
} Part;

static int add_parts(Closure *c, const Part *p, unsigned depth, Error *error)
{
        const ElfNeeds *e = p->needs;
        int r = 0;

        c->asks_names = c->asks_names || e->asks_names;
        c->asks_iconv = c->asks_iconv || e->asks_iconv;
        if (e->file.interpreter)
                r = add_elf(c, e->file.interpreter, "the dynamic loader", &p->loader, depth + 1,
                            error);
        if (r >= 0)
                r = add_all(c, &p->loader, e->file.needed, p->path, p->used, depth, error);
        if (r >= 0)
                r = add_all(c, &p->loader, e->dlopen, p->path, false, depth, error);
        if (r >= 0 && e->ends_threads)
                r = add_unwinder(c, &p->loader, p->path, depth, error);
        for (char **name = e->dlopen_optional; r >= 0 && name && *name; name++)
                r = push(&c->suggested, error, *name, p->path);
        return MIN_OF(r, 0);
}

static int add_elf(Closure *c, const char *path, const char *why, const LibraryLoader *by,
                   unsigned depth, Error *error)
{
        _cleanup_elf_needs_ ElfNeeds needs = ELF_NEEDS_NULL;
        _cleanup_free_ char *real = NULL, *directory = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t before = c->carry.n;
        int r;

        if (depth > DEPTH_MAX)
                return error_set(error, ELOOP, "The libraries of '%s' need each other without end",
                                 path);
        r = add_path(c, path, why, &real, error);
        if (r < 0 || c->carry.n == before) /* it was here before, and so were its parts */
                return r;
        fd = path_open_regular(c->carry.root_fd, real);
        if (fd < 0)
                return error_errno(error, -fd, "Failed to open '%s'", real);
        r = elf_needs_read(fd, real, &needs, error);
        if (r < 0)
                return r;
        if (!c->first)
                c->first = strdup(real);
        directory = directory_of(by ? path : real);
        if (!directory || !c->first)
                return error_set(error, ENOMEM, "Out of memory");
        return add_parts(c, &(Part){ &needs, real, { &needs.file, directory, by }, true }, depth,
                         error);
}

static int add_program(Closure *c, const char *word, char **ret_path, unsigned depth, Error *error);

/* What "#!/usr/bin/env perl" starts, or "-S perl -w": the kernel gives env the rest of the line as
 * one word, so that all options need -S. */
static const char *env_program(char *const *words)
{
        const char *word = *++words;

        if (word && word[0] == '-') {
                const char *rest = strchr(word, word[1] == '-' ? '=' : 'S');

                word = rest && rest[1] ? rest + 1 : *++words;
        }
        while (word && (word[0] == '-' || strchr(word, '='))) {
                if (strcmp(word, "-u") == 0 || strcmp(word, "-C") == 0)
                        words += words[1] != NULL;
                word = *words ? *++words : NULL;
        }
        return word;
}

/* "#!/usr/bin/perl -w", "#!/usr/bin/env perl" */
static int add_script(Closure *c, const char *real, char *line, unsigned depth, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        const char *started = NULL;
        int r;

        if (depth >= SCRIPTS_MAX)
                return error_set(error, ELOOP, "'%s' is a script of a script without end", real);
        line[strcspn(line, "\n")] = 0;
        if (strv_split(line + 2, " \t\r", &words) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (words && words[0][0] == '/' && strcmp(strrchr(words[0], '/'), "/env") == 0)
                started = env_program(words);
        if (!words || words[0][0] != '/' || !utf8_is_plain(words[0]) ||
            (started && !utf8_is_plain(started)))
                return error_set(error, ENOEXEC, "'%s' is a script without an interpreter", real);
        r = add_program(c, words[0], NULL, depth + 1, error);
        if (r >= 0 && started)
                r = add_program(c, started, NULL, depth + 1, error);
        return r < 0 ? error_prefix(error, "The interpreter of '%s'", real) : 0;
}

static int find_program(const Closure *c, const char *word, char **ret, Error *error)
{
        static const char *const directories[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                                   "/usr/bin",        "/sbin",          "/bin" };

        if (word[0] == '/') {
                *ret = strdup(word);
                return *ret ? 0 : error_set(error, ENOMEM, "Out of memory");
        }
        for (size_t i = 0; i < ELEMENTSOF(directories) && !strchr(word, '/'); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/%s", directories[i], word) < 0) {
                        path = NULL;
                        return error_set(error, ENOMEM, "Out of memory");
                }
                if (path_exists(c->carry.root_fd, path) >= 0) {
                        *ret = TAKE_PTR(path);
                        return 0;
                }
        }
        if (strchr(word, '/'))
                return error_set(error, EINVAL, "'%s' is no path in a tree: those begin with '/'",
                                 word);
        return error_set(error, ENOENT, "There is no program '%s'", word);
}

static int add_program(Closure *c, const char *word, char **ret_path, unsigned depth, Error *error)
{
        _cleanup_free_ char *path = NULL, *real = NULL;
        _cleanup_close_ int fd = -EBADF;
        char line[256] = "";
        ssize_t n;
        int r = find_program(c, word, &path, error);

        if (r < 0)
                return r;
        fd = path_open_regular(c->carry.root_fd, path);
        if (fd == -EBADFD)
                return cannot_take(fd, path, error);
        n = fd < 0 ? fd : pread(fd, line, sizeof(line) - 1, 0);
        if (n < 0)
                return error_errno(error, fd < 0 ? -fd : errno, "Failed to read '%s'", path);
        if (line[0] == '#' && line[1] == '!') {
                r = add_path(c, path, "asked for", &real, error);
                if (r >= 0)
                        r = add_script(c, real, line, depth, error);
        } else {
                r = add_elf(c, path, "asked for", NULL, 0, error);
        }
        if (r >= 0 && ret_path)
                *ret_path = TAKE_PTR(path);
        return r;
}

int closure_add_program(Closure *c, const char *word, char **ret_path, Error *error)
{
        return add_program(c, word, ret_path, 0, error);
}

int closure_add_library(Closure *c, const char *soname, const char *why, Error *error)
{
        _cleanup_close_ int fd = c->first ? path_open_regular(c->carry.root_fd, c->first) : -EBADF;
        _cleanup_elf_file_ ElfFile e = ELF_FILE_NULL;
        const LibraryLoader loader = { &e, "/", NULL };

        if (fd < 0 || elf_file_read(fd, &e) < 0)
                return 0;
        return add_library(c, &loader, soname, why, 0, error);
}

int closure_add_all(Closure *c, const char *path, Error *error)
{
        size_t before = c->carry.n, after;
        int r = carry_add_all(&c->carry, path, "added");

        if (r < 0)
                return cannot_take(r, path, error);
        after = c->carry.n;
        for (size_t i = before; r >= 0 && i < after; i++) {
                const char *file = c->carry.items[i].path;
                _cleanup_close_ int fd = S_ISREG(c->carry.items[i].type)
                                                 ? path_open_regular(c->carry.root_fd, file)
                                                 : -EBADF;
                _cleanup_elf_needs_ ElfNeeds needs = ELF_NEEDS_NULL;
                _cleanup_free_ char *directory = directory_of(file);
                const Part part = { &needs, file, { &needs.file, directory, NULL }, false };

                if (!directory)
                        return error_set(error, ENOMEM, "Out of memory");
                if (fd >= 0 && elf_needs_read(fd, file, &needs, NULL) >= 0)
                        r = add_parts(c, &part, 0, error);
        }
        return r;
}
