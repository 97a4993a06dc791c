/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a disk image to the devices of its file systems. */

#include "image/disk-root.h"

#include "base/fd.h"
#include "base/strv.h"
#include "config/image-policy.h"
#include "image/disk-mount.h"
#include "image/disk-refusal.h"
#include "os/loop.h"
#include "os/verity.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* Of 20 ms: the devices of a machine that was killed are on their way. */
#define LEFT_OVER_TRIES 100

static int out_of_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

DiskRoot *disk_root_free(DiskRoot *d)
{
        if (!d)
                return NULL;
        closep(&d->view_fd);
        for (DiskRole i = 0; i < _DISK_ROLE_MAX; i++) {
                DiskFs *f = &d->fs[i];

                if (f->verity && verity_is_corrupt(f->verity) > 0)
                        fprintf(stderr,
                                "Disk image '%s': what was read of %s is not what its root hash "
                                "says; the image is damaged or was changed.\n",
                                d->path, disk_role_to_string(i));
                closep(&f->fd);
                closep(&f->data_fd);
                closep(&f->hash_fd);
                free(f->device);
                free(f->verity);
        }
        closep(&d->image_fd);
        tree_lock_release(&d->lock);
        free(d->path);
        free(d);
        return NULL;
}

static int disk_root_new(const DiskRootOptions *o, DiskRoot **ret, Error *error)
{
        _cleanup_disk_root_ DiskRoot *d = calloc(1, sizeof(*d));

        if (!d)
                return out_of_memory(error);
        d->image_fd = d->view_fd = -EBADF;
        d->lock = TREE_LOCK_NULL;
        d->look_only = o->look_only;
        for (DiskRole i = 0; i < _DISK_ROLE_MAX; i++)
                d->fs[i].fd = d->fs[i].data_fd = d->fs[i].hash_fd = -EBADF;
        d->path = realpath(o->path, NULL);
        if (!d->path)
                return error_errno(error, errno, "Cannot use '%s' as a disk image", o->path);
        *ret = TAKE_PTR(d);
        return 0;
}

/* A file that may not be written to is no error: its machine is read-only then. */
static int open_image(DiskRoot *d, bool write, Error *error)
{
        struct stat st;

        if (stat(d->path, &st) < 0)
                return error_errno(error, errno, "Cannot use '%s' as a disk image", d->path);
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
                error_hint(error, S_ISDIR(st.st_mode) ? "--directory=%s" : "ls -l %s", d->path);
                return error_set(error, S_ISDIR(st.st_mode) ? EISDIR : ENODEV,
                                 "Cannot use '%s' as a disk image: it is neither a file nor a disk",
                                 d->path);
        }
        d->block = S_ISBLK(st.st_mode);
        if (write && !d->look_only)
                d->image_fd = open(d->path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        d->writable = d->image_fd >= 0 || (write && d->look_only && access(d->path, W_OK) >= 0);
        if (d->image_fd < 0)
                d->image_fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        return d->image_fd < 0 ? error_errno(error, errno, "Cannot open disk image '%s'", d->path)
                               : 0;
}

static bool is_system(DiskRole role)
{
        return role == DISK_ESP || role == DISK_XBOOTLDR;
}

/* stead-dissect has refused what can be no root; this is of the others. */
static int refuse_type(const DiskRoot *d, DiskRole role, Error *error)
{
        const DiskPart *p = &d->layout.parts[role];
        const char *name = disk_role_to_string(role), *type = p->type;

        if (p->refused[0]) {
                const DiskRefusal why = { .kind = disk_refusal_kind_from_string(p->refused),
                                          .part = p->number,
                                          .name = name };
                int r = disk_refusal_report(&why, d->path, error);

                error_hint(error, "leave it out: --image-policy=%s=ignore:=open", name);
                return r;
        }
        error_hint(error, "mkfs.ext4; or leave it out: --image-policy=%s=ignore:=open", name);
        return error_set(error, EPROTONOSUPPORT,
                         "The partition %s of disk image '%s' cannot be mounted: it holds %s", name,
                         d->path, *type ? type : "nothing that is known");
}

/* 1: it is used; 0: it is left out. */
static int allow(const DiskRoot *d, DiskRole role, int policy, bool verity, Error *error)
{
        const DiskPart *p = &d->layout.parts[role];
        const char *name = disk_role_to_string(role);
        int needed = verity ? IMAGE_POLICY_VERITY : IMAGE_POLICY_UNPROTECTED;

        if (!p->found) {
                if (policy & IMAGE_POLICY_ABSENT)
                        return 0;
                error_hint(error, "--image-policy=%s=absent:=open", name);
                return error_set(error, ENOENT,
                                 "Disk image '%s' has no partition %s, and the policy wants one",
                                 d->path, name);
        }
        if (policy & needed)
                return 1;
        if (policy & IMAGE_POLICY_UNUSED)
                return 0;
        if ((policy & IMAGE_POLICY_VERITY) && !verity && (role == DISK_ROOT || role == DISK_USR))
                error_hint(error, "--root-hash=HEX, or a file %.*s.%shash",
                           disk_stem_length(d->path), d->path, name);
        else
                error_hint(error, "--image-policy=%s=open", name);
        return error_set(error, EPERM,
                         "The partition %s of disk image '%s' is %s, and the policy "
                         "does not take that",
                         name, d->path, verity ? "protected by verity" : "not protected");
}

/* Whoever writes makes the hashes worthless, also where they are not asked for. */
static bool has_hashes(const DiskRoot *d, DiskRole role, const char *hash)
{
        return hash || (role == DISK_ROOT && d->layout.parts[DISK_ROOT_VERITY].found) ||
               (role == DISK_USR && d->layout.parts[DISK_USR_VERITY].found);
}

/* An image without a root, but with a /usr, has the root that --volatile=yes makes. */
static int choose(DiskRoot *d, const DiskRootOptions *o, char *hashes[_DISK_ROLE_MAX], Error *error)
{
        for (DiskRole i = 0; i < DISK_ROOT_VERITY; i++) {
                const DiskPart *p = &d->layout.parts[i];
                DiskFs *f = &d->fs[i];
                int policy = image_policy_find(o->policy, disk_role_to_string(i), error);
                int r = policy;

                if (r >= 0 && p->found && (i == DISK_ROOT || i == DISK_USR))
                        r = disk_verity_hash(d, o, i, &hashes[i], error);
                /* one that is only found there need not be used */
                if (hashes[i] && !o->root_hash && !(policy & IMAGE_POLICY_VERITY) &&
                    (policy & IMAGE_POLICY_UNPROTECTED)) {
                        free(hashes[i]);
                        hashes[i] = NULL;
                }
                if (r >= 0)
                        r = allow(d, i, policy, hashes[i], error);
                if (r > 0 && !disk_type_is_known(p->type, is_system(i)))
                        r = is_system(i) ? 0 : refuse_type(d, i, error);
                if (r < 0)
                        return r;
                f->used = r > 0;
                f->read_only = !d->writable || p->read_only || has_hashes(d, i, hashes[i]) ||
                               (policy & IMAGE_POLICY_READ_ONLY) || disk_type_is_fixed(p->type);
        }
        d->usr_only = !d->fs[DISK_ROOT].used && d->fs[DISK_USR].used;
        if (d->fs[DISK_ROOT].used || d->usr_only)
                return 0;
        error_hint(error, "stead-launch --help  (--image-policy)");
        return error_set(error, EMEDIUMTYPE,
                         "Neither root nor /usr of disk image '%s' is to be used", d->path);
}

/* A file of hashes without a hash to check it by protects nothing, and whoever names one believes
 * that it does. */
static int check_verity_data(const DiskRootOptions *o, const DiskRoot *d,
                             char *const hashes[_DISK_ROLE_MAX], Error *error)
{
        if (!o->verity_data)
                return 0;
        if (strcmp(d->layout.table, "none") != 0) {
                error_hint(error, "leave out --verity-data=%s", o->verity_data);
                return error_set(error, EINVAL,
                                 "Disk image '%s' has partitions, and hashes only in one of those",
                                 d->path);
        }
        if (hashes[DISK_ROOT])
                return 0;
        error_hint(error, "--root-hash=HEX  (veritysetup format prints it)");
        return error_set(
                error, EINVAL,
                "Disk image '%s' has no root hash, so that the hashes in '%s' are not used",
                d->path, o->verity_data);
}

static bool is_written_to(const DiskRoot *d)
{
        for (DiskRole i = 0; i < _DISK_ROLE_MAX; i++)
                if (d->fs[i].used && !d->fs[i].read_only)
                        return true;
        return false;
}

static int in_use(const DiskRoot *d, Error *error)
{
        error_hint(error, "stead list; fuser -v %s; losetup -j %s", d->path, d->path);
        return error_set(error, EBUSY, "Disk image '%s' is in use", d->path);
}

/* Loop devices hold the lock of the file that they were made with. Those of a machine that was
 * killed need a moment. */
static int lock_file(const DiskRoot *d, bool exclusive, Error *error)
{
        for (unsigned try = 0;; try++) {
                if (flock(d->image_fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) >= 0)
                        return 0;
                if (errno != EWOULDBLOCK)
                        return error_errno(error, errno, "Failed to lock disk image '%s'", d->path);
                if (try == LEFT_OVER_TRIES)
                        return in_use(d, error);
                (void)nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
        }
}

/* A disk of which something is mounted on the host is nobody's to give away. */
static int probe_device(const DiskRoot *d, Error *error)
{
        _cleanup_close_ int fd = open(d->path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);

        if (fd >= 0 || errno != EBUSY)
                return 0;
        error_hint(error, "findmnt -S %s; lsblk %s", d->path, d->path);
        return error_set(error, EBUSY, "Disk '%s' is in use on the host", d->path);
}

static int take_locks(DiskRoot *d, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        bool exclusive = is_written_to(d);
        int r;

        if (d->look_only)
                return 0;
        r = tree_lock_take(d->path, exclusive, &d->lock, &problem);
        if (r == -EBUSY)
                return in_use(d, error);
        if (r < 0)
                return error_move(error, &problem);
        r = d->block && exclusive ? probe_device(d, error) : 0;
        return r < 0 ? r : lock_file(d, exclusive, error);
}

int disk_root_loop(int file_fd, uint64_t offset, uint64_t size, bool read_only, const char *path,
                   char **ret_device, Error *error)
{
        LoopRange range = { offset, size, read_only, !read_only };
        char device[LOOP_DEVICE_MAX];
        int fd = read_only ? loop_find_range(file_fd, &range, device) : -ENXIO;

        if (fd < 0)
                fd = loop_attach_range(file_fd, &range, device);
        if (fd < 0) {
                error_hint(error, "modprobe loop; ls -l /dev/loop*; losetup -a");
                return error_errno(error, -fd, "Failed to make a loop device of disk image '%s'",
                                   path);
        }
        *ret_device = strdup(device);
        if (*ret_device)
                return fd;
        (void)close(fd);
        return out_of_memory(error);
}

/* A disk that is one file system is the device already. */
static int open_device(DiskRoot *d, DiskRole role, Error *error)
{
        const DiskPart *p = &d->layout.parts[role];
        DiskFs *f = &d->fs[role];
        bool whole = p->number == 0 && p->offset == 0;

        if (d->block && whole) {
                f->fd = fcntl(d->image_fd, F_DUPFD_CLOEXEC, 3);
                f->device = strdup(d->path);
                return f->fd < 0 || !f->device ? out_of_memory(error) : 0;
        }
        f->fd = disk_root_loop(d->image_fd, p->offset, whole ? 0 : p->size,
                               f->read_only || d->look_only, d->path, &f->device, error);
        return f->fd < 0 ? f->fd : 0;
}

static int open_devices(DiskRoot *d, const DiskRootOptions *o, char *hashes[_DISK_ROLE_MAX],
                        Error *error)
{
        for (DiskRole i = 0; i < _DISK_ROLE_MAX; i++) {
                int r = d->fs[i].used ? open_device(d, i, error) : 0;

                if (r >= 0 && d->fs[i].used && hashes[i])
                        r = disk_verity_open(d, o, i, hashes[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int disk_root_open(const DiskRootOptions *o, DiskRoot **ret, Error *error)
{
        _cleanup_disk_root_ DiskRoot *d = NULL;
        char *hashes[_DISK_ROLE_MAX] = {};
        int r = disk_root_new(o, &d, error);

        if (r >= 0)
                r = open_image(d, o->write, error);
        if (r >= 0)
                r = disk_layout_read(d->image_fd, d->path, &d->layout, error);
        if (r >= 0)
                r = choose(d, o, hashes, error);
        if (r >= 0)
                r = check_verity_data(o, d, hashes, error);
        if (r >= 0)
                r = take_locks(d, error);
        if (r >= 0)
                r = open_devices(d, o, hashes, error);
        for (DiskRole i = 0; i < _DISK_ROLE_MAX; i++)
                free(hashes[i]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}
