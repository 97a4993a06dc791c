/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mmdebstrap into a directory of the store's file system, which becomes the objects. */

#include "image/layer-base.h"

#include "base/fd.h"
#include "image/debian-architecture.h"
#include "image/debian-clean.h"
#include "image/layer-work.h"
#include "store/ingest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

char *layer_base_name(const DebianRecipe *debian)
{
        char *name;

        if (asprintf(&name, "debian/%s/%s%s%s", debian_release(debian->suite),
                     debian->init == DEBIAN_SYSTEMD ? "base" : debian_init_to_string(debian->init),
                     debian->architecture ? "-" : "", debian->architecture ?: "") < 0)
                return NULL;
        return name;
}

/* Held while @name is built; it goes with the descriptor. */
static int lock_build(Store *store, const char *name, Progress *progress, int *ret, Error *error)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (asprintf(&path, "import/build-%s.lock", name) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        for (char *p = path + strlen("import/"); *p; p++)
                *p = *p == '/' ? '+' : *p;
        r = mkdir_parents_at(store->fd, "import", 0700);
        if (r >= 0)
                fd = openat(store->fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (r < 0 || fd < 0)
                return error_errno(error, r < 0 ? -r : errno, "Failed to open '%s/%s'", store->path,
                                   path);
        r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
        if (r == -EWOULDBLOCK && progress) {
                progress->stage = "Waiting for another build";
                (void)progress_step(progress, 0, 0); /* a signal ends us at once */
        }
        while (r == -EWOULDBLOCK || r == -EINTR)
                r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
        if (r < 0)
                return error_errno(error, -r, "Failed to lock '%s/%s'", store->path, path);
        *ret = TAKE_FD(fd);
        return 0;
}

typedef struct Build {
        const LayerBase *base;
        const char *name;
        LayerWork *work;
        int tree_fd;
        char *include; /* packages of the version before, if none are named now */
} Build;

static int install(Worker *worker, void *argument, Error *error)
{
        const Build *b = argument;
        _cleanup_free_ char *path = NULL;
        DebianRecipe recipe = b->base->debian;

        recipe.include = recipe.include ?: b->include;
        if (asprintf(&path, "%s/tree", b->work->path) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return debian_install(worker, &recipe, path, b->tree_fd, error);
}

static int describe(const Build *b, const DebianFacts *facts, Commit *c)
{
        const DebianRecipe *debian = &b->base->debian;
        const char *include = debian->include ?: b->include;
        char packages[16], newest[32], system[64];
        int r;

        c->kind = LAYER_BASE;
        c->message = b->base->message ? strdup(b->base->message) : NULL;
        if (!b->base->message && asprintf(&c->message, "Built from Debian's %s", debian->suite) < 0)
                c->message = NULL;
        (void)snprintf(packages, sizeof(packages), "%u", facts->n_packages);
        (void)snprintf(newest, sizeof(newest), "%" PRId64, facts->newest);
        (void)snprintf(system, sizeof(system), "debian/%s", debian_release(debian->suite));
        r = c->message ? 0 : -ENOMEM;
        if (r >= 0)
                r = commit_set_label(c, "os", system);
        if (r >= 0)
                r = commit_set_label(c, "suite", debian->suite);
        if (r >= 0)
                r = commit_set_label(c, "architecture", debian_oci_architecture(debian));
        if (r >= 0)
                r = commit_set_label(c, "init", debian_init_to_string(debian->init));
        if (r >= 0)
                r = commit_set_label(c, "packages", packages);
        if (r >= 0)
                r = commit_set_label(c, "newest", newest);
        if (r >= 0 && include)
                r = commit_set_label(c, "include", include);
        return r;
}

static int add_tree(Store *store, const Build *b, const DebianFacts *facts, LayerBuilt *ret,
                    Error *error)
{
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        _cleanup_commit_ Commit commit = COMMIT_NULL;
        const IngestOptions options = { .consume = true,
                                        .clamp_mtime = facts->newest,
                                        .progress = &b->work->progress };
        LayerBuilt built = { .n_packages = facts->n_packages };
        int r = ingest_tree(store, b->tree_fd, &options, &manifest, error);

        if (r < 0)
                return r;
        if (describe(b, facts, &commit) < 0 || manifest_measure(&manifest, &built.size) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = layer_version_add(store, b->name, &manifest, &commit, &built.version, error);
        if (r < 0)
                return r;
        built.name = strdup(b->name);
        if (!built.name)
                return error_set(error, ENOMEM, "Out of memory");
        *ret = built;
        return 0;
}

/* A layer that was built with further packages is refreshed with them. */
static int load_include(Store *store, const LayerBase *base, const char *name, char **ret,
                        Error *error)
{
        _cleanup_error_ Error none = ERROR_NULL;
        _cleanup_commit_ Commit commit = COMMIT_NULL;
        _cleanup_ref_ Ref ref = REF_NULL;
        const char *include;
        int r = store_load_ref(store, name, &ref, &none);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return error_move(error, &none);
        r = store_load_commit(store, &ref.commit, &commit, error);
        if (r < 0)
                return r;
        include = commit_label(&commit, "include");
        *ret = include ? strdup(include) : NULL;
        return include && !*ret ? error_set(error, ENOMEM, "Out of memory") : 0;
}

static int build_locked(Store *store, const LayerBase *base, const char *name, Progress *progress,
                        LayerBuilt *ret, Error *error)
{
        _cleanup_layer_work_ LayerWork work = LAYER_WORK_NULL;
        _cleanup_close_ int tree_fd = -EBADF;
        _cleanup_free_ char *include = NULL;
        Build b = { .base = base, .name = name, .work = &work };
        DebianFacts facts;
        time_t began = time(NULL);
        int r = layer_version_check(store, name, error);

        if (r >= 0)
                r = load_include(store, base, name, &include, error);
        if (r >= 0)
                r = layer_work_begin(store, progress, &work, error);
        if (r >= 0)
                r = layer_work_directory(&work, "tree", &tree_fd, error);
        if (r < 0)
                return r;
        b.include = include;
        b.tree_fd = tree_fd;
        r = layer_work_run(&work, 0, install, &b, error);
        if (r >= 0)
                r = debian_clean(tree_fd, began, &facts, error);
        return r < 0 ? r : add_tree(store, &b, &facts, ret, error);
}

static char *name_of(const LayerBase *base)
{
        return base->name ? strdup(base->name) : layer_base_name(&base->debian);
}

/* 1: there is such a layer; 0: no. */
static int is_there(Store *store, const char *name, Error *error)
{
        _cleanup_error_ Error found = ERROR_NULL;
        _cleanup_ref_ Ref ref = REF_NULL;
        int r = store_load_ref(store, name, &ref, &found);

        if (r == -ENOENT)
                return 0;
        return r < 0 ? error_move(error, &found) : 1;
}

int layer_base_build(Store *store, const LayerBase *base, Progress *progress, LayerBuilt *ret,
                     Error *error)
{
        _cleanup_free_ char *name = name_of(base);
        _cleanup_close_ int lock = -EBADF;
        int r = name ? lock_build(store, name, progress, &lock, error)
                     : error_set(error, ENOMEM, "Out of memory");

        return r < 0 ? r : build_locked(store, base, name, progress, ret, error);
}

int layer_base_ensure(Store *store, const LayerBase *base, Progress *progress, char **ret_name,
                      Error *error)
{
        _cleanup_free_ char *name = name_of(base);
        _cleanup_close_ int lock = -EBADF;
        LayerBuilt built = { .name = NULL };
        int r = name ? is_there(store, name, error) : error_set(error, ENOMEM, "Out of memory");

        if (r == 0) {
                r = lock_build(store, name, progress, &lock, error);
                if (r >= 0)
                        r = is_there(store, name, error); /* somebody has built it meanwhile */
                if (r == 0)
                        r = layer_base_pull(store, base, name, progress, error);
                if (r == 0)
                        r = build_locked(store, base, name, progress, &built, error);
                free(built.name);
        }
        if (r < 0)
                return r;
        *ret_name = TAKE_PTR(name);
        return 0;
}
