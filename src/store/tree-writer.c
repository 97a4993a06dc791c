/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every entry is made by one name in an open directory that we made ourselves, so that no link in
 * a manifest leads anywhere. A directory gets its attributes when all of its content is there,
 * since content changes its time, and a mode may forbid it. */

#include "store/tree-writer.h"

#include "base/fd.h"
#include "os/copy-data.h"
#include "store/checkout.h"
#include "store/inode.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

typedef struct Level {
        const Entry *entry;
        int fd;
} Level;

typedef struct Walk {
        const TreeWriter *writer;
        int root_fd;
        Level *levels; /* the directories that lead to where we are */
        size_t n_levels, allocated;
        DataCopier copier;
        Error *error;
} Walk;

static int failed(const Walk *w, const Entry *e, int r)
{
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(w->error, "df -hi %s; stead layer gc", w->writer->store->path);
        if (r == -EPERM && (e->kind == ENTRY_CHARACTER_DEVICE || e->kind == ENTRY_BLOCK_DEVICE))
                return error_set(w->error, EPERM,
                                 "'%s' is a device node, which a user namespace cannot make",
                                 e->path);
        return error_errno(w->error, -r, "Failed to make '%s'", e->path);
}

static int missing(const Walk *w, const Entry *e, const Hash *id)
{
        char text[HASH_TEXT_SIZE];

        error_hint(w->error, "stead layer fsck --repair, then pull or import the layer again");
        return error_set(w->error, ENOENT, "The object %.12s of '%s' is missing in the store '%s'",
                         hash_to_string(id, text), e->path, w->writer->store->path);
}

static int set_attributes(const Walk *w, int dirfd, const char *name, const Entry *e)
{
        char path[PATH_MAX];
        int r;

        (void)snprintf(path, sizeof(path), "%s/%s", fd_path(dirfd).path, name);
        r = inode_set_attributes(path, e);
        return r < 0 ? failed(w, e, r) : 0;
}

/* A new file of the directory, open for writing. */
static int make_file(const Walk *w, int dirfd, const char *name, const Entry *e, int *ret)
{
        int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0)
                return failed(w, e, -errno);
        *ret = fd;
        return 0;
}

static int copy_content(Walk *w, int dirfd, const char *name, const Entry *e, const Hash *id)
{
        _cleanup_close_ int from = store_open_object(w->writer->store, id), to = -EBADF;
        struct stat st;
        int r;

        if (from == -ENOENT)
                return missing(w, e, id);
        if (from < 0)
                return failed(w, e, from);
        r = make_file(w, dirfd, name, e, &to);
        if (r < 0)
                return r;
        r = copy_data(&w->copier, from, to);
        /* one in a checkout is used for as long as that is */
        if (r >= 0 && (fstat(to, &st) < 0 || (!w->writer->copy && fdatasync(to) < 0)))
                r = -errno;
        if (r < 0)
                return failed(w, e, r);
        if ((uint64_t)st.st_size != e->size) {
                error_hint(w->error, "stead layer fsck --repair");
                return error_set(w->error, EBADMSG, "The object of '%s' is damaged", e->path);
        }
        return 0;
}

static int copy_object(Walk *w, int dirfd, const char *name, const Entry *e, const Hash *id)
{
        int r;

        if (e->kind == ENTRY_SYMLINK)
                r = symlinkat(e->target, dirfd, name) < 0 ? failed(w, e, -errno) : 0;
        else
                r = copy_content(w, dirfd, name, e, id);
        return r < 0 ? r : set_attributes(w, dirfd, name, e);
}

static int make_object(Walk *w, int dirfd, const char *name, const Entry *e)
{
        const Store *store = w->writer->store;
        ObjectPath p;
        Hash id;

        if (entry_object_id(store->hasher, e, &id) < 0)
                return error_set(w->error, ENOMEM, "Out of memory");
        p = object_path(&id);
        if (w->writer->copy)
                return copy_object(w, dirfd, name, e, &id);
        if (linkat(store->fd, p.path, dirfd, name, 0) >= 0)
                return 0;
        if (errno == EMLINK) /* ext4 knows 65,000 names of a file */
                return copy_object(w, dirfd, name, e, &id);
        return errno == ENOENT ? missing(w, e, &id) : failed(w, e, -errno);
}

/* Another name. The first one was made by us, and so was every directory that leads to it. */
static int make_link(Walk *w, int dirfd, const char *name, const Entry *e)
{
        const Entry *first = manifest_resolve_link(w->writer->manifest, e);

        if (linkat(w->root_fd, e->target + 1, dirfd, name, 0) >= 0)
                return 0;
        if (errno != EMLINK || !first || !entry_is_object(first))
                return failed(w, e, -errno);
        return make_object(w, dirfd, name, first);
}

static int make_node(const Walk *w, int dirfd, const char *name, const Entry *e)
{
        static const mode_t types[_ENTRY_KIND_MAX] = {
                [ENTRY_CHARACTER_DEVICE] = S_IFCHR,
                [ENTRY_BLOCK_DEVICE] = S_IFBLK,
                [ENTRY_FIFO] = S_IFIFO,
                [ENTRY_SOCKET] = S_IFSOCK,
                [ENTRY_WHITEOUT] = S_IFCHR,
        };
        dev_t device = e->kind == ENTRY_WHITEOUT ? makedev(0, 0) : e->device;

        if (mknodat(dirfd, name, types[e->kind] | 0600, device) < 0)
                return failed(w, e, -errno);
        return e->kind == ENTRY_WHITEOUT ? 0 : set_attributes(w, dirfd, name, e);
}

static int make_empty(const Walk *w, int dirfd, const char *name, const Entry *e)
{
        _cleanup_close_ int fd = -EBADF;
        int r = make_file(w, dirfd, name, e, &fd);

        return r < 0 ? r : set_attributes(w, dirfd, name, e);
}

static int push_level(Walk *w, const Entry *e, int fd_take)
{
        if (w->n_levels == w->allocated) {
                Level *grown = reallocarray(w->levels, w->allocated + 16, sizeof(Level));

                if (!grown) {
                        (void)close(fd_take); /* nobody else knows it */
                        return error_set(w->error, ENOMEM, "Out of memory");
                }
                w->levels = grown;
                w->allocated += 16;
        }
        w->levels[w->n_levels++] = (Level){ e, fd_take };
        return 0;
}

static int enter_directory(Walk *w, int parent, const char *name, const Entry *e)
{
        int fd;

        if (mkdirat(parent, name, 0700) < 0)
                return failed(w, e, -errno);
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? failed(w, e, -errno) : push_level(w, e, fd);
}

static int leave_directory(Walk *w)
{
        _cleanup_close_ int fd = w->levels[--w->n_levels].fd;

        return set_attributes(w, fd, ".", w->levels[w->n_levels].entry);
}

static bool is_in(const char *path, const char *directory)
{
        size_t length = strlen(directory);

        return length == 1 || (strncmp(path, directory, length) == 0 && path[length] == '/');
}

static int make_entry(Walk *w, const Entry *e)
{
        const char *name = strrchr(e->path, '/') + 1;
        int dirfd = w->levels[w->n_levels - 1].fd;

        if (entry_is_object(e))
                return make_object(w, dirfd, name, e);
        if (e->kind == ENTRY_DIRECTORY)
                return enter_directory(w, dirfd, name, e);
        if (e->kind == ENTRY_FILE)
                return make_empty(w, dirfd, name, e);
        return e->kind == ENTRY_LINK ? make_link(w, dirfd, name, e) : make_node(w, dirfd, name, e);
}

static int write_entries(Walk *w)
{
        const Manifest *m = w->writer->manifest;
        Progress *progress = w->writer->progress;
        int r = 0;

        for (size_t i = 1; r >= 0 && i < m->n; i++) {
                const Entry *e = &m->entries[i];

                if (!w->writer->copy && checkout_leaves_out(m, e))
                        continue;
                while (r >= 0 && !is_in(e->path, w->levels[w->n_levels - 1].entry->path))
                        r = leave_directory(w);
                if (r >= 0)
                        r = make_entry(w, e);
                if (r >= 0 && progress_step(progress, w->writer->copy ? e->size : 0, 1) < 0)
                        r = error_set(w->error, ECANCELED, "Interrupted");
        }
        while (r >= 0 && w->n_levels > 0)
                r = leave_directory(w);
        return r;
}

int tree_write(const TreeWriter *writer, int root_fd, Error *error)
{
        Walk w = { .writer = writer,
                   .root_fd = root_fd,
                   .copier = { .watch_fd = -EBADF },
                   .error = error };
        int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

        if (writer->manifest->n == 0 || fd < 0) {
                closep(&fd);
                return error_errno(error, fd < 0 ? errno : EINVAL, "Failed to write a tree");
        }
        /* what is made in it would inherit it; the root's own attributes come at the end */
        (void)fremovexattr(fd, "system.posix_acl_default");
        r = push_level(&w, &writer->manifest->entries[0], fd);
        if (r >= 0)
                r = write_entries(&w);
        while (w.n_levels > 0)
                (void)close(w.levels[--w.n_levels].fd); /* after an error only */
        free(w.levels);
        data_copier_done(&w.copier);
        return r;
}
