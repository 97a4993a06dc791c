/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every checkout beside its manifest. What is an object's inode needs no second look; the rest is
 * compared. A checkout can always be made anew, and so a wrong one is removed. */

#include "store/fsck-parts.h"

#include "base/fd.h"
#include "store/checkout-parts.h"
#include "store/inode.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Level {
        size_t length; /* of the path of the directory */
        size_t n;      /* entries that it should have */
        int fd;
} Level;

typedef struct Walk {
        Fsck *fsck;
        const Manifest *manifest;
        Level *levels;
        size_t n_levels, allocated;
        char what[512]; /* the first thing that is wrong */
} Walk;

/* Returns 0, which ends the walk: one defect is enough to condemn a checkout. */
static int wrong(Walk *w, const char *path, const char *what)
{
        (void)snprintf(w->what, sizeof(w->what), "'%.400s' %s", path, what);
        return 0;
}

static int count_name(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        ++*(size_t *)userdata;
        return 0;
}

/* When all entries of the directory were found: is there anything else? */
static int leave(Walk *w, const char *path)
{
        Level level = w->levels[--w->n_levels];
        _cleanup_close_ int fd = level.fd;
        size_t n = 0;
        int r = names_in(fd, ".", false, count_name, &n);

        if (r >= 0)
                r = names_in(fd, ".", true, count_name, &n);
        if (r < 0)
                return r;
        return n == level.n ? 1
                            : wrong(w, path, "is in a directory that holds more than it should");
}

static int enter(Walk *w, int fd_take, size_t length)
{
        if (w->n_levels == w->allocated) {
                Level *grown = reallocarray(w->levels, w->allocated + 16, sizeof(Level));

                if (!grown) {
                        (void)close(fd_take); /* nobody else knows it */
                        return -ENOMEM;
                }
                w->levels = grown;
                w->allocated += 16;
        }
        w->levels[w->n_levels++] = (Level){ .length = length, .fd = fd_take };
        return 1;
}

/* A copy that the file system's limit of links made necessary, or a wrong file. */
static int compare_content(Walk *w, int dirfd, const char *name, const Entry *e)
{
        _cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
        Hash content;
        int r = fd < 0 ? -errno : hash_of_fd(w->fsck->store->hasher, fd, &content, NULL);

        if (r < 0)
                return r;
        return hash_equal(&content, &e->content) ? 1 : wrong(w, e->path, "has other content");
}

static int compare_attributes(Walk *w, int dirfd, const char *name, const Entry *e)
{
        _cleanup_(entry_done) Entry now = ENTRY_NULL;
        bool is_file = e->kind == ENTRY_FILE;
        int r = inode_read(dirfd, name, &now);

        if (r == -ENOENT)
                return wrong(w, e->path, "is missing");
        if (r < 0)
                return r;
        if (now.kind == e->kind && is_file) {
                now.content = e->content; /* compared below */
                if (now.size != e->size)
                        return wrong(w, e->path, "has another size");
        }
        if (!entry_equal(&now, e, false))
                return wrong(w, e->path, "is another file, or has other attributes");
        return is_file && e->size > 0 ? compare_content(w, dirfd, name, e) : 1;
}

static int compare_object(Walk *w, int dirfd, const char *name, const Entry *e, const char *path)
{
        const Store *store = w->fsck->store;
        const FsckObject *object;
        struct stat ours, stored;
        Hash id;

        if (entry_object_id(store->hasher, e, &id) < 0)
                return -ENOMEM;
        object = hash_map_get(&w->fsck->objects, &id);
        if (object && object->is_damaged)
                return wrong(w, path, "is a damaged object");
        if (fstatat(dirfd, name, &ours, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? wrong(w, path, "is missing") : -errno;
        if (fstatat(store->fd, object_path(&id).path, &stored, AT_SYMLINK_NOFOLLOW) >= 0 &&
            stored.st_ino == ours.st_ino && stored.st_dev == ours.st_dev)
                return 1;
        return compare_attributes(w, dirfd, name, e);
}

static int check_entry(Walk *w, const Entry *e)
{
        const char *name = strrchr(e->path, '/') + 1;
        const Entry *first = manifest_resolve_link(w->manifest, e);
        Level *level = &w->levels[w->n_levels - 1];
        int fd, r;

        level->n++;
        if (entry_is_object(first))
                return compare_object(w, level->fd, name, first, e->path);
        if (e->kind != ENTRY_DIRECTORY)
                return compare_attributes(w, level->fd, name, first);
        fd = openat(level->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fsck_is_passing(-errno) ? -errno : wrong(w, e->path, "is missing");
        r = enter(w, fd, strlen(e->path));
        return r < 0 ? r : compare_attributes(w, fd, ".", e);
}

/* 1: all is well; 0: w->what says what is not. */
static int compare(Walk *w, int fd)
{
        const Manifest *m = w->manifest;
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
            r = copy < 0 ? -errno : enter(w, copy, 0);

        if (r > 0)
                r = compare_attributes(w, copy, ".", &m->entries[0]);
        for (size_t i = 1; r > 0 && i < m->n; i++) {
                const Entry *e = &m->entries[i];

                if (checkout_leaves_out(m, e))
                        continue;
                for (;;) {
                        size_t length = w->levels[w->n_levels - 1].length;

                        if (r <= 0 || w->n_levels == 1 ||
                            (strncmp(e->path, m->entries[i - 1].path, length) == 0 &&
                             e->path[length] == '/'))
                                break;
                        r = leave(w, m->entries[i - 1].path);
                }
                if (r > 0)
                        r = check_entry(w, e);
        }
        while (r > 0 && w->n_levels > 0)
                r = leave(w, m->entries[m->n - 1].path);
        while (w->n_levels > 0)
                (void)close(w->levels[--w->n_levels].fd); /* after a defect only */
        free(w->levels);
        w->levels = NULL;
        return r;
}

static bool remove_checkout(Fsck *f, const char *name)
{
        _cleanup_error_ Error ignored = ERROR_NULL; /* that it is still there is told */

        return f->repair && checkout_remove(f->store, name, &ignored) >= 0;
}

static int check_checkout(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        _cleanup_close_ int fd =
                openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        Fsck *f = userdata;
        Walk w = { .fsck = f, .manifest = &m };
        const FsckTree *tree;
        bool repaired;
        Hash id;
        int r = fd < 0 ? -errno : hash_parse(name, &id);

        if (fsck_is_passing(r))
                return r;
        if (r < 0) {
                fsck_report(f, fsck_set_aside(f, dirfd, name, "checkouts", name),
                            "'checkouts/%s' is no checkout", name);
                return 0;
        }
        tree = hash_map_get(&f->trees, &id);
        /* one that came after the manifests were read is not among them */
        if ((tree && !tree->is_good) || store_load_tree(f->store, &id, &m, NULL) < 0) {
                (void)snprintf(w.what, sizeof(w.what), "its manifest is missing");
        } else {
                r = compare(&w, fd);
                if (r != 0)
                        return r < 0 ? r : progress_step(f->progress, 0, 1);
        }
        closep(&fd);
        fd = -EBADF;
        repaired = remove_checkout(f, name);
        fsck_report(f, repaired, "The checkout %.12s of %s is damaged: %s%s", name,
                    fsck_layer(tree), w.what,
                    f->repair && !repaired ? "; a machine runs on it" : "");
        return 0;
}

int fsck_checkouts(Fsck *f)
{
        int r;

        progress_begin(f->progress, "Checking checkouts", 0, 0);
        r = names_in(f->store->fd, "checkouts", false, check_checkout, f);
        return r < 0 ? error_errno(f->error, -r, "Failed to read '%s/checkouts'", f->store->path)
                     : 0;
}
