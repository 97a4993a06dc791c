/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk over a tree, in the order of manifests. */

#include "store/ingest.h"

#include "base/directory.h"
#include "base/fd.h"
#include "base/strv.h"
#include "store/ingest-file.h"
#include "store/inode.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* A file with several names: the first one in the order of manifests is the entry. */
typedef struct SeenInode {
        dev_t device;
        ino_t inode;
        char *path;
} SeenInode;

typedef struct Walk {
        Store *store;
        const IngestOptions *options;
        Manifest *manifest;
        uint64_t mount; /* what is mounted below is not part of the tree */
        void *seen;     /* tree of SeenInode, for tsearch() */
        Error *error;
} Walk;

bool ingest_is_left_out(const char *path, bool layer)
{
        static const char *const patterns[] = {
                "/etc/.updated",
                "/var/.updated",
                "/etc/.pwd.lock",
                "/etc/ssh/ssh_host_*_key",
                "/etc/ssh/ssh_host_*_key.pub",
                "/run/*",
                "/tmp/*",
                "/var/tmp/*",
                "/var/cache/apt/*.bin",
                "/var/cache/apt/archives/*.deb",
                "/var/cache/apt/archives/lock",
                "/var/cache/apt/archives/partial/*",
                "/var/cache/debconf/*-old",
                "/var/lib/apt/lists/*_*",
                "/var/lib/apt/lists/auxfiles/*",
                "/var/lib/apt/lists/lock",
                "/var/lib/apt/lists/partial/*",
                "/var/lib/dpkg/lock*",
                "/var/lib/dpkg/triggers/Lock",
                "/var/lib/systemd/credential.secret",
                "/var/lib/systemd/random-seed",
        };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++)
                if (fnmatch(patterns[i], path, FNM_PATHNAME) == 0)
                        return true;
        return layer && (strcmp(path, "/etc/ld.so.cache") == 0 ||
                         strcmp(path, "/var/cache/ldconfig/aux-cache") == 0);
}

static int out_of_memory(const Walk *w)
{
        return error_set(w->error, ENOMEM, "Out of memory");
}

static int compare_inodes(const void *a, const void *b)
{
        const SeenInode *x = a, *y = b;

        if (x->inode != y->inode)
                return x->inode < y->inode ? -1 : 1;
        return x->device < y->device ? -1 : x->device > y->device;
}

static void seen_free(void *seen)
{
        free(((SeenInode *)seen)->path);
        free(seen);
}

/* The path under which the inode came before, or NULL; remembers it. */
static int find_seen(Walk *w, const char *path, const struct stat *st, const char **ret)
{
        SeenInode *new = malloc(sizeof(*new)), **found;

        if (!new)
                return -ENOMEM;
        *new = (SeenInode){ st->st_dev, st->st_ino, strdup(path) };
        found = new->path ? tsearch(new, &w->seen, compare_inodes) : NULL;
        *ret = found && *found != new ? (*found)->path : NULL;
        if (!found || *found != new)
                seen_free(new);
        return found ? 0 : -ENOMEM;
}

static int set_kind(const Walk *w, const struct stat *st, Entry *e)
{
        e->kind = inode_kind(st);
        if (e->kind == ENTRY_SOCKET) /* of a process that is gone */
                return -ENOENT;
        if (e->kind == ENTRY_WHITEOUT && !w->options->layer)
                e->kind = ENTRY_CHARACTER_DEVICE;
        if (e->kind == ENTRY_CHARACTER_DEVICE || e->kind == ENTRY_BLOCK_DEVICE)
                e->device = st->st_rdev;
        return 0;
}

/* Fills @e for anything but a second name. */
static int read_entry(Walk *w, const IngestFile *f, Entry *e)
{
        int r = set_kind(w, f->st, e);

        if (r < 0 || e->kind == ENTRY_WHITEOUT)
                return r;
        r = ingest_attributes(f, w->options, e, w->error);
        if (r >= 0 && e->kind == ENTRY_FILE)
                r = ingest_content(w->store, f, e, w->error);
        if (r >= 0 && e->kind == ENTRY_SYMLINK)
                r = ingest_symlink(w->store, f, e, w->error);
        return r;
}

static int add_entry(Walk *w, Entry *e, const char *path)
{
        e->path = strdup(path);
        if (!e->path || manifest_add_take(w->manifest, e) < 0)
                return out_of_memory(w);
        return 0;
}

static int walk_file(Walk *w, const IngestFile *f)
{
        _cleanup_(entry_done) Entry e = ENTRY_NULL;
        const char *earlier = NULL;
        int r;

        if (f->st->st_nlink > 1 && !(S_ISCHR(f->st->st_mode) && f->st->st_rdev == 0) &&
            find_seen(w, f->path, f->st, &earlier) < 0)
                return out_of_memory(w);
        if (earlier) {
                e.kind = ENTRY_LINK;
                e.target = strdup(earlier);
                if (!e.target)
                        return out_of_memory(w);
        } else {
                r = read_entry(w, f, &e);
                if (r < 0)
                        return r == -ENOENT && S_ISSOCK(f->st->st_mode) ? 0 : r;
        }
        if (progress_step(w->options->progress, e.size, 1) < 0)
                return error_set(w->error, ECANCELED, "Interrupted");
        return add_entry(w, &e, f->path);
}

static bool is_opaque(int fd)
{
        char value[2] = "";

        return (fgetxattr(fd, "trusted.overlay.opaque", value, 1) == 1 ||
                fgetxattr(fd, "user.overlay.opaque", value, 1) == 1) &&
               value[0] == 'y';
}

/* Names that end in a NULL; a directory may have a hundred thousand. */
static int add_name(char ***names, size_t *n, const char *name)
{
        if ((*n & (*n + 1)) == 0) { /* full: 0, 1, 3, 7... are in it, and the end */
                char **grown = reallocarray(*names, 2 * (*n + 1), sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                *names = grown;
        }
        (*names)[*n] = strdup(name);
        if (!(*names)[*n])
                return -ENOMEM;
        (*names)[++*n] = NULL;
        return 0;
}

static int list_names(int fd, char ***ret)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
        struct dirent *e;
        size_t n = 0;

        d = copy < 0 ? NULL : fdopendir(copy);
        if (!d) {
                r = -errno;
                closep(&copy);
                return r;
        }
        while ((r = directory_next(d, &e)) > 0)
                if (add_name(&names, &n, e->d_name) < 0)
                        return -ENOMEM;
        if (r < 0)
                return r;
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}

static int walk_directory(Walk *w, int parent, const char *name, const char *path, bool inside);

static int walk_name(Walk *w, int dirfd, const char *name, const char *path)
{
        struct stat st;
        struct statx mount;

        if (ingest_is_left_out(path, w->options->layer) && !w->options->keep_state)
                return 0;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID, &mount) < 0)
                return error_errno(w->error, errno, "Failed to read '%s'", path);
        if (S_ISDIR(st.st_mode))
                return walk_directory(w, dirfd, name, path, mount.stx_mnt_id == w->mount);
        if (mount.stx_mnt_id != w->mount)
                return 0;
        return walk_file(w, &(IngestFile){ .dirfd = dirfd,
                                           .name = name,
                                           .path = path,
                                           .st = &st,
                                           .consume = w->options->consume });
}

static int walk_children(Walk *w, int fd, const char *path)
{
        _cleanup_strv_ char **names = NULL;
        int r = list_names(fd, &names);

        if (r < 0)
                return error_errno(w->error, -r, "Failed to read '%s'", path);
        STRV_FOREACH (name, names) {
                _cleanup_free_ char *child = NULL;

                if (asprintf(&child, "%s/%s", path[1] ? path : "", *name) < 0)
                        return out_of_memory(w);
                r = strlen(child) < PATH_MAX ? walk_name(w, fd, *name, child)
                                             : error_set(w->error, ENAMETOOLONG,
                                                         "The path '%.60s...' is too long", child);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* @inside: else something is mounted here; then the place belongs to the tree, empty. */
static int walk_directory(Walk *w, int parent, const char *name, const char *path, bool inside)
{
        _cleanup_(entry_done) Entry e = { .kind = ENTRY_DIRECTORY };
        _cleanup_close_ int fd =
                openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(w->error, errno, "Failed to read '%s'", path);
        r = ingest_attributes(&(IngestFile){ .dirfd = fd, .name = ".", .path = path, .st = &st },
                              w->options, &e, w->error);
        if (r < 0)
                return r;
        e.opaque = w->options->layer && is_opaque(fd);
        r = add_entry(w, &e, path);
        return r < 0 || !inside ? r : walk_children(w, fd, path);
}

int ingest_tree(Store *store, int tree_fd, const IngestOptions *options, Manifest *ret,
                Error *error)
{
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        Walk w = { .store = store, .options = options, .manifest = &manifest, .error = error };
        struct statx st;
        int r;

        if (statx(tree_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
                return error_errno(error, errno, "Failed to read the tree");
        w.mount = st.stx_mnt_id;
        r = walk_directory(&w, tree_fd, ".", "/", true);
        tdestroy(w.seen, seen_free);
        if (r < 0)
                return r;
        *ret = manifest;
        manifest = MANIFEST_NULL;
        return 0;
}
