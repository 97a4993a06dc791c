/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a published directory is of no use any more. All is read from the directory, since other
 * stores may publish there, too; anything that cannot be read ends it before the first file goes.
 */

#include "store/publish.h"

#include "base/fd.h"
#include "base/strv.h"
#include "store/compress.h"
#include "store/content-list.h"
#include "store/pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SEPARATOR "\nstead-commit 1\n"

typedef struct Prune {
        const Publication *site;
        unsigned keep;
        char **needed; /* paths, sorted once all are in */
        size_t n, allocated;
        PruneResult result;
} Prune;

static int need(Prune *p, SitePath path)
{
        if (p->n == p->allocated) {
                size_t allocated = p->allocated ? 2 * p->allocated : 1024;
                char **grown = reallocarray(p->needed, allocated, sizeof(char *));

                if (!grown)
                        return -ENOMEM;
                p->needed = grown;
                p->allocated = allocated;
        }
        p->needed[p->n] = strdup(path.path);
        return p->needed[p->n] ? (p->n++, 0) : -ENOMEM;
}

static int read_site(const Prune *p, const SitePath *path, uint64_t limit, Buffer *ret,
                     Error *error)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(p->site->fd, path->path, limit, &text);

        if (n < 0) {
                error_hint(error, "stead publish %s LAYER  (brings it again)", p->site->path);
                return error_errno(error, (int)-n, "Failed to read '%s/%s'", p->site->path,
                                   path->path);
        }
        buffer_append(ret, text, (size_t)n);
        return buffer_error(ret) < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}

static int need_tree(Prune *p, const Hash *tree, bool newest, Error *error)
{
        _cleanup_buffer_ Buffer packed = BUFFER_NULL, text = BUFFER_NULL, index_text = BUFFER_NULL;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        SitePath path = site_tree(tree), packs = site_packs(tree);
        PackIndex index = {};
        int r = read_site(p, &path, SITE_MANIFEST_MAX, &packed, error);

        if (r < 0)
                return r;
        if (decompress_memory(packed.data, packed.size, NULL, 0, SITE_MANIFEST_MAX, &text) < 0)
                return error_set(error, EBADMSG, "'%s/%s' is damaged", p->site->path, path.path);
        r = manifest_parse(path.path, text.data, text.size, &m, error);
        if (r >= 0 && newest)
                r = read_site(p, &packs, SITE_REF_MAX, &index_text, error);
        if (r >= 0 && newest)
                r = pack_index_parse(packs.path, index_text.data, index_text.size, &index, error);
        if (r < 0)
                return r;
        r = need(p, path);
        if (r >= 0 && newest)
                r = need(p, packs);
        for (size_t i = 0; r >= 0 && i < index.n; i++)
                r = need(p, site_pack(&index.packs[i].content));
        for (size_t i = 0; r >= 0 && i < m.n; i++)
                if (m.entries[i].kind == ENTRY_FILE && m.entries[i].size > 0)
                        r = need(p, site_content(&m.entries[i].content));
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}

/* One version of a ref, and the ways to the newest from it. Returns whether it is published. */
static int need_version(Prune *p, const Hash *commit, const Hash *tree, const Hash *newest,
                        Error *error)
{
        bool is_newest = hash_equal(tree, newest);
        int r;

        if (faccessat(p->site->fd, site_tree(tree).path, F_OK, 0) < 0 && !is_newest)
                return 0; /* was never published here */
        r = need(p, site_commit(commit));
        if (r >= 0 && !is_newest)
                r = need(p, site_delta(tree, newest));
        if (r >= 0 && !is_newest)
                r = need(p, site_tree_patch(tree, newest));
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = need_tree(p, tree, is_newest, error);
        return r < 0 ? r : 1;
}

static int need_ref(Prune *p, const char *name, Error *error)
{
        _cleanup_buffer_ Buffer file = BUFFER_NULL;
        _cleanup_ref_ Ref ref = REF_NULL;
        const char *at, *end;
        unsigned kept = 0;
        Hash newest = HASH_NULL, wanted;
        SitePath path;
        int r = publication_load_ref(p->site, name, &ref, error);

        if (r < 0)
                return r;
        wanted = ref.commit;
        path = site_commit(&wanted);
        r = read_site(p, &path, SITE_COMMITS_MAX, &file, error);
        at = file.data;
        end = at + file.size;
        while (r >= 0 && kept <= p->keep && at < end) {
                const char *next = memmem(at, (size_t)(end - at), SEPARATOR, strlen(SEPARATOR));
                size_t size = (size_t)((next ? next + 1 : end) - at);
                _cleanup_commit_ Commit c = COMMIT_NULL;

                r = commit_parse(path.path, at, size, &c, error);
                if (r < 0)
                        return r;
                if (at == file.data)
                        newest = c.tree;
                r = need_version(p, &wanted, &c.tree, &newest, error);
                kept += r > 0;
                wanted = c.parent;
                at += size;
        }
        return r;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int remove_file(Prune *p, const char *path)
{
        struct stat st;

        if (p->n > 0 && bsearch(&path, p->needed, p->n, sizeof(char *), compare))
                return 0;
        if (fstatat(p->site->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
                return 0;
        if (unlinkat(p->site->fd, path, 0) < 0)
                return -errno;
        p->result.n_files++;
        p->result.bytes += (uint64_t)st.st_size;
        return 0;
}

/* @depth: directories below this one are looked into. */
static int sweep(Prune *p, const char *directory, int depth)
{
        int fd = openat(p->site->fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
        int r = 0;

        for (struct dirent *e; r >= 0 && d && (e = readdir(d));) {
                _cleanup_free_ char *path = NULL;

                if (e->d_name[0] == '.')
                        continue;
                if (asprintf(&path, "%s/%s", directory, e->d_name) < 0)
                        return -ENOMEM;
                r = depth > 0 ? sweep(p, path, depth - 1) : remove_file(p, path);
        }
        return r;
}

static int sweep_all(Prune *p, Error *error)
{
        static const struct {
                const char *name;
                int depth;
        } directories[] = {
                { "deltas", 0 }, { "packs", 0 }, { "trees", 0 }, { "commits", 0 }, { "contents", 1 }
        };
        int r = 0;

        if (p->n > 0)
                qsort(p->needed, p->n, sizeof(char *), compare);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(directories); i++)
                r = sweep(p, directories[i].name, directories[i].depth);
        return r < 0 ? publication_error(p->site, r, error) : 0;
}

int publish_prune(const Publication *site, unsigned keep, PruneResult *ret, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        Prune p = { .site = site, .keep = keep };
        int r = publication_list_refs(site, &names, error);

        for (char **name = names; r >= 0 && name && *name; name++)
                r = need_ref(&p, *name, error);
        if (r >= 0)
                r = sweep_all(&p, error);
        for (size_t i = 0; i < p.n; i++)
                free(p.needed[i]);
        free(p.needed);
        if (r >= 0)
                *ret = p.result;
        return r;
}
