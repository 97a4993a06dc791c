/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/inode.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define OPAQUE "trusted.overlay.opaque"
#define OPAQUE_USER "user.overlay.opaque"

/* trusted.* belongs to the root of the host; in a user namespace overlays are mounted with
 * userxattr and read the other one. */
static int set_opaque(const char *path)
{
        if (setxattr(path, OPAQUE, "y", 1, 0) >= 0)
                return 0;
        if (errno != EPERM)
                return -errno;
        return setxattr(path, OPAQUE_USER, "y", 1, 0) < 0 ? -errno : 0;
}

int inode_set_attributes(const char *path, const Entry *e)
{
        const struct timespec times[2] = { { .tv_sec = e->mtime }, { .tv_sec = e->mtime } };
        bool follow = e->kind != ENTRY_SYMLINK; /* through the magic link of the descriptor */
        int flags = follow ? 0 : AT_SYMLINK_NOFOLLOW, r = 0;

        if (fchownat(AT_FDCWD, path, e->uid, e->gid, flags) < 0)
                return -errno;
        if (follow && chmod(path, e->mode) < 0)
                return -errno;
        for (size_t i = 0; i < e->n_attributes; i++) {
                const EntryAttribute *a = &e->attributes[i];

                /* after the owner: changing that drops file capabilities */
                if ((follow ? setxattr(path, a->name, a->value, a->size, 0)
                            : lsetxattr(path, a->name, a->value, a->size, 0)) < 0)
                        return -errno;
        }
        if (e->opaque)
                r = set_opaque(path);
        if (r < 0)
                return r;
        return utimensat(AT_FDCWD, path, times, flags) < 0 ? -errno : 0;
}

/* Overlay's own marks, and labels that the host's policy gives and not the tree. */
static bool attribute_is_left_out(const char *name)
{
        static const char *const prefixes[] = { "trusted.overlay.", "user.overlay.",
                                                "security.selinux", "security.ima",
                                                "security.evm" };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
                        return true;
        return false;
}

int inode_drop_attributes(const char *path, const Entry *now)
{
        for (size_t i = 0; i < now->n_attributes; i++)
                if (lremovexattr(path, now->attributes[i].name) < 0 && errno != ENODATA)
                        return -errno;
        return 0;
}

static int read_attribute(const char *path, const char *name, Entry *e)
{
        _cleanup_free_ char *value = NULL;
        ssize_t size;

        if (attribute_is_left_out(name)) {
                if (e->kind == ENTRY_DIRECTORY &&
                    (strcmp(name, OPAQUE) == 0 || strcmp(name, OPAQUE_USER) == 0)) {
                        char mark = 0;

                        e->opaque =
                                e->opaque || (lgetxattr(path, name, &mark, 1) == 1 && mark == 'y');
                }
                return 0;
        }
        value = malloc(XATTR_SIZE_MAX);
        if (!value)
                return -ENOMEM;
        size = lgetxattr(path, name, value, XATTR_SIZE_MAX);
        if (size < 0)
                return errno == ENODATA ? 0 : -errno;
        return entry_add_attribute(e, name, value, (size_t)size);
}

int inode_read_attributes(const char *path, Entry *e)
{
        _cleanup_free_ char *list = NULL;
        ssize_t size = llistxattr(path, NULL, 0);

        if (size <= 0)
                return size < 0 && errno != EOPNOTSUPP ? -errno : 0;
        list = malloc((size_t)size);
        if (!list)
                return -ENOMEM;
        size = llistxattr(path, list, (size_t)size);
        if (size < 0)
                return -errno;
        for (const char *name = list; name < list + size; name += strlen(name) + 1) {
                int r = read_attribute(path, name, e);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_target(int dirfd, const char *name, Entry *e)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        target[n] = 0;
        e->mode = 0777; /* as in manifests; the kernel looks at none */
        e->target = strdup(target);
        return e->target ? hash_of(target, (size_t)n, &e->content) : -ENOMEM;
}

EntryKind inode_kind(const struct stat *st)
{
        switch (st->st_mode & S_IFMT) {
        case S_IFDIR:
                return ENTRY_DIRECTORY;
        case S_IFLNK:
                return ENTRY_SYMLINK;
        case S_IFIFO:
                return ENTRY_FIFO;
        case S_IFSOCK:
                return ENTRY_SOCKET;
        case S_IFBLK:
                return ENTRY_BLOCK_DEVICE;
        case S_IFCHR:
                return st->st_rdev == makedev(0, 0) ? ENTRY_WHITEOUT : ENTRY_CHARACTER_DEVICE;
        default:
                return ENTRY_FILE;
        }
}

int inode_read(int dirfd, const char *name, Entry *ret)
{
        _cleanup_(entry_done) Entry e = ENTRY_NULL;
        char path[PATH_MAX];
        struct stat st;
        int r = 0;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        e.kind = inode_kind(&st);
        if (e.kind != ENTRY_WHITEOUT) {
                e.mode = st.st_mode & 07777;
                e.uid = st.st_uid;
                e.gid = st.st_gid;
                e.mtime = st.st_mtim.tv_sec;
                (void)snprintf(path, sizeof(path), "%s/%s", fd_path(dirfd).path, name);
                r = inode_read_attributes(path, &e);
        }
        if (e.kind == ENTRY_FILE)
                e.size = (uint64_t)st.st_size;
        else if (e.kind == ENTRY_CHARACTER_DEVICE || e.kind == ENTRY_BLOCK_DEVICE)
                e.device = st.st_rdev;
        else if (e.kind == ENTRY_SYMLINK && r >= 0)
                r = read_target(dirfd, name, &e);
        if (r < 0)
                return r;
        *ret = e;
        e = ENTRY_NULL;
        return 0;
}
