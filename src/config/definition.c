/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the files of a definition: which of them there are, which hide which, in what order they
 * are read, and whether they are to be trusted. What is in them is definition-parse.c's. */

#include "config/definition.h"

#include "base/fd.h"
#include "base/strv.h"
#include "config/later-option.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DEFINITION_SIZE_MAX (1024 * 1024) /* far beyond what a person writes */

static const char *const machine_directories[] = { "/etc/stead", "/run/stead", "/usr/lib/stead" };
static const char *const nspawn_directories[] = { "/etc/systemd/nspawn", "/run/systemd/nspawn" };

static const char *kind_of(const DefinitionPlace *place)
{
        return place->pod ? "pod" : "machine";
}

void passed_key_done(PassedKey *k)
{
        free(k->section);
        free(k->key);
        free(k->value);
        free(k->origin);
        *k = (PassedKey){};
}

Definition *definition_free(Definition *d)
{
        if (!d)
                return NULL;
        free(d->name);
        free(d->path);
        strv_free(d->files);
        assignments_done(&d->assignments);
        for (size_t i = 0; i < d->n_passed; i++)
                passed_key_done(&d->passed[i]);
        free(d->passed);
        free(d);
        return NULL;
}

static const char *file_type(mode_t mode)
{
        return S_ISDIR(mode)                    ? "a directory"
               : S_ISFIFO(mode)                 ? "a fifo"
               : S_ISSOCK(mode)                 ? "a socket"
               : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                                : "something else";
}

/* A link to /dev/null is how a file of a lower directory is hidden. */
static bool is_mask(const struct stat *st)
{
        struct stat null;

        return S_ISCHR(st->st_mode) && stat("/dev/null", &null) >= 0 && null.st_rdev == st->st_rdev;
}

/* Opens and reads; 1 and no text for a mask, -ENOENT quietly. Any other trouble is in @error. */
static int read_definition(const char *path, bool trusted, char **ret_text, size_t *ret_size,
                           Error *error)
{
        /* O_NONBLOCK: a fifo must not hold us. Beside the tree, where others may write, no links.
         */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
                                                    (trusted ? 0 : O_NOFOLLOW));
        struct stat st;
        ssize_t n;

        if (fd < 0 && errno == ENOENT)
                return -ENOENT;
        if (fd < 0 && errno == ELOOP && !trusted)
                return error_set(error, ELOOP, "a symbolic link, which is not followed here");
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(error, errno, "Failed to read");
        if (is_mask(&st))
                return 1;
        if (!S_ISREG(st.st_mode))
                return error_set(error, EINVAL, "%s, not a regular file", file_type(st.st_mode));
        n = read_fd(fd, DEFINITION_SIZE_MAX, ret_text);
        if (n == -EFBIG)
                return error_set(error, EFBIG, "larger than 1 MiB");
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read");
        *ret_size = (size_t)n;
        return 0;
}

/* Reads one file into @d. 1 if it is a mask. What is wrong with it is diagnosed, not returned. */
static int load_file(Definition *d, const char *path, DefinitionDialect dialect,
                     Diagnostics *diagnostics)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = read_definition(path, dialect != DEFINITION_NSPAWN_UNTRUSTED, &text, &size, &error);

        if (r != 0 && error.number == 0)
                return r;
        if (r >= 0)
                r = strv_push(&d->files, path);
        if (error.number != 0)
                return diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, path, &error);
        return r < 0 ? r : definition_parse(d, path, text, size, dialect, diagnostics);
}

typedef struct DropIn {
        char *name, *path;
} DropIn;

typedef struct DropIns {
        DropIn *items;
        size_t n;
} DropIns;

static void drop_ins_done(DropIns *d)
{
        for (size_t i = 0; i < d->n; i++) {
                free(d->items[i].name);
                free(d->items[i].path);
        }
        free(d->items);
}

/* The first of a name hides the others, so directories come in order of precedence. */
static int drop_ins_add(DropIns *d, const char *directory, const char *name)
{
        DropIn *grown;
        DropIn item = {};

        for (size_t i = 0; i < d->n; i++)
                if (strcmp(d->items[i].name, name) == 0)
                        return 0;
        grown = reallocarray(d->items, d->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        d->items = grown;
        item.name = strdup(name);
        if (!item.name || asprintf(&item.path, "%s/%s", directory, name) < 0) {
                free(item.name);
                return -ENOMEM;
        }
        grown[d->n++] = item;
        return 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
        size_t n = strlen(name), m = strlen(suffix);

        return n > m && strcmp(name + n - m, suffix) == 0;
}

static int drop_ins_scan(DropIns *d, const DefinitionPlace *place, const char *top,
                         const char *stem)
{
        _cleanup_free_ char *directory = NULL;
        _cleanup_closedir_ DIR *stream = NULL;

        if (asprintf(&directory, "%s%s/%s.d", place->root, top, stem) < 0) {
                directory = NULL;
                return -ENOMEM;
        }
        if (place->drop_ins && !strv_contains(place->drop_ins, directory))
                return 0;
        stream = opendir(directory);
        if (!stream)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        for (struct dirent *e; (e = readdir(stream));) {
                int r = has_suffix(e->d_name, ".conf") && e->d_name[0] != '.'
                                ? drop_ins_add(d, directory, e->d_name)
                                : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_drop_ins(const void *a, const void *b)
{
        return strcmp(((const DropIn *)a)->name, ((const DropIn *)b)->name);
}

/* All drop-ins in the order in which they are read. @ret_own tells how many are this machine's. */
static int drop_ins_find(DropIns *d, const DefinitionPlace *place, const char *name,
                         size_t *ret_own)
{
        const char *kind = kind_of(place);
        _cleanup_free_ char *stem = NULL;
        int r = 0;

        if (asprintf(&stem, "%s.%s", name, kind) < 0) {
                stem = NULL;
                return -ENOMEM;
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(machine_directories); i++)
                r = drop_ins_scan(d, place, machine_directories[i], stem);
        *ret_own = d->n;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(machine_directories); i++)
                r = drop_ins_scan(d, place, machine_directories[i], kind);
        if (r >= 0 && d->n > 0)
                qsort(d->items, d->n, sizeof(*d->items), compare_drop_ins);
        return r;
}

/* The first file of that name and dialect. 1 if found, 0 if not. */
static int load_main(Definition *d, const char *root, DefinitionDialect dialect,
                     Diagnostics *diagnostics, Error *error)
{
        bool nspawn = dialect == DEFINITION_NSPAWN;
        const char *suffix = nspawn ? "nspawn" : dialect == DEFINITION_POD ? "pod" : "machine";
        const char *const *directories = nspawn ? nspawn_directories : machine_directories;
        size_t n = nspawn ? ELEMENTSOF(nspawn_directories) : ELEMENTSOF(machine_directories);

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;
                int r;

                if (asprintf(&path, "%s%s/%s.%s", root, directories[i], d->name, suffix) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = load_file(d, path, dialect, diagnostics);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                if (r > 0) {
                        r = error_set(error, ERFKILL, "%s '%s' is masked by %s",
                                      dialect == DEFINITION_POD ? "Pod" : "Machine", d->name, path);
                        error_hint(error, "rm %s", path);
                        return r;
                }
                d->path = TAKE_PTR(path);
                return 1;
        }
        return 0;
}

/* NAME.nspawn in systemd's directories, else beside the tree. 1 if found. */
static int load_nspawn(Definition *d, const DefinitionPlace *place, Diagnostics *diagnostics,
                       Error *error)
{
        _cleanup_free_ char *path = NULL;
        bool trusted = place->trust == DEFINITION_TRUST_ALL;
        const char *tree = place->tree;
        size_t parent;
        int r = load_main(d, place->root, DEFINITION_NSPAWN, diagnostics, error);

        if (r != 0 || !tree)
                return r;
        for (parent = strlen(tree); parent > 0 && tree[parent - 1] == '/';)
                parent--;
        while (parent > 0 && tree[parent - 1] != '/')
                parent--;
        if (asprintf(&path, "%.*s%s.nspawn", (int)parent, tree, d->name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = load_file(d, path, trusted ? DEFINITION_NSPAWN : DEFINITION_NSPAWN_UNTRUSTED,
                      diagnostics);
        if (r != 0) /* missing, or masked */
                return r == -ENOENT || r > 0 ? 0 : r;
        d->trusted = trusted;
        d->path = TAKE_PTR(path);
        return 1;
}

static int load_all(Definition *d, const DefinitionPlace *place, Diagnostics *diagnostics,
                    Error *error)
{
        DefinitionDialect dialect = place->pod ? DEFINITION_POD : DEFINITION_MACHINE;
        _cleanup_(drop_ins_done) DropIns drop_ins = {};
        size_t own = 0;
        int r = drop_ins_find(&drop_ins, place, d->name, &own);

        if (r >= 0)
                r = load_main(d, place->root, dialect, diagnostics, error);
        if (r == 0 && own == 0 && !place->pod)
                r = load_nspawn(d, place, diagnostics, error);
        if (r < 0)
                return r;
        if (r == 0 && own == 0)
                return -ENOENT;
        for (size_t i = 0; i < drop_ins.n; i++) {
                r = load_file(d, drop_ins.items[i].path, dialect, diagnostics);
                if (r < 0 && r != -ENOENT) /* gone since the directory was listed */
                        return r;
        }
        return 0;
}

int definition_read(const DefinitionPlace *place, const char *name, Definition **ret,
                    Diagnostics *diagnostics, Error *error)
{
        _cleanup_definition_ Definition *d = NULL;
        int r;

        if (!machine_name_is_valid(name)) {
                r = error_set(error, EINVAL, "'%s' is not a %s name", name, kind_of(place));
                error_hint(error, place->pod ? "ls /etc/stead/*.pod" : "stead list");
                return r;
        }
        d = calloc(1, sizeof(*d));
        if (d)
                *d = (Definition){ .name = strdup(name), .trusted = true };
        r = d && d->name ? load_all(d, place, diagnostics, error) : -ENOMEM;
        if (r >= 0 && !place->pod)
                r = later_diagnose(&d->assignments, diagnostics);
        if (r == -ENOENT) {
                r = error_set(error, ENOENT, "There is no definition of %s '%s'", kind_of(place),
                              name);
                error_hint(error,
                           place->pod ? "write /etc/stead/%s.pod, see stead.pod(5)"
                                      : "stead edit %s",
                           name);
                return r;
        }
        if (r < 0)
                return error && error->number != 0 ? r
                                                   : error_errno(error, -r,
                                                                 "Failed to read the definition of "
                                                                 "%s '%s'",
                                                                 kind_of(place), name);
        *ret = TAKE_PTR(d);
        return 0;
}

int definition_load(const char *root, const char *name, const char *tree, DefinitionTrust trust,
                    Definition **ret, Diagnostics *diagnostics, Error *error)
{
        _cleanup_definition_ Definition *d = NULL;
        size_t before = diagnostics->n_errors;
        int r = definition_read(&(DefinitionPlace){ root, tree, trust, NULL, false }, name, &d,
                                diagnostics, error);

        if (r < 0)
                return r;
        if (diagnostics->n_errors > before) {
                r = diagnostics_first(diagnostics, error);
                if (diagnostics->n_errors > before + 1)
                        error_hint(error, "stead check %s   (prints all %zu errors)", name,
                                   diagnostics->n_errors - before);
                else if (error && !error->hint)
                        error_hint(error, "stead edit %s", name);
                return -EINVAL;
        }
        *ret = TAKE_PTR(d);
        return 0;
}

static int list_directory(const char *root, const char *directory, const char *suffix,
                          char ***names)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *stream = NULL;

        if (asprintf(&path, "%s%s", root, directory) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        stream = opendir(path);
        if (!stream)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *e; (e = readdir(stream));) {
                _cleanup_free_ char *name = NULL;
                int r;

                if (!has_suffix(e->d_name, suffix))
                        continue;
                name = strndup(e->d_name, strlen(e->d_name) - strlen(suffix));
                if (!name)
                        return -ENOMEM;
                if (!machine_name_is_valid(name) || strv_contains(*names, name))
                        continue;
                r = strv_push(names, name);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Of the link, too: another file under the same name is a change. */
static void look_at(const char *path, uint64_t *latest)
{
        struct stat st;

        for (int i = 0; i < 2; i++) {
                if (i == 0 ? lstat(path, &st) < 0 : stat(path, &st) < 0)
                        return;
                *latest = MAX_OF(*latest, (uint64_t)st.st_mtim.tv_sec * USEC_PER_SEC +
                                                  (uint64_t)st.st_mtim.tv_nsec / 1000);
        }
}

/* @top/@stem@suffix, and if it is a directory what is in it. */
static int look_below(const char *root, const char *top, const char *stem, const char *suffix,
                      uint64_t *latest)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *stream = NULL;

        if (asprintf(&path, "%s%s/%s%s", root, top, stem, suffix) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        look_at(path, latest);
        stream = opendir(path);
        for (struct dirent *e; stream && (e = readdir(stream));) {
                _cleanup_free_ char *file = NULL;

                if (asprintf(&file, "%s/%s", path, e->d_name) < 0) {
                        file = NULL;
                        return -ENOMEM;
                }
                if (has_suffix(e->d_name, ".conf"))
                        look_at(file, latest);
        }
        return 0;
}

int definition_last_change(const char *root, const char *name, uint64_t *ret)
{
        uint64_t latest = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(machine_directories); i++) {
                const char *top = machine_directories[i];

                /* in /run/stead the state of machines comes and goes as well */
                if (strncmp(top, "/run/", 5) != 0)
                        r = look_below(root, top, "", "", &latest);
                if (r >= 0)
                        r = look_below(root, top, name, ".machine", &latest);
                if (r >= 0)
                        r = look_below(root, top, name, ".machine.d", &latest);
                if (r >= 0)
                        r = look_below(root, top, "machine", ".d", &latest);
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(nspawn_directories); i++)
                r = look_below(root, nspawn_directories[i], name, ".nspawn", &latest);
        if (r >= 0)
                *ret = latest;
        return r;
}

/* Those below @directory whose name ends in ".d". */
static int list_drop_ins(const char *root, const char *directory, char ***paths)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *stream = NULL;
        int r = 0;

        if (asprintf(&path, "%s%s", root, directory) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        stream = opendir(path);
        if (!stream)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        for (struct dirent *e; r >= 0 && (e = readdir(stream));)
                if (has_suffix(e->d_name, ".d"))
                        r = strv_pushf(paths, "%s/%s", path, e->d_name);
        return r;
}

int definition_list_drop_ins(const char *root, char ***ret)
{
        _cleanup_strv_ char **paths = NULL;
        int r = strv_push(&paths, "/"); /* an empty list, unlike none */

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(machine_directories); i++)
                r = list_drop_ins(root, machine_directories[i], &paths);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

int definition_list(const char *root, char ***ret)
{
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(machine_directories); i++) {
                r = list_directory(root, machine_directories[i], ".machine", &names);
                if (r >= 0)
                        r = list_directory(root, machine_directories[i], ".machine.d", &names);
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(nspawn_directories); i++)
                r = list_directory(root, nspawn_directories[i], ".nspawn", &names);
        if (r < 0)
                return r;
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}

int definition_list_pods(const char *root, char ***ret)
{
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(machine_directories); i++) {
                r = list_directory(root, machine_directories[i], ".pod", &names);
                if (r >= 0)
                        r = list_directory(root, machine_directories[i], ".pod.d", &names);
        }
        if (r < 0)
                return r;
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}
