/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ld.so.cache: right for one stack only, so it is made anew for each whose layers bring libraries,
 * and again for a machine that has libraries of its own. */

#include "stack/merge-parts.h"

#include "stack/ldconfig.h"
#include "store/checkout.h"

#include "base/strv.h"
#include "os/elf-machine.h"

#include <fcntl.h>
#include <string.h>

#define CACHE "/etc/ld.so.cache"

static int64_t newest(const Manifest *m, int64_t time)
{
        for (size_t i = 0; i < m->n; i++)
                if (m->entries[i].kind != ENTRY_WHITEOUT && ldconfig_cares(m->entries[i].path))
                        time = MAX_OF(time, m->entries[i].mtime);
        return time;
}

static bool brings_libraries(const Manifest *m)
{
        for (size_t i = 0; i < m->n; i++)
                if (ldconfig_cares(m->entries[i].path))
                        return true;
        return false;
}

/* Of a program; "": none. */
static const char *architecture_of(int fd)
{
        char header[ELF_MACHINE_HEADER];
        ElfMachine machine;

        return fd >= 0 && pread(fd, header, sizeof(header), 0) == sizeof(header) &&
                               elf_machine_read(header, sizeof(header), &machine)
                       ? machine.name
                       : "";
}

/* Whether the host's ldconfig speaks for this tree: it has one itself, for the same processor. */
static bool is_for_us(const Merge *m)
{
        static const char *const paths[] = { "/usr/sbin/ldconfig.real", "/sbin/ldconfig.real",
                                             "/usr/sbin/ldconfig", "/sbin/ldconfig" };
        _cleanup_close_ int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

        if (!merge_seen(m, false, "/etc/ld.so.conf").entry)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                Side s = merge_seen(m, false, paths[i]);
                _cleanup_close_ int fd = -EBADF;

                if (!s.entry || s.file)
                        continue;
                fd = view_open(s.view, m->store, &s.place);
                return strcmp(architecture_of(fd), architecture_of(self)) == 0;
        }
        return false;
}

/* Directories that a file of the linker's configuration names. */
static int read_directories(Merge *m, const char *path, char ***directories)
{
        Side s = merge_seen(m, true, path);
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **words = NULL;
        size_t size;
        int r = merge_read_text(m, &s, &text, &size);

        if (r >= 0 && text)
                r = strv_split(text, " \t\n:,", &words);
        STRV_FOREACH (word, words) {
                _cleanup_free_ char *through = NULL;

                if (r < 0 || **word != '/')
                        continue;
                (void)merge_seen_through(m, true, *word, &through);
                if (through && !strv_contains(*directories, through))
                        r = strv_push(directories, through);
        }
        return r;
}

/* Where the linker looks, besides its configuration itself. */
static int find_directories(Merge *m, char ***ret)
{
        static const char *const always[] = {
                "/etc",   "/etc/ld.so.conf.d", "/lib",   "/usr/lib",
                "/lib32", "/usr/lib32",        "/lib64", "/usr/lib64",
        };
        _cleanup_strv_ char **directories = NULL, **names = NULL;
        int r = merge_seen_names(m, true, "/etc/ld.so.conf.d", &names);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(always); i++)
                r = strv_push(&directories, always[i]);
        STRV_FOREACH (name, names) {
                _cleanup_free_ char *path = NULL;

                if (r >= 0 && asprintf(&path, "/etc/ld.so.conf.d/%s", *name) < 0) {
                        path = NULL;
                        r = -ENOMEM;
                }
                if (r >= 0)
                        r = read_directories(m, path, &directories);
        }
        if (r >= 0)
                r = read_directories(m, "/etc/ld.so.conf", &directories);
        if (r >= 0)
                *ret = TAKE_PTR(directories);
        return r;
}

static int run(Merge *m, bool state, char **ret, size_t *ret_size)
{
        const Generation *g = m->request->after;
        _cleanup_strv_ char **lowers = NULL, **directories = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < g->n_layers; i++) {
                _cleanup_free_ char *path = NULL;

                r = checkout_make(m->store, &g->layers[i].tree, NULL, &path, m->error);
                if (r < 0)
                        return r;
                r = strv_push(&lowers, path);
        }
        if (r >= 0 && state)
                r = find_directories(m, &directories);
        if (r < 0)
                return error_errno(m->error, -r, "Failed to find the libraries of the stack");
        return ldconfig_run(
                &(LdconfigRequest){
                        .lowers = lowers,
                        .generated = &m->generated,
                        .store = m->store,
                        .upper_fd = state ? m->request->upper_fd : -EBADF,
                        .directories = directories,
                },
                ret, ret_size, m->error);
}

/* The cache of the layers, or of the state, unless what is below is just that. */
static int make(Merge *m, bool state, int64_t time)
{
        Entry e = { .kind = ENTRY_FILE, .mode = 0644, .mtime = time };
        _cleanup_(merged_file_freep) MergedFile *file = NULL;
        _cleanup_free_ char *content = NULL;
        Side below = merge_seen(m, false, CACHE);
        size_t size;
        int r = run(m, state, &content, &size);

        if (r < 0)
                return r;
        e.size = size;
        r = merged_file_new(CACHE, &e, NULL, &file);
        if (r < 0)
                return merge_out_of_memory(m);
        file->content = TAKE_PTR(content);
        if (merged_file_hash(file) < 0)
                return merge_out_of_memory(m);
        if (below.entry && hash_equal(&below.entry->content, &file->entry.content)) {
                if (!state || !manifest_find(&m->upper, CACHE))
                        return 0;
                file->reveal = true;
        }
        r = merged_files_set_consume(state ? &m->edits : &m->generated, TAKE_PTR(file));
        return r < 0 ? merge_out_of_memory(m) : 0;
}

/* The state has a cache and no libraries: that of the layers is right. */
static int reveal(Merge *m)
{
        MergedFile *file;
        int r = merged_file_new_whiteout(CACHE, &file);

        if (r >= 0) {
                file->reveal = true;
                r = merged_files_set_consume(&m->edits, file);
        }
        return r < 0 ? merge_out_of_memory(m) : 0;
}

static int report(Merge *m, const char *layer)
{
        const Sides s = { .path = CACHE, .layer = layer };

        return merge_report(m, DRIFT_REGENERATED, &s, NULL, false) < 0 ? merge_out_of_memory(m) : 0;
}

static int fix_layers(Merge *m)
{
        const Generation *g = m->request->after;
        const Side below = merge_side(&m->after, CACHE);
        int64_t time = below.entry ? below.entry->mtime : 0;
        const char *last = NULL;

        for (size_t i = 1; i < g->n_layers; i++) {
                Manifest *layer;
                int r = merge_load_tree(m, &g->layers[i].tree, &layer);

                if (r < 0)
                        return r;
                if (brings_libraries(layer))
                        last = g->layers[i].name;
                time = newest(layer, time);
        }
        if (last && !m->request->look_only) {
                int r = make(m, false, time);

                if (r < 0)
                        return r;
        }
        return last ? report(m, last) : 0;
}

static int fix_state(Merge *m)
{
        bool libraries = brings_libraries(&m->upper), cache = manifest_find(&m->upper, CACHE);
        int r = 0;

        if (!merge_changes_stack(m) || (!libraries && !cache))
                return 0;
        if (!m->request->look_only)
                r = libraries ? make(m, true, newest(&m->upper, 0)) : reveal(m);
        return r < 0 ? r : report(m, NULL);
}

int merge_fix_libraries(Merge *m)
{
        int r;

        if (!is_for_us(m))
                return 0;
        r = fix_layers(m);
        return r < 0 ? r : fix_state(m);
}
