/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /run/host: what the host tells the machine, by the container interface. A tmpfs of its own,
 * sealed read-only at the end; what the machine may write to has a mount of its own. */

#include "boot/assembly.h"

#include "base/fd.h"
#include "os/mount.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static int write_text(Assembly *a, const char *path, const char *text, Error *error)
{
        return assembly_write(a, path, 0444, text, strlen(text), error);
}

static int write_identity(Assembly *a, Error *error)
{
        _cleanup_free_ char *service = NULL, *os_release = NULL;
        char uuid[38];
        ssize_t n;
        int r;

        if (asprintf(&service, "%s\n", a->plan->container_service) < 0) {
                service = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = write_text(a, "/run/host/container-manager", service, error);
        if (r < 0)
                return r;
        id128_to_uuid(&a->plan->uuid, uuid);
        strcat(uuid, "\n");
        r = write_text(a, "/run/host/container-uuid", uuid, error);
        if (r < 0)
                return r;
        n = read_file_at(AT_FDCWD, "/etc/os-release", 65536, &os_release);
        if (n < 0)
                n = read_file_at(AT_FDCWD, "/usr/lib/os-release", 65536, &os_release);
        if (n < 0)
                return 0; /* a host without the file has nothing to tell */
        return assembly_write(a, "/run/host/os-release", 0444, os_release, (size_t)n, error);
}

/* One node of each type without any rights, to hide things behind. */
static int make_inaccessible(Assembly *a, Error *error)
{
        static const struct {
                const char *name;
                mode_t type;
        } nodes[] = {
                { "reg", S_IFREG },   { "dir", S_IFDIR }, { "fifo", S_IFIFO },
                { "sock", S_IFSOCK }, { "chr", S_IFCHR }, { "blk", S_IFBLK },
        };
        _cleanup_close_ int fd = -EBADF;
        int r = assembly_mkdir(a, "/run/host/inaccessible", 0755, error);

        if (r < 0)
                return r;
        fd = path_open(a->root_fd, "/run/host/inaccessible", O_RDONLY | O_DIRECTORY, 0);
        for (size_t i = 0; i < ELEMENTSOF(nodes); i++) {
                r = nodes[i].type == S_IFDIR
                            ? mkdirat(fd, nodes[i].name, 0000)
                            : mknodat(fd, nodes[i].name, nodes[i].type | 0000, makedev(0, 0));
                /* block and character nodes of number 0:0 are refused in some sandboxes; the init
                 * then does without, as container-interface CI-083 says */
                if (r < 0 && nodes[i].type != S_IFBLK && nodes[i].type != S_IFCHR)
                        return error_errno(error, errno,
                                           "Failed to make '/run/host/inaccessible/%s'",
                                           nodes[i].name);
        }
        return fchmod(fd, 0755) < 0 ? error_errno(error, errno, "Failed to set up /run/host") : 0;
}

/* Our own things: a fresh boot id and the fifo behind /proc/kmsg. */
static int make_own(Assembly *a, Error *error)
{
        _cleanup_close_ int own = -EBADF;
        uint8_t random[16];
        Id128 id;
        char text[38];
        int r = assembly_mkdir(a, "/run/host/stead", 0755, error);

        if (r < 0)
                return r;
        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
                return error_errno(error, errno, "Failed to make a boot id");
        memcpy(id.bytes, random, sizeof(id.bytes));
        id.bytes[6] = (id.bytes[6] & 0x0f) | 0x40; /* RFC 4122 version 4 */
        id.bytes[8] = (id.bytes[8] & 0x3f) | 0x80;
        id128_to_uuid(&id, text);
        strcat(text, "\n");
        r = write_text(a, "/run/host/stead/boot-id", text, error);
        if (r < 0)
                return r;
        own = path_open(a->root_fd, "/run/host/stead", O_PATH | O_DIRECTORY, 0);
        if (own < 0 || mknodat(own, "kmsg", S_IFIFO | 0600, 0) < 0)
                return error_errno(error, errno, "Failed to make the fifo for /proc/kmsg");
        a->kmsg_fd = path_open(a->root_fd, "/run/host/stead/kmsg", O_RDWR | O_NONBLOCK, 0);
        if (a->kmsg_fd < 0)
                return error_errno(error, -a->kmsg_fd, "Failed to open the fifo of /proc/kmsg");
        if (!assembly_shows_limits(a))
                return 0;
        return limits_view_make(&a->limits_view, a->payload_fd, own, error);
}

static int bind_notify(Assembly *a, Error *error)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int dir = path_open(a->root_fd, "/run/host", O_PATH | O_DIRECTORY, 0);
        int on = 1;

        a->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (dir < 0 || a->notify_fd < 0)
                return error_errno(error, errno, "Failed to make the notify socket");
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/notify", dir);
        if (bind(a->notify_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            fchmodat(dir, "notify", 0666, 0) < 0 || /* who may speak is decided by its pid */
            setsockopt(a->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return error_errno(error, errno, "Failed to bind '/run/host/notify'");
        return 0;
}

static int set_superblock_read_only(int mount_fd)
{
        _cleanup_close_ int fs_fd = fspick(mount_fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);

        if (fs_fd < 0 || fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
            fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
                return -errno;
        return 0;
}

/* ramfs, since its pages are never swapped out. */
static int make_credentials(Assembly *a, Error *error)
{
        bool open_to_all = a->plan->uid != 0 && a->plan->no_new_privileges;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (a->plan->n_credentials == 0)
                return 0;
        r = assembly_mount(a, "/run/host/credentials", "ramfs", MOUNT_ATTRIBUTES_API, error,
                           "mode=0700");
        if (r < 0)
                return r;
        fd = path_open(a->root_fd, "/run/host/credentials", O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0 || fchown(fd, a->base, a->base) < 0)
                return error_errno(error, errno, "Failed to set up '/run/host/credentials'");
        for (size_t i = 0; i < a->plan->n_credentials; i++) {
                const CredentialSetting *c = &a->plan->credentials[i];
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "/run/host/credentials/%s", c->id) < 0) {
                        path = NULL;
                        return error_set(error, ENOMEM, "Out of memory");
                }
                r = assembly_write(a, path, open_to_all ? 0444 : 0400, c->data, c->size, error);
                if (r < 0)
                        return r;
        }
        r = fchmod(fd, open_to_all ? 0555 : 0500) < 0 ? -errno : set_superblock_read_only(fd);
        if (r >= 0)
                r = mount_set_attributes(fd, MOUNT_ATTR_RDONLY, 0, false);
        return r < 0 ? error_errno(error, -r, "Failed to seal '/run/host/credentials'") : 0;
}

static int make_exchange(Assembly *a, Error *error)
{
        int r;

        if (a->plan->start != START_INIT)
                return 0; /* nobody looks for a plain command's sockets, nor binds into it */
        r = assembly_mount(a, "/run/host/unix-export", "tmpfs",
                           MOUNT_ATTRIBUTES_API | MOUNT_ATTR_NOSYMFOLLOW, error,
                           "mode=0755,size=4m,nr_inodes=64,uid=%u,gid=%u", a->base, a->base);
        if (r < 0 || a->incoming_fd < 0)
                return r;
        r = assembly_mkdir(a, "/run/host/incoming", 0600, error);
        if (r >= 0)
                r = assembly_attach_consume(a, fcntl(a->incoming_fd, F_DUPFD_CLOEXEC, 3),
                                            "/run/host/incoming", error);
        return r;
}

int assembly_run_host(Assembly *a, Error *error)
{
        int r;

        r = assembly_mount(a, "/run/host", "tmpfs", MOUNT_ATTRIBUTES_API, error,
                           "mode=0755,size=16m,nr_inodes=4k,uid=%u,gid=%u", a->base, a->base);
        if (r >= 0)
                r = write_identity(a, error);
        if (r >= 0)
                r = make_inaccessible(a, error);
        if (r >= 0)
                r = make_own(a, error);
        if (r >= 0)
                r = bind_notify(a, error);
        if (r >= 0)
                r = make_credentials(a, error);
        if (r >= 0)
                r = make_exchange(a, error);
        if (r >= 0)
                r = assembly_users(a, error);
        return r;
}

int assembly_seal_run_host(Assembly *a, Error *error)
{
        _cleanup_close_ int fd = path_open(a->root_fd, "/run/host", O_RDONLY | O_DIRECTORY, 0);
        int r = fd < 0 ? fd : mount_set_attributes(fd, MOUNT_ATTR_RDONLY, 0, false);

        return r < 0 ? error_errno(error, -r, "Failed to make '/run/host' read-only") : 0;
}
