/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disk images whose blocks are checked against a hash. */

#include "image/disk-root.h"

#include "base/fd.h"
#include "base/parse.h"
#include "os/verity.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define HASH_MIN 64 /* hexadecimal digits: sha256 */
#define HASH_MAX 128

static int out_of_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

static bool is_hash(const char *text)
{
        size_t n = strlen(text);

        if (n < HASH_MIN || n > HASH_MAX || n % 2 != 0)
                return false;
        for (; *text; text++)
                if (!isxdigit((unsigned char)*text))
                        return false;
        return true;
}

int disk_stem_length(const char *path)
{
        size_t n = strlen(path);

        return (int)(n > 4 && strcmp(path + n - 4, ".raw") == 0 ? n - 4 : n);
}

/* "/x/web.raw" to "/x/web" + @suffix. */
static char *beside(const DiskRoot *d, const char *suffix)
{
        char *path = NULL;

        return asprintf(&path, "%.*s%s", disk_stem_length(d->path), d->path, suffix) < 0 ? NULL
                                                                                         : path;
}

static int read_beside(const DiskRoot *d, const char *suffix, char **ret)
{
        _cleanup_free_ char *path = beside(d, suffix), *text = NULL;
        ssize_t n = path ? read_file_at(AT_FDCWD, path, 4096, &text) : -ENOMEM;

        if (n < 0)
                return (int)n;
        text[strcspn(text, " \t\r\n")] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

static int read_attribute(const DiskRoot *d, const char *name, char **ret)
{
        char text[HASH_MAX + 2];
        ssize_t n = fgetxattr(d->image_fd, name, text, sizeof(text) - 1);

        if (n < 0)
                return errno == ERANGE ? -EINVAL : -errno;
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

/* Of an image with both, the hash that is given is the root's. */
static int find_hash(const DiskRoot *d, const DiskRootOptions *o, DiskRole role, char **ret)
{
        bool root = role == DISK_ROOT;
        int r;

        if (o->root_hash && (root || !d->layout.parts[DISK_ROOT].found)) {
                *ret = strdup(o->root_hash);
                return *ret ? 0 : -ENOMEM;
        }
        r = read_attribute(d, root ? "user.verity.roothash" : "user.verity.usrhash", ret);
        if (r == -ENODATA || r == -EOPNOTSUPP || r == -EPERM)
                r = read_beside(d, root ? ".roothash" : ".usrhash", ret);
        return r == -ENOENT ? 0 : r;
}

/* In a partition table the hash is also what the two partitions are known by. */
static int check_uuid(const DiskRoot *d, DiskRole role, const char *hash, bool first, Error *error)
{
        const char *half = first ? hash : hash + strlen(hash) - 32;
        char plain[33];
        size_t n = 0;

        if (strcmp(d->layout.table, "gpt") != 0)
                return 0;
        for (const char *p = d->layout.parts[role].uuid; *p && n < 32; p++)
                if (*p != '-')
                        plain[n++] = *p;
        plain[n] = '\0';
        if (strncasecmp(plain, half, 32) == 0)
                return 0;
        error_hint(error, "sfdisk --dump %s", d->path);
        return error_set(
                error, EKEYREJECTED,
                "The partition %s of disk image '%s' does not belong to root hash %.16s...",
                disk_role_to_string(role), d->path, hash);
}

static DiskRole hashes_of(DiskRole role)
{
        return role == DISK_ROOT ? DISK_ROOT_VERITY : DISK_USR_VERITY;
}

int disk_verity_hash(const DiskRoot *d, const DiskRootOptions *o, DiskRole role, char **ret,
                     Error *error)
{
        _cleanup_free_ char *hash = NULL;
        int r = find_hash(d, o, role, &hash);

        if (r < 0)
                return error_errno(error, -r, "Failed to read the root hash of disk image '%s'",
                                   d->path);
        if (!hash)
                return 0;
        if (!is_hash(hash)) {
                error_hint(error, "getfattr -d %s; veritysetup dump  (--root-hash=HEX)", d->path);
                return error_set(error, EINVAL,
                                 "The root hash of disk image '%s' is not a hash in hexadecimal "
                                 "digits",
                                 d->path);
        }
        *ret = TAKE_PTR(hash);
        return 0;
}

/* A file of their own, for a bare file system. Returns the open device. */
static int open_hash_file(const DiskRoot *d, const DiskRootOptions *o, char **ret_device,
                          uint64_t *ret_size, Error *error)
{
        _cleanup_free_ char *path = o->verity_data ? strdup(o->verity_data) : beside(d, ".verity");
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (!path)
                return out_of_memory(error);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0) {
                error_hint(error, "--verity-data=FILE");
                return error_errno(error, errno,
                                   "Disk image '%s' has a root hash, but its hashes in '%s' cannot "
                                   "be opened",
                                   d->path, path);
        }
        if (!S_ISREG(st.st_mode))
                return error_set(error, EINVAL, "'%s' is not a file", path);
        *ret_size = (uint64_t)st.st_size;
        return disk_root_loop(fd, 0, 0, true, path, ret_device, error);
}

static int open_hashes(DiskRoot *d, const DiskRootOptions *o, DiskRole role, const char *hash,
                       char **ret_device, uint64_t *ret_size, Error *error)
{
        const DiskPart *p = &d->layout.parts[hashes_of(role)];
        int r;

        if (strcmp(d->layout.table, "none") == 0)
                return open_hash_file(d, o, ret_device, ret_size, error);
        if (!p->found) {
                error_hint(error, "sfdisk --dump %s", d->path);
                return error_set(error, ENOENT,
                                 "Disk image '%s' has a root hash, but no partition with the "
                                 "hashes of its %s",
                                 d->path, disk_role_to_string(role));
        }
        r = check_uuid(d, role, hash, true, error);
        if (r >= 0)
                r = check_uuid(d, hashes_of(role), hash, false, error);
        if (r < 0)
                return r;
        *ret_size = p->size;
        return disk_root_loop(d->image_fd, p->offset, p->size, true, d->path, ret_device, error);
}

static int read_table(const DiskRoot *d, DiskRole role, uint64_t hash_size, const char *hash,
                      VerityTable *ret, Error *error)
{
        const DiskFs *f = &d->fs[role];
        uint8_t superblock[VERITY_SUPERBLOCK_SIZE];
        off_t size = lseek(f->data_fd, 0, SEEK_END);
        int r;

        if (pread(f->hash_fd, superblock, sizeof(superblock), 0) != (ssize_t)sizeof(superblock))
                r = -EUCLEAN;
        else
                r = size < 0 ? -errno : verity_parse(superblock, (uint64_t)size, hash_size, ret);
        if (r >= 0 && verity_hash_length(ret->algorithm) != strlen(hash)) {
                error_hint(error, "--root-hash=HEX");
                return error_set(error, EKEYREJECTED,
                                 "The hashes of disk image '%s' are %s, of which the root hash is "
                                 "not one",
                                 d->path, ret->algorithm);
        }
        if (r >= 0)
                return 0;
        error_hint(error, "veritysetup format DATA HASHES");
        return error_errno(error, -r, "There are no hashes of verity for %s of disk image '%s'",
                           disk_role_to_string(role), d->path);
}

static int explain(const DiskRoot *d, int r, Error *error)
{
        error_hint(error, r == -ENXIO ? "modprobe dm-mod dm-verity; or without the protection: "
                                        "--image-policy=root=unprotected:=open"
                                      : "modprobe dm-verity; dmesg | tail");
        if (r == -ENXIO)
                return error_set(error, EOPNOTSUPP,
                                 "Disk image '%s' is protected by verity, and this kernel has no "
                                 "device mapper",
                                 d->path);
        return error_errno(error, -r, "The kernel does not take the hashes of disk image '%s'",
                           d->path);
}

int disk_verity_open(DiskRoot *d, const DiskRootOptions *o, DiskRole role, const char *hash,
                     Error *error)
{
        _cleanup_free_ char *hash_device = NULL, *data_device = NULL, *name = NULL;
        DiskFs *f = &d->fs[role];
        char device[VERITY_DEVICE_MAX];
        uint64_t hash_size = 0;
        VerityTable table;
        int r = open_hashes(d, o, role, hash, &hash_device, &hash_size, error);

        if (r < 0)
                return r;
        f->hash_fd = r;
        f->data_fd = TAKE_FD(f->fd);
        data_device = TAKE_PTR(f->device);
        r = read_table(d, role, hash_size, hash, &table, error);
        if (r < 0)
                return r;
        if (asprintf(&name, VERITY_NAME_PREFIX "%d-%s", (int)getpid(), disk_role_to_string(role)) <
            0) {
                name = NULL;
                return out_of_memory(error);
        }
        r = verity_open(name, data_device, hash_device, &table, hash, device);
        if (r < 0)
                return explain(d, r, error);
        f->fd = r;
        f->verity = TAKE_PTR(name);
        f->device = strdup(device);
        return f->device ? 0 : out_of_memory(error);
}
