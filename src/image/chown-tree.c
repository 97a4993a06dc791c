/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One walk over the tree. chown(2) drops file capabilities and setuid bits, so an entry that has
 * some carries a note of them (an extended attribute of ours) from before the chown until they are
 * back: a run that is killed in between loses nothing. */

#include "image/chown-tree.h"

#include "base/fd.h"
#include "image/acl.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ID_MASK UINT32_C(0xFFFF)
#define NOTE "trusted.stead.chown"
#define CAPABILITY "security.capability"

/* What chown(2) takes away; all little endian, as it lies on disk. */
typedef struct Note {
        uint32_t mode;
        uint32_t capability_size; /* 0: none */
        struct vfs_ns_cap_data capability;
} Note;

static uint32_t shift(uint32_t id, uint32_t base)
{
        return base + (id & ID_MASK);
}

bool chown_tree_is_unfinished(const struct stat *root)
{
        return (root->st_uid & ~ID_MASK) == CHOWN_TREE_BUSY;
}

static int failed(int fd, int r, Error *error)
{
        char path[4096] = "?";
        ssize_t n = readlink(fd_path(fd).path, path, sizeof(path) - 1);

        if (n > 0)
                path[n] = '\0';
        return error_errno(error, -r, "Failed to change the owner of '%s'", path);
}

static uint32_t shift_id(uint32_t id, void *userdata)
{
        const uint32_t *base = userdata;

        return shift(id, *base);
}

/* @path is that of a descriptor, since these calls take no O_PATH descriptors. */
static int shift_acl(const char *path, const char *name, uint32_t base)
{
        _cleanup_free_ char *value = NULL;
        ssize_t size = getxattr(path, name, NULL, 0);
        int r;

        if (size < 0)
                return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
        value = malloc((size_t)size + 1);
        if (!value)
                return -ENOMEM;
        size = getxattr(path, name, value, (size_t)size);
        if (size < 0)
                return -errno;
        r = acl_map_ids(value, (size_t)size, shift_id, &base);
        if (r < 0)
                return r;
        return setxattr(path, name, value, (size_t)size, 0) < 0 ? -errno : 0;
}

/* Capabilities of a file count for the user namespace whose root has this id; version 2 is for the
 * host's own. */
static void shift_capability(Note *note, uint32_t base)
{
        struct vfs_ns_cap_data *c = &note->capability;
        uint32_t version = base == 0 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3;

        if (note->capability_size == 0)
                return;
        c->rootid = htole32(base);
        c->magic_etc =
                htole32((le32toh(c->magic_etc) & ~(uint32_t)VFS_CAP_REVISION_MASK) | version);
        note->capability_size = htole32(base == 0 ? XATTR_CAPS_SZ_2 : XATTR_CAPS_SZ_3);
}

static bool read_note(const char *path, uint32_t base, Note *ret)
{
        if (getxattr(path, NOTE, ret, sizeof(*ret)) != sizeof(*ret))
                return false;
        shift_capability(ret, base); /* that run may have had another base */
        return true;
}

/* 1: there is something to keep. */
static int make_note(const char *path, const struct stat *st, uint32_t base, bool unfinished,
                     Note *ret)
{
        ssize_t n;

        if (!S_ISREG(st->st_mode))
                return 0;
        if (unfinished && read_note(path, base, ret))
                return 1;
        *ret = (Note){ .mode = htole32(st->st_mode & 07777) };
        n = getxattr(path, CAPABILITY, &ret->capability, sizeof(ret->capability));
        if (n < 0 && errno != ENODATA && errno != EOPNOTSUPP)
                return -errno;
        if (n == XATTR_CAPS_SZ_2 || n == XATTR_CAPS_SZ_3)
                ret->capability_size = htole32((uint32_t)n);
        shift_capability(ret, base);
        return n > 0 || (st->st_mode & (S_ISUID | S_ISGID));
}

static int restore(const char *path, const Note *note)
{
        size_t size = le32toh(note->capability_size);

        if (chmod(path, le32toh(note->mode) & 07777) < 0)
                return -errno;
        if (size > 0 && setxattr(path, CAPABILITY, &note->capability, size, 0) < 0)
                return -errno;
        return removexattr(path, NOTE) < 0 && errno != ENODATA && errno != EOPNOTSUPP ? -errno : 0;
}

/* An entry with its new owner: done, or cut short right after the chown. */
static int finish_entry(const char *path, const struct stat *st, uint32_t base)
{
        Note note;

        return S_ISREG(st->st_mode) && read_note(path, base, &note) ? restore(path, &note) : 0;
}

static int shift_entry(int fd, const struct stat *st, uint32_t base, bool unfinished)
{
        uint32_t uid = shift(st->st_uid, base), gid = shift(st->st_gid, base);
        FdPath path = fd_path(fd);
        Note note;
        int keep = 0, r = 0;

        if (uid == st->st_uid && gid == st->st_gid)
                return unfinished ? finish_entry(path.path, st, base) : 0;
        if (!S_ISLNK(st->st_mode)) {
                r = shift_acl(path.path, "system.posix_acl_access", base);
                if (r >= 0 && S_ISDIR(st->st_mode))
                        r = shift_acl(path.path, "system.posix_acl_default", base);
                if (r >= 0)
                        r = keep = make_note(path.path, st, base, unfinished, &note);
        }
        if (r < 0)
                return r;
        if (keep && setxattr(path.path, NOTE, &note, sizeof(note), 0) < 0 && errno != EOPNOTSUPP)
                return -errno;
        if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
                return -errno;
        return keep ? restore(path.path, &note) : 0;
}

static int open_entry(int dirfd, const char *name)
{
        struct open_how how = {
                .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
        };
        long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

        return fd < 0 ? -errno : (int)fd;
}

static int shift_below(int dir_fd, uint32_t base, bool unfinished, Error *error);

static int shift_one(int dirfd, const char *name, uint32_t base, bool unfinished, Error *error)
{
        _cleanup_close_ int fd = open_entry(dirfd, name);
        struct stat st;
        int r;

        if (fd == -EXDEV)
                return 0; /* a mount: not of this tree */
        if (fd < 0)
                return error_errno(error, -fd, "Failed to open '%s' to change its owner", name);
        if (fstat(fd, &st) < 0)
                return failed(fd, -errno, error);
        r = S_ISDIR(st.st_mode) ? shift_below(fd, base, unfinished, error) : 0;
        if (r < 0)
                return r;
        r = shift_entry(fd, &st, base, unfinished);
        return r < 0 ? failed(fd, r, error) : 0;
}

static int shift_below(int dir_fd, uint32_t base, bool unfinished, Error *error)
{
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d) {
                int r = -errno;

                closep(&fd);
                return failed(dir_fd, r, error);
        }
        for (struct dirent *e; (e = readdir(d));) {
                int r;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                r = shift_one(dirfd(d), e->d_name, base, unfinished, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int chown_tree(int root_fd, uint32_t base, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (fstat(root_fd, &st) < 0)
                return failed(root_fd, -errno, error);
        if (st.st_uid == shift(st.st_uid, base) && st.st_gid == shift(st.st_gid, base))
                return 0;
        fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 ||
            fchown(fd, shift(st.st_uid, CHOWN_TREE_BUSY), shift(st.st_gid, CHOWN_TREE_BUSY)) < 0)
                return failed(root_fd, -errno, error);
        r = shift_below(fd, base, chown_tree_is_unfinished(&st), error);
        if (r < 0)
                return r;
        /* the root's owner says that all is done, so it must not be on disk before the rest is */
        if (syncfs(fd) < 0 || fstat(fd, &st) < 0)
                return failed(fd, -errno, error);
        r = shift_entry(fd, &st, base, false);
        return r < 0 ? failed(fd, r, error) : 0;
}
