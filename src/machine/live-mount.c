/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bind mounts in running machines. The mount is made with the host's rights, in a mount namespace
 * that ends with the process that makes it, and is then handed to the machine:
 *
 *   namespaces of the process       what it does
 *   own mount namespace             clone of the source, id map, attributes, attached somewhere
 *   + machine's user namespace      copies the mount namespace, which locks the attributes of what
 *                                   is in it: root of the machine cannot make it writable again
 *   + machine's mount namespace     attaches a clone of that copy at the destination
 *
 * Without a user namespace there is nobody to lock it for, and the first clone is attached. */

#include "machine/live-mount.h"

#include "base/fd.h"
#include "image/errand.h"
#include "machine/bind-owners.h"
#include "machine/join.h"
#include "os/cgroup.h"
#include "os/clone.h"
#include "os/mount-table.h"
#include "os/mount.h"
#include "os/namespace.h"
#include "os/path.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

typedef struct Attach {
        const Machine *m;
        const MountSetting *setting;
        const char *source;
        struct stat source_st, target_st;
        int root_fd;
        int *id; /* shared with the child */
} Attach;

static int make_target(void *argument, Error *error)
{
        const Attach *a = argument;
        const char *destination = a->setting->destination, *slash = strrchr(destination, '/');
        _cleanup_close_ int root_fd = -EBADF, fd = -EBADF;
        _cleanup_free_ char *parent = NULL;
        int r = machine_join(a->m, error);

        if (r < 0)
                return r;
        (void)errand_die_with_caller(); /* quick either way */
        parent = strndup(destination, (size_t)(slash - destination));
        root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (!parent || root_fd < 0)
                r = -errno;
        else if (S_ISDIR(a->source_st.st_mode))
                r = path_mkdirs(root_fd, destination, 0755);
        else
                r = path_mkdirs(root_fd, parent, 0755);
        if (r >= 0 && !S_ISDIR(a->source_st.st_mode))
                r = fd = path_open(root_fd, destination, O_CREAT | O_EXCL | O_WRONLY, 0644);
        return r < 0 ? error_errno(error, -r, "Failed to make '%s' in machine '%s'", destination,
                                   a->m->name)
                     : 0;
}

static int no_target(const Attach *a, int r, Error *error)
{
        if (r == -ENOENT)
                error_hint(error, "stead bind --mkdir %s %s %s", a->m->name, a->setting->sources[0],
                           a->setting->destination);
        if (r == -ENOENT)
                return error_set(error, ENOENT, "There is no '%s' in machine '%s' to mount on",
                                 a->setting->destination, a->m->name);
        return error_errno(error, -r, "Cannot mount on '%s' of machine '%s'",
                           a->setting->destination, a->m->name);
}

/* Looks at both ends, and makes the mount point if that is wanted. */
static int examine(Attach *a, bool make, Error *error)
{
        const char *source = a->setting->sources[0], *destination = a->setting->destination;
        _cleanup_close_ int target = -EBADF;
        int r;

        if (strcmp(destination, "/") == 0)
                return error_set(error, EBUSY, "The root directory of machine '%s' is in use",
                                 a->m->name);
        if (stat(source, &a->source_st) < 0) {
                error_hint(error, "ls -ld %s", source);
                return error_errno(error, errno, "Cannot use '%s'", source);
        }
        target = path_open(a->root_fd, destination, O_PATH, 0);
        if (target == -ENOENT && make) {
                r = errand_run(make_target, a, error);
                if (r < 0)
                        return r;
                target = path_open(a->root_fd, destination, O_PATH, 0);
        }
        if (target < 0)
                return no_target(a, target, error);
        if (fstat(target, &a->target_st) < 0)
                return no_target(a, -errno, error);
        if (S_ISDIR(a->source_st.st_mode) && !S_ISDIR(a->target_st.st_mode))
                return error_set(error, ENOTDIR,
                                 "'%s' is a directory, '%s' of machine '%s' is none", source,
                                 destination, a->m->name);
        if (!S_ISDIR(a->source_st.st_mode) && S_ISDIR(a->target_st.st_mode)) {
                const char *name = strrchr(source, '/') + 1;

                error_hint(error, "stead bind --mkdir %s %s %s/%s", a->m->name, source, destination,
                           name);
                return error_set(error, EISDIR,
                                 "'%s' is no directory, but '%s' of machine '%s' is one", source,
                                 destination, a->m->name);
        }
        return 0;
}

static int set_up(const Attach *a, int fd, Error *error)
{
        const MountSetting *s = a->setting;
        BindRange range = { a->m->uid_base, a->m->uid_size, -EBADF };
        _cleanup_close_ int map = -EBADF;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return error_errno(error, errno, "Failed to examine '%s'", s->sources[0]);
        r = bind_owners_open(s, &range, &st, &a->target_st, &map, error);
        if (r < 0)
                return r;
        r = map < 0 ? 0 : mount_set_idmap(fd, map, s->recursive);
        if (r < 0) {
                if (S_ISDIR(st.st_mode))
                        error_hint(error,
                                   "findmnt -R -T %s; with norbind mounts below it are left out",
                                   s->sources[0]);
                else
                        error_hint(error, "stead bind %s %s %s:noidmap", a->m->name, s->sources[0],
                                   s->destination);
                return error_errno(error, -r,
                                   "'%s' cannot be shown with other owners (idmapped mount)",
                                   s->sources[0]);
        }
        r = mount_set_attributes(fd, s->read_only ? MOUNT_ATTR_RDONLY : 0, 0, s->recursive);
        if (r >= 0)
                r = mount_set_propagation(fd, MS_PRIVATE,
                                          true); /* nothing comes back to the host */
        return r < 0 ? error_errno(error, -r, "Failed to set up the mount of '%s'", s->sources[0])
                     : 0;
}

/* Takes @fd, gives a clone whose attributes belong to the machine's user namespace. */
static int lock_attributes(const Attach *a, int fd)
{
        _cleanup_close_ int mount_fd = fd, scratch = -EBADF;
        _cleanup_free_ char *place = machine_path(a->m->name, "");
        _cleanup_free_ char *path = machine_path(a->m->name, "mount");
        int r;

        if (!place || !path)
                return -ENOMEM;
        scratch = mount_newf("tmpfs", MOUNT_ATTRIBUTES_API, "mode=0755,size=64k");
        r = scratch < 0 ? scratch : mount_attach(scratch, AT_FDCWD, place);
        if (r < 0)
                return r;
        if (S_ISDIR(a->source_st.st_mode) ? mkdirat(scratch, "mount", 0755) < 0
                                          : mknodat(scratch, "mount", S_IFREG | 0644, 0) < 0)
                return -errno;
        r = mount_attach(mount_fd, scratch, "mount");
        if (r >= 0)
                r = namespace_join(a->m->leader_fd, CLONE_NEWUSER);
        if (r >= 0 && unshare(CLONE_NEWNS) < 0)
                r = -errno;
        return r < 0 ? r : mount_clone(AT_FDCWD, path, true);
}

static int attach(const Attach *a, int fd)
{
        _cleanup_close_ int target = -EBADF;
        struct statx stx;
        int r = namespace_join(a->m->leader_fd, CLONE_NEWNS);

        if (r < 0)
                return r;
        target = path_open(a->root_fd, a->setting->destination, O_PATH, 0);
        if (target < 0)
                return target;
        r = mount_attach(fd, target, "");
        if (r < 0)
                return r;
        if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
                return -errno;
        *a->id = (int)stx.stx_mnt_id;
        return 0;
}

static int attach_child(void *argument, Error *error)
{
        const Attach *a = argument;
        const char *source = a->setting->sources[0];
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (errand_die_with_caller() < 0 || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return error_errno(error, errno, "Failed to make a private mount namespace");
        fd = mount_clone(AT_FDCWD, source, a->setting->recursive);
        if (fd < 0)
                return error_errno(error, -fd, "Failed to clone the mount of '%s'", source);
        r = set_up(a, fd, error);
        if (r < 0)
                return r;
        if (a->m->uid_size > 0) {
                fd = lock_attributes(a, fd);
                if (fd < 0)
                        return error_errno(error, -fd,
                                           "Failed to make a mount of '%s' for machine '%s'",
                                           source, a->m->name);
        }
        r = attach(a, fd);
        return r < 0 ? error_errno(error, -r, "Failed to mount '%s' on '%s' of machine '%s'",
                                   source, a->setting->destination, a->m->name)
                     : 0;
}

/* Mounts, and returns the number of the mount. */
static int run_attach(Attach *a, Error *error)
{
        int *id =
                mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int r;

        if (id == MAP_FAILED)
                return error_errno(error, errno, "Failed to share memory");
        a->id = id;
        r = errand_run(attach_child, a, error);
        if (r >= 0)
                r = *id;
        (void)munmap(id, sizeof(int)); /* it was mapped */
        return r;
}

int live_mount_attach(const Machine *m, const MountSetting *setting, bool make_target, Error *error)
{
        _cleanup_close_ int root_fd = -EBADF, record = -EBADF;
        _cleanup_buffer_ Buffer options = BUFFER_NULL;
        Attach a = { .m = m, .setting = setting };
        LiveMount *list = NULL, mount;
        size_t n = 0;
        int r;

        record = live_mount_record_open(m, true, error);
        if (record < 0)
                return record;
        root_fd = a.root_fd = machine_open_root(m, error);
        if (root_fd < 0)
                return root_fd;
        mount_setting_format_options(setting, &options);
        if (buffer_error(&options) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = examine(&a, make_target, error);
        if (r >= 0)
                r = live_mount_record_read(record, m, &list, &n, error);
        if (r >= 0)
                r = run_attach(&a, error);
        if (r >= 0) {
                mount = (LiveMount){ .id = r,
                                     .source = setting->sources[0],
                                     .options = options.data,
                                     .read_only = setting->read_only };
                r = live_mount_record_write(record, m, list, n, &mount, -1, error);
        }
        live_mount_list_free(list, n);
        return r;
}

typedef struct Detach {
        const Machine *m;
        const char *path; /* without symlinks, from mountinfo */
        int id;
        bool lazy;
} Detach;

static int mount_id(int fd)
{
        struct statx stx;

        return statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 ? -errno : (int)stx.stx_mnt_id;
}

static int detach_child(void *argument, Error *error)
{
        const Detach *d = argument;
        _cleanup_close_ int parent = -EBADF, target = -EBADF;
        const char *name;
        int r = machine_join(d->m, error);

        if (r < 0)
                return r;
        (void)errand_die_with_caller(); /* quick either way */
        parent = path_open_parent(AT_FDCWD, d->path, &name);
        target = parent < 0 ? parent
                            : openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (parent < 0 || target < 0 || fchdir(parent) < 0)
                return error_errno(error, parent < 0 ? -parent : errno,
                                   "Failed to open '%s' of machine '%s'", d->path, d->m->name);
        if (mount_id(target) != d->id)
                return error_set(error, EBUSY, "Another mount covers '%s' of machine '%s' by now",
                                 d->path, d->m->name);
        (void)close(target); /* it would be a use of the mount */
        target = -EBADF;
        if (umount2(name, UMOUNT_NOFOLLOW | (d->lazy ? MNT_DETACH : 0)) >= 0)
                return 0;
        if (errno == EBUSY) {
                error_hint(error, "stead exec %s -- fuser -vm %s; stead unbind --lazy %s %s",
                           d->m->name, d->path, d->m->name, d->path);
                return error_set(error, EBUSY, "'%s' of machine '%s' is in use", d->path,
                                 d->m->name);
        }
        return error_errno(error, errno, "Failed to unmount '%s' of machine '%s'", d->path,
                           d->m->name);
}

/* The kernel takes mounts that came along with a recursive one away with it and not before, since
 * they are locked; a mount that carries others is always "in use" to it. */
static int has_mounts_below(const Machine *m, int id)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_NULL;
        MountEntry entry;
        int r = mount_table_read(m->leader, &table);

        while (r >= 0 && (r = mount_table_next(&table, &entry)) > 0)
                if (entry.parent == id)
                        return 1;
        return r;
}

static int find_detach(const Machine *m, const char *destination, const LiveMount *list, size_t n,
                       Detach *ret, Error *error)
{
        _cleanup_close_ int root_fd = machine_open_root(m, error), target = -EBADF;
        struct statx stx;

        if (root_fd < 0)
                return root_fd;
        target = path_open(root_fd, destination, O_PATH, 0);
        if (target < 0)
                return error_errno(error, -target, "Cannot look at '%s' of machine '%s'",
                                   destination, m->name);
        if (statx(target, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
                return error_errno(error, errno, "Failed to examine '%s' of machine '%s'",
                                   destination, m->name);
        error_hint(error, "stead bind %s  (shows what can be taken away)", m->name);
        if (!(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
                return error_set(error, ENOENT, "Nothing is mounted on '%s' of machine '%s'",
                                 destination, m->name);
        for (size_t i = 0; i < n; i++)
                if (list[i].id == (int)stx.stx_mnt_id) {
                        error_done(error);
                        ret->path = list[i].destination;
                        ret->id = list[i].id;
                        return 0;
                }
        return error_set(error, EPERM,
                         "What is mounted on '%s' of machine '%s' was not made by 'stead bind'",
                         destination, m->name);
}

int live_mount_detach(const Machine *m, const char *destination, bool lazy, Error *error)
{
        _cleanup_close_ int record = live_mount_record_open(m, true, error);
        Detach d = { .m = m, .lazy = lazy };
        LiveMount *list = NULL;
        size_t n = 0;
        int r;

        if (record < 0)
                return record;
        r = live_mount_record_read(record, m, &list, &n, error);
        if (r >= 0)
                r = find_detach(m, destination, list, n, &d, error);
        if (r >= 0) {
                d.lazy = d.lazy || has_mounts_below(m, d.id) > 0;
                r = errand_run(detach_child, &d, error);
        }
        if (r >= 0)
                r = live_mount_record_write(record, m, list, n, NULL, d.id, error);
        live_mount_list_free(list, n);
        return r;
}

/* access(2) asks the policy of the caller's cgroup, and opens nothing. */
static int try_access(int cgroup_fd, const char *device, bool read_only)
{
        _cleanup_close_ int pid_fd = -EBADF;
        siginfo_t info = {};
        pid_t pid = clone_process(0, cgroup_fd, &pid_fd);

        if (pid < 0)
                return pid;
        if (pid == 0)
                _exit(access(device, read_only ? R_OK : R_OK | W_OK) < 0 ? errno : 0);
        (void)pidfd_reap(pid_fd, &info); /* our child: it cannot fail */
        if (info.si_code != CLD_EXITED)
                return -EIO;
        return info.si_status == 0 ? 1 : info.si_status == EPERM ? 0 : -info.si_status;
}

int live_mount_device_allowed(const Machine *m, const char *device, bool read_only, Error *error)
{
        _cleanup_free_ char *cgroup = NULL, *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *top;
        int r;

        if (!m->cgroup)
                return 1; /* nothing guards it */
        /* that of PID 1: a cgroup with processes takes one more */
        r = cgroup_mount_point(&top);
        if (r >= 0)
                r = cgroup_of(m->leader, &cgroup);
        if (r >= 0 && asprintf(&path, "%s%s", top, cgroup) < 0) {
                path = NULL;
                r = -ENOMEM;
        }
        if (r >= 0) {
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = fd < 0 ? -errno : try_access(fd, device, read_only);
        }
        return r < 0 ? error_errno(error, -r, "Failed to ask the device policy of machine '%s'",
                                   m->name)
                     : r;
}
