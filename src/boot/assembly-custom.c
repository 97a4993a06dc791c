/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mounts that a definition asks for. Sources are the host's, or the tree's with a '+' in front;
 * destinations are resolved inside the machine, whatever symlinks the tree holds. */

#include "boot/assembly.h"

#include "base/fd.h"
#include "base/strv.h"
#include "machine/bind-owners.h"
#include "os/mount.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int open_source(const Assembly *a, const MountSetting *m, const char *source, Error *error)
{
        int fd = source[0] == '+' ? path_open(a->tree_fd, source + 1, O_PATH, 0)
                                  : open(source, O_PATH | O_CLOEXEC);

        if (source[0] != '+' && fd < 0)
                fd = -errno;
        if (fd < 0) {
                error_errno(error, -fd, "%s: the source '%s%s' of mount '%s' cannot be used",
                            m->origin ?: "definition", source[0] == '+' ? a->plan->directory : "",
                            source[0] == '+' ? source + 1 : source, m->destination);
                error_hint(error, "mkdir -p %s%s", source[0] == '+' ? a->plan->directory : "",
                           source[0] == '+' ? source + 1 : source);
        }
        return fd;
}

/* Directories of the host hold ids from 0 on, those of the tree what the tree holds. */
static int map_of(const Assembly *a, const char *source)
{
        return source[0] == '+' ? a->tree_map_fd : a->mapped ? a->map_fd : -EBADF;
}

/* The mount point: a directory, or a file for everything else. */
static int make_target(Assembly *a, const MountSetting *m, bool directory, Error *error)
{
        _cleanup_free_ char *parent = NULL;
        int fd = path_open(a->root_fd, m->destination, O_PATH, 0);

        if (fd >= 0 || fd != -ENOENT)
                return fd < 0 ? error_errno(error, -fd, "%s: cannot use mount point '%s'",
                                            m->origin, m->destination)
                              : fd;
        if (directory) {
                int r = assembly_mkdir(a, m->destination, 0755, error);

                if (r < 0)
                        return r;
        } else {
                const char *slash = strrchr(m->destination, '/');
                int r = 0, file;

                parent = strndup(m->destination, (size_t)(slash - m->destination));
                if (!parent)
                        return error_set(error, ENOMEM, "Out of memory");
                if (parent[0] != '\0')
                        r = assembly_mkdir(a, parent, 0755, error);
                if (r < 0)
                        return r;
                file = path_open(a->root_fd, m->destination, O_CREAT | O_EXCL | O_WRONLY, 0644);
                if (file < 0)
                        return error_errno(error, -file, "%s: failed to create mount point '%s'",
                                           m->origin, m->destination);
                (void)close(file); /* nothing was written */
        }
        fd = path_open(a->root_fd, m->destination, O_PATH, 0);
        return fd < 0 ? error_errno(error, -fd, "%s: failed to open '%s'", m->origin,
                                    m->destination)
                      : fd;
}

/* The user namespace through which a bind mount is shown; *ret < 0: as it is. */
static int make_map(const Assembly *a, const MountSetting *m, const struct stat *source,
                    int target_fd, int *ret, Error *error)
{
        BindRange range = { .base = a->base, .size = a->size, .plain_fd = a->map_fd };
        struct stat target;

        if (m->sources[0][0] == '+' && m->users.n + m->groups.n == 0 &&
            (m->idmap == BIND_NOIDMAP || m->idmap == BIND_IDMAP)) {
                *ret = -EBADF;
                if (a->tree_map_fd < 0)
                        return 0;
                *ret = fcntl(a->tree_map_fd, F_DUPFD_CLOEXEC, 3); /* as it looks in place */
                return *ret < 0 ? -errno : 0;
        }
        if (fstat(target_fd, &target) < 0)
                return -errno;
        return bind_owners_open(m, &range, source, &target, ret, error);
}

/* The detached mount of a bind's source, and its type and owner. */
static int clone_source(Assembly *a, const MountSetting *m, struct stat *ret_st, Error *error)
{
        _cleanup_close_ int source = -EBADF;
        int fd;

        if (m->sources[0][0] == '\0') {
                fd = mount_newf("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                                "mode=0755,uid=%u,gid=%u", a->base, a->base);
                ret_st->st_mode = S_IFDIR;
        } else {
                source = open_source(a, m, m->sources[0], error);
                if (source < 0)
                        return source;
                if (fstat(source, ret_st) < 0)
                        return error_errno(error, errno, "Failed to examine '%s'", m->sources[0]);
                fd = mount_clone(source, "", m->recursive);
        }
        return fd < 0 ? error_errno(error, -fd, "%s: failed to clone the mount of '%s'", m->origin,
                                    m->sources[0])
                      : fd;
}

/* Owners and rights. @target_fd: what it will be mounted on. */
static int set_up_bind(Assembly *a, const MountSetting *m, int fd, const struct stat *st,
                       int target_fd, Error *error)
{
        _cleanup_close_ int map = -EBADF;
        int r = m->sources[0][0] ? make_map(a, m, st, target_fd, &map, error) : 0;

        if (r >= 0 && map >= 0)
                r = mount_set_idmap(fd, map, m->recursive);
        if (r < 0) {
                if (map >= 0)
                        error_hint(error,
                                   "findmnt -T %s; on a file system without idmapped mounts use "
                                   "Bind=%s:%s:noidmap",
                                   m->sources[0], m->sources[0], m->destination);
                return error_errno(error, -r,
                                   "%s: '%s' cannot be shown with other owners (idmapped mount)",
                                   m->origin, m->sources[0]);
        }
        r = mount_set_attributes(fd, m->read_only ? MOUNT_ATTR_RDONLY : 0, 0, m->recursive);
        return r < 0 ? error_errno(error, -r, "%s: failed to set up the mount of '%s'", m->origin,
                                   m->sources[0])
                     : 0;
}

static int mount_bind(Assembly *a, const MountSetting *m, Error *error)
{
        _cleanup_close_ int target = -EBADF, fd = -EBADF;
        struct stat st;
        int r;

        fd = clone_source(a, m, &st, error);
        if (fd < 0)
                return fd;
        target = make_target(a, m, S_ISDIR(st.st_mode), error);
        if (target < 0)
                return target;
        r = set_up_bind(a, m, fd, &st, target, error);
        if (r < 0)
                return r;
        r = mount_attach(fd, target, "");
        return r < 0 ? error_errno(error, -r, "%s: failed to mount '%s' on '%s'", m->origin,
                                   m->sources[0], m->destination)
                     : 0;
}

/* uid= and gid= are the machine's numbers, shifted into its range; attributes become mount
 * attributes. */
static int tmpfs_options(const Assembly *a, const MountSetting *m, char ***ret,
                         uint64_t *attributes)
{
        static const struct {
                const char *word;
                uint64_t attribute;
        } flags[] = {
                { "ro", MOUNT_ATTR_RDONLY },       { "nosuid", MOUNT_ATTR_NOSUID },
                { "nodev", MOUNT_ATTR_NODEV },     { "noexec", MOUNT_ATTR_NOEXEC },
                { "noatime", MOUNT_ATTR_NOATIME },
        };
        _cleanup_strv_ char **words = NULL, **out = NULL;
        bool uid = false, gid = false;
        int r = strv_split(m->options ?: "mode=0755", ",", &words);

        STRV_FOREACH (w, words) {
                uint32_t id;
                bool known = strcmp(*w, "rw") == 0;

                for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                        if (strcmp(*w, flags[i].word) == 0) {
                                *attributes |= flags[i].attribute;
                                known = true;
                        }
                if (known || r < 0)
                        continue;
                if ((strncmp(*w, "uid=", 4) == 0 || strncmp(*w, "gid=", 4) == 0) &&
                    parse_uint32(*w + 4, &id) >= 0) {
                        *(**w == 'u' ? &uid : &gid) = true;
                        r = strv_pushf(&out, "%.4s%u", *w, a->base + id);
                } else {
                        r = strv_push(&out, *w);
                }
        }
        if (r >= 0 && !uid)
                r = strv_pushf(&out, "uid=%u", a->base);
        if (r >= 0 && !gid)
                r = strv_pushf(&out, "gid=%u", a->base);
        if (r >= 0)
                *ret = TAKE_PTR(out);
        return r;
}

static int attach_directory(Assembly *a, const MountSetting *m, int mount_fd, Error *error)
{
        _cleanup_close_ int target = make_target(a, m, true, error);
        int r;

        if (target < 0)
                return target;
        r = mount_attach(mount_fd, target, "");
        return r < 0 ? error_errno(error, -r, "%s: failed to mount on '%s'", m->origin,
                                   m->destination)
                     : 0;
}

static int mount_tmpfs(Assembly *a, const MountSetting *m, Error *error)
{
        _cleanup_strv_ char **options = NULL;
        uint64_t attributes = 0;
        _cleanup_close_ int fd = -EBADF;
        int r = tmpfs_options(a, m, &options, &attributes);

        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        fd = mount_new("tmpfs", options, attributes);
        if (fd < 0) {
                error_errno(error, -fd, "%s: tmpfs on '%s' with options '%s'", m->origin,
                            m->destination, m->options ?: "");
                error_hint(error, "man 5 tmpfs  (options that tmpfs knows)");
                return fd;
        }
        return attach_directory(a, m, fd, error);
}

static int overlay_lower(Assembly *a, const MountSetting *m, const char *source, Error *error)
{
        _cleanup_close_ int from = open_source(a, m, source, error), fd = -EBADF;
        int r;

        if (from < 0)
                return from;
        fd = assembly_clone_mapped(a, from, "", map_of(a, source), error);
        if (fd < 0)
                return fd;
        r = assembly_scratch(a, fd, error);
        return r < 0 ? r : TAKE_FD(fd);
}

/* Upper and work directory have to be on one mount: their parent is shown, and both opened in it.
 */
static int overlay_upper(Assembly *a, const MountSetting *m, const char *source, int *ret_upper,
                         int *ret_work, Error *error)
{
        _cleanup_free_ char *parent = NULL, *work = NULL;
        _cleanup_close_ int from = -EBADF, fd = -EBADF;
        const char *name = strrchr(source, '/');
        bool in_tree = source[0] == '+';
        struct stat st;
        int r;

        if (!name || name[1] == '\0')
                return error_set(error, EINVAL, "%s: '%s' cannot be an upper layer", m->origin,
                                 source);
        parent = strndup(source, MAX_OF((size_t)(name - source), (size_t)1));
        if (!parent || asprintf(&work, ".#%s.stead-work", name + 1) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        from = open_source(a, m, parent, error);
        if (from < 0)
                return from;
        if (fstatat(from, name + 1, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                error_errno(error, errno, "%s: cannot use the upper layer '%s'", m->origin, source);
                error_hint(error, "mkdir -p %s", source);
                return -error->number;
        }
        /* on disk it belongs to whom the upper layer belongs to: only such ids are in the map */
        if ((mkdirat(from, work, 0700) < 0 && errno != EEXIST) ||
            fchownat(from, work, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno(error, errno, "%s: failed to make '%s/%s'", m->origin, parent,
                                   work);
        if (strv_pushf(&a->work_directories, "%s%s%s/%s", in_tree ? a->plan->directory : "",
                       in_tree ? a->plan->pivot_root_new ?: "" : "", parent + in_tree, work) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        fd = assembly_clone_mapped(a, from, "", map_of(a, source), error);
        if (fd < 0)
                return fd;
        r = assembly_scratch(a, fd, error);
        if (r < 0)
                return r;
        *ret_upper = openat(fd, name + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
        *ret_work = openat(fd, work, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return *ret_upper < 0 || *ret_work < 0
                       ? error_errno(error, errno, "%s: cannot use the upper layer '%s'", m->origin,
                                     source)
                       : 0;
}

static int overlay_temporary_upper(Assembly *a, int *ret_upper, int *ret_work, Error *error)
{
        _cleanup_close_ int fd =
                mount_newf("tmpfs", MOUNT_ATTR_NOSUID, "mode=0755,uid=%u,gid=%u", a->base, a->base);
        int r;

        if (fd < 0)
                return error_errno(error, -fd, "Failed to make a tmpfs");
        r = assembly_scratch(a, fd, error);
        if (r < 0)
                return r;
        if (mkdirat(fd, "upper", 0755) < 0 || mkdirat(fd, "work", 0700) < 0)
                return error_errno(error, errno, "Failed to make an upper layer");
        *ret_upper = openat(fd, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
        *ret_work = openat(fd, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return *ret_upper < 0 || *ret_work < 0
                       ? error_errno(error, errno, "Failed to open an upper layer")
                       : 0;
}

static int make_overlay(Assembly *a, const MountSetting *m, Error *error)
{
        size_t n = strv_length(m->sources), n_lower = m->read_only ? n : n - 1;
        _cleanup_close_ int upper = -EBADF, work = -EBADF;
        int lower[64], r = 0;
        size_t i = 0;

        if (n_lower == 0 || n_lower > ELEMENTSOF(lower))
                return error_set(error, EINVAL, "%s: an overlay takes 1 to %zu lower layers",
                                 m->origin, ELEMENTSOF(lower));
        for (; r >= 0 && i < n_lower; i++)
                r = lower[i] = overlay_lower(a, m, m->sources[i], error);
        if (r >= 0 && !m->read_only)
                r = m->sources[n - 1][0] == '\0'
                            ? overlay_temporary_upper(a, &upper, &work, error)
                            : overlay_upper(a, m, m->sources[n - 1], &upper, &work, error);
        if (r >= 0)
                r = assembly_overlay(a, lower, n_lower, upper, work, error);
        while (i > 0)
                closep(&lower[--i]);
        return r;
}

static int mount_overlay(Assembly *a, const MountSetting *m, Error *error)
{
        _cleanup_close_ int fd = make_overlay(a, m, error);

        return fd < 0 ? fd : attach_directory(a, m, fd, error);
}

static int mount_inaccessible(Assembly *a, const MountSetting *m, Error *error)
{
        _cleanup_close_ int target = path_open(a->root_fd, m->destination, O_PATH, 0);
        _cleanup_close_ int from = -EBADF;
        struct stat st;
        int r;
        const char *with = "/run/host/inaccessible/reg";

        if (target < 0 || fstat(target, &st) < 0) {
                error_errno(error, target < 0 ? -target : errno, "%s: cannot hide '%s'", m->origin,
                            m->destination);
                error_hint(error, "ls -l %s%s", a->plan->directory, m->destination);
                return -error->number;
        }
        if (S_ISDIR(st.st_mode))
                with = "/run/host/inaccessible/dir";
        else if (S_ISFIFO(st.st_mode))
                with = "/run/host/inaccessible/fifo";
        else if (S_ISSOCK(st.st_mode))
                with = "/run/host/inaccessible/sock";
        from = path_open(a->root_fd, with, O_PATH, 0);
        r = from < 0 ? from
                     : assembly_cover(from, target, MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API);
        return r < 0 ? error_errno(error, -r, "%s: failed to hide '%s'", m->origin, m->destination)
                     : 0;
}

/* overlayfs writes with the ids of who makes it, and through an id map only the machine's can. */
static int make_root_overlay(Assembly *a, const MountSetting *m, Error *error)
{
        Creator creator = CREATOR_NULL;
        int r = creator_enter(a->mapped ? a->base : 0, &creator);

        if (r < 0)
                return error_errno(error, -r, "Failed to create files as user %u", a->base);
        r = make_overlay(a, m, error);
        creator_leave(&creator);
        return r;
}

int assembly_custom_root(Assembly *a, Error *error)
{
        const MountSetting *m = a->plan->root_mount;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (m->kind == MOUNT_OVERLAY)
                return make_root_overlay(a, m, error);
        fd = clone_source(a, m, &st, error);
        if (fd < 0)
                return fd;
        r = set_up_bind(a, m, fd, &st, a->tree_fd, error);
        if (r < 0)
                return r;
        r = mount_set_attributes(fd, a->mapped ? MOUNT_ATTR_NODEV : 0, 0, true);
        if (r >= 0)
                r = mount_set_propagation(fd, MS_PRIVATE, true);
        return r < 0 ? error_errno(error, -r, "%s: failed to set up the root '%s'", m->origin,
                                   m->sources[0])
                     : TAKE_FD(fd);
}

int assembly_custom(Assembly *a, Error *error)
{
        static int (*const make[_MOUNT_KIND_MAX])(Assembly *, const MountSetting *, Error *) = {
                [MOUNT_BIND] = mount_bind,
                [MOUNT_TMPFS] = mount_tmpfs,
                [MOUNT_OVERLAY] = mount_overlay,
                [MOUNT_INACCESSIBLE] = mount_inaccessible,
        };

        for (size_t i = 0; i < a->plan->n_mounts; i++) {
                int r = make[a->plan->mounts[i].kind](a, &a->plan->mounts[i], error);

                if (r < 0)
                        return r;
        }
        return 0;
}
