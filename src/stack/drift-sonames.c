/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Libraries that programs of layers or of the state need, and that the new stack has nowhere. One
 * that lies anywhere counts as there: where a program looks for its own ones is its own affair. */

#include "stack/merge-parts.h"

#include "base/strv.h"
#include "os/elf-file.h"

#include <search.h>
#include <string.h>

/* The names of all files of the stack that may be libraries, for tfind(). */
typedef struct Names {
        void *tree;
} Names;

static int compare(const void *a, const void *b)
{
        return strcmp(a, b);
}

static void keep(void *unused)
{
        /* the names belong to manifests */
}

static void names_done(Names *names)
{
        tdestroy(names->tree, keep);
}

static const char *base_name(const char *path)
{
        return strrchr(path, '/') + 1;
}

static bool is_library(const char *path)
{
        return strstr(base_name(path), ".so") != NULL;
}

static int collect(Names *names, const View *v)
{
        for (size_t i = 0; i < v->n; i++)
                if (is_library(v->entries[i].path) &&
                    !tsearch(base_name(v->entries[i].path), &names->tree, compare))
                        return -ENOMEM;
        return 0;
}

static int check(Merge *m, const View *v, const ViewEntry *e, const char *layer, const Names *names)
{
        _cleanup_close_ int fd = view_open(v, m->store, e);
        _cleanup_elf_file_ ElfFile file = ELF_FILE_NULL;
        int r = fd < 0 ? 0 : elf_file_read(fd, &file);

        if (r < 0 && r != -ENOMEM)
                r = 0; /* what cannot be read needs nothing */
        STRV_FOREACH (name, file.needed)
                if (r >= 0 && !strchr(*name, '/') && !tfind(*name, &names->tree, compare))
                        r = merge_warn(m, "'%s' of %s needs %s, which is nowhere in the new stack",
                                       e->path, layer ?: "the machine", *name);
        return r;
}

/* Files above the lowest layer that are seen, and may be programs or libraries. */
static int check_view(Merge *m, const View *v, const Names *names)
{
        const Generation *g = m->request->after;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                const ViewEntry *e = v->entries + i;

                if (e->layer == 0 || e->entry->kind != ENTRY_FILE || e->entry->size == 0 ||
                    e->layer == m->after.n_layers || /* generated: checked where it came from */
                    (!(e->entry->mode & 0111) && !is_library(e->path)))
                        continue;
                r = check(m, v, e, e->layer < g->n_layers ? g->layers[e->layer].name : NULL, names);
        }
        return r;
}

int drift_sonames(Merge *m)
{
        _cleanup_(names_done) Names names = {};
        const View *v = m->seen.n > 0 ? &m->seen : &m->after;
        int r = collect(&names, v);

        if (r >= 0)
                r = check_view(m, v, &names);
        return r < 0 ? merge_out_of_memory(m) : 0;
}
