/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks from the roots, then sweeps in an order that leaves a sound store whenever it is killed:
 * what refers to something goes before it. Nobody adds meanwhile, since the store is locked. */

#include "store/gc.h"

#include "base/fd.h"
#include "store/checkout-parts.h"
#include "store/hash-map.h"
#include "store/object-list.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A pull that was cut may find what it has got so far for so long. */
#define STAGE_SECONDS (24 * 3600)

typedef struct Gc {
        Store *store;
        unsigned first; /* byte of the objects that are swept */
        const GcRequest *request;
        HashMap trees, objects, commits;
        Hash *queue; /* commits that are still to be marked, each for itself */
        size_t n_queue, allocated;
        GcResult result;
        Error *error;
} Gc;

static int out_of_memory(const Gc *g)
{
        return error_set(g->error, ENOMEM, "Out of memory");
}

static int mark_objects(Gc *g, const Manifest *m)
{
        for (size_t i = 0; i < m->n; i++) {
                Hash id;

                if (!entry_is_object(&m->entries[i]))
                        continue;
                if (entry_object_id(g->store->hasher, &m->entries[i], &id) < 0 ||
                    hash_map_put(&g->objects, &id, HASH_MAP_MEMBER) < 0)
                        return out_of_memory(g);
        }
        return 0;
}

/* What is damaged ends it: nobody knows what it would need. */
static int mark_tree(Gc *g, const Hash *tree)
{
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = hash_map_put(&g->trees, tree, HASH_MAP_MEMBER);

        if (r <= 0)
                return r < 0 ? out_of_memory(g) : 0;
        r = store_load_tree(g->store, tree, &m, &problem);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return error_move(g->error, &problem);
        if (progress_step(g->request->progress, 0, m.n) < 0)
                return error_set(g->error, ECANCELED, "Interrupted");
        return mark_objects(g, &m);
}

static int queue_commit(Gc *g, const Hash *commit)
{
        if (g->n_queue == g->allocated) {
                Hash *grown = reallocarray(g->queue, g->allocated + 64, sizeof(Hash));

                if (!grown)
                        return out_of_memory(g);
                g->queue = grown;
                g->allocated += 64;
        }
        g->queue[g->n_queue++] = *commit;
        return 0;
}

/* Its tree, and the layers that it was made on: a merge compares with them. @ret_parent: or NULL.
 * 0: it is not here. */
static int mark_commit(Gc *g, const Hash *commit, Hash *ret_parent)
{
        _cleanup_commit_ Commit c = COMMIT_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = store_load_commit(g->store, commit, &c, &problem);

        if (r < 0)
                return r == -ENOENT ? 0 : error_move(g->error, &problem);
        r = mark_tree(g, &c.tree);
        for (size_t i = 0; r >= 0 && i < c.n_bases; i++)
                r = queue_commit(g, &c.bases[i].commit);
        if (ret_parent)
                *ret_parent = c.parent;
        return r < 0 ? r : 1;
}

static int mark_history(Gc *g, const Hash *head, unsigned keep)
{
        Hash at = *head, parent;
        int r = 1;

        for (unsigned n = 0; r > 0 && n < keep && !hash_is_null(&at); n++) {
                r = mark_commit(g, &at, &parent);
                if (r > 0)
                        at = parent;
        }
        return r;
}

static int mark_queue(Gc *g)
{
        int r = 0;

        while (r >= 0 && g->n_queue > 0) {
                Hash commit = g->queue[--g->n_queue];

                r = hash_map_put(&g->commits, &commit, HASH_MAP_MEMBER);
                if (r < 0)
                        return out_of_memory(g);
                if (r > 0)
                        r = mark_commit(g, &commit, NULL);
        }
        return r;
}

static int mark_refs(Gc *g)
{
        Ref *refs = NULL;
        size_t n = 0;
        int r = store_list_refs(g->store, &refs, &n, g->error);

        if (r < 0)
                error_hint(g->error, "stead layer fsck");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = mark_history(g, &refs[i].commit, MAX_OF(g->request->keep, 1U));
        ref_list_free(refs, n);
        return r;
}

/* A root is a commit or a tree; only one of the two is there. */
static int mark_roots(Gc *g)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < g->request->n_roots; i++) {
                r = queue_commit(g, &g->request->roots[i]);
                if (r >= 0 && store_has_tree(g->store, &g->request->roots[i]))
                        r = mark_tree(g, &g->request->roots[i]);
        }
        return r;
}

/* A machine runs on it, whatever refs and generations say. */
static int mark_checkout(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        _cleanup_close_ int fd =
                openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r = fd < 0 ? -errno : 0;
        Gc *g = userdata;
        Hash tree;

        if (r < 0 && r != -ENOTDIR && r != -ELOOP) /* else it is no checkout */
                return r;
        if (r < 0 || hash_parse(name, &tree) < 0 || checkout_try_lock(fd) >= 0)
                return 0;
        return mark_tree(g, &tree);
}

static int mark(Gc *g)
{
        int r;

        progress_begin(g->request->progress, "Marking", 0, 0);
        r = mark_refs(g);
        if (r >= 0)
                r = mark_roots(g);
        if (r >= 0)
                r = mark_queue(g);
        if (r < 0)
                return r;
        r = names_in(g->store->fd, "checkouts", false, mark_checkout, g);
        return r < 0 ? error_errno(g->error, -r, "Failed to read '%s/checkouts'", g->store->path)
                     : 0;
}

static int sweep_checkout(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        Gc *g = userdata;
        Hash tree;
        int r = 0;

        if (name[0] != '.' && (hash_parse(name, &tree) < 0 || hash_map_get(&g->trees, &tree)))
                return 0;
        if (!g->request->dry_run)
                r = checkout_remove(g->store, name, g->error);
        if (r == -EBUSY) /* a machine was faster: it needs the objects as well */
                return name[0] == '.' ? 0 : mark_tree(g, &tree);
        g->result.n_checkouts += r >= 0 && name[0] != '.';
        return r;
}

static int sweep_tree(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        Gc *g = userdata;
        Hash tree;

        if (hash_parse(name, &tree) < 0 || hash_map_get(&g->trees, &tree))
                return 0;
        if (!g->request->dry_run && unlinkat(dirfd, name, 0) < 0)
                return -errno;
        g->result.n_trees++;
        return 0;
}

static int sweep_object(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        Gc *g = userdata;
        struct stat st;
        Hash id;

        if (object_id_of(g->first, name, &id) < 0 || hash_map_get(&g->objects, &id))
                return 0;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            (!g->request->dry_run && unlinkat(dirfd, name, 0) < 0))
                return -errno;
        g->result.n_objects++;
        g->result.bytes += (uint64_t)st.st_blocks * 512;
        return progress_step(g->request->progress, (uint64_t)st.st_blocks * 512, 1);
}

static int sweep_hidden(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        return unlinkat(dirfd, name, 0) < 0 && errno != EISDIR && errno != ENOENT ? -errno : 0;
}

/* Texts that were being written when somebody was killed. */
static int sweep_texts(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        int r = names_in(dirfd, name, true, sweep_hidden, NULL);

        if (r >= 0)
                r = names_in(dirfd, name, false, sweep_texts, NULL);
        return r == -ENOTDIR ? 0 : r;
}

static int sweep_staged(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        const time_t *now = userdata;
        struct stat st;

        /* not the time of modification, which is the object's */
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode) ||
            *now - st.st_ctim.tv_sec < STAGE_SECONDS)
                return 0;
        return unlinkat(dirfd, name, 0) < 0 ? -errno : 0;
}

static int sweep_staged_directory(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        return names_in(dirfd, name, false, sweep_staged, userdata);
}

/* One of an earlier boot was never synced, and is of no use. */
static int sweep_stage(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        Gc *g = userdata;
        struct stat ours, st;
        time_t now = time(NULL);
        int r;

        if (fstat(g->store->stage_fd, &ours) < 0 ||
            fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (ours.st_ino != st.st_ino || ours.st_dev != st.st_dev)
                return remove_tree_at(dirfd, name);
        r = names_in(dirfd, name, true, sweep_hidden, NULL);
        return r < 0 ? r : names_in(dirfd, name, false, sweep_staged_directory, &now);
}

static int sweep_directory(Gc *g, const char *directory, bool hidden, NameFunction function)
{
        int r = names_in(g->store->fd, directory, hidden, function, g);

        return r < 0 ? error_errno(g->error, -r, "Failed to clear up '%s/%s'", g->store->path,
                                   directory)
                     : 0;
}

static int sweep_left_overs(Gc *g)
{
        static const char *const texts[] = { "trees", "commits", "refs" };
        int r = sweep_directory(g, "stage", false, sweep_stage);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                r = sweep_texts(g->store->fd, texts[i], 0, NULL);
        if (r >= 0) /* what a repair has set aside */
                r = remove_tree_at(g->store->fd, "damaged");
        return r < 0 ? error_errno(g->error, -r, "Failed to clear up '%s'", g->store->path) : 0;
}

/* A tree that is gone must not come back from a power cut, when its objects do not. */
static int sync_trees(const Gc *g)
{
        _cleanup_close_ int fd = openat(g->store->fd, "trees", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return error_errno(g->error, errno, "Failed to sync '%s/trees'", g->store->path);
        return 0;
}

static int sweep(Gc *g)
{
        int r;

        progress_begin(g->request->progress, g->request->dry_run ? "Counting" : "Removing", 0, 0);
        /* a name that was removed must not come back from a power cut without what it means */
        if (!g->request->dry_run && syncfs(g->store->fd) < 0)
                return error_errno(g->error, errno, "Failed to sync the store '%s'",
                                   g->store->path);
        r = sweep_directory(g, "checkouts", false, sweep_checkout);
        if (r >= 0)
                r = sweep_directory(g, "checkouts", true, sweep_checkout);
        if (r >= 0)
                r = sweep_directory(g, "trees", false, sweep_tree);
        if (r >= 0 && !g->request->dry_run && g->result.n_trees > 0)
                r = sync_trees(g);
        for (unsigned i = 0; r >= 0 && i < OBJECT_DIRECTORIES; i++) {
                g->first = i;
                r = sweep_directory(g, object_directory(i).path, false, sweep_object);
        }
        return r < 0 || g->request->dry_run ? r : sweep_left_overs(g);
}

int gc_run(Store *store, const GcRequest *request, GcResult *ret, Error *error)
{
        Gc g = { .store = store, .request = request, .error = error };
        int r = mark(&g);

        if (r >= 0)
                r = sweep(&g);
        if (r >= 0)
                *ret = g.result;
        hash_map_done(&g.trees);
        hash_map_done(&g.objects);
        hash_map_done(&g.commits);
        free(g.queue);
        return r;
}
