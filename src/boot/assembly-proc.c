/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc, /sys and /sys/fs/cgroup, with what is hidden and what is frozen. The lists below are the
 * only place that says so; the child reads each entry back before it runs the tree's program. */

#include "boot/assembly.h"

#include "os/mount.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *const assembly_masked_files[] = {
        "/proc/kallsyms",   "/proc/kcore",       "/proc/keys",          "/proc/sysrq-trigger",
        "/proc/timer_list", "/proc/timer_stats", "/proc/latency_stats", NULL,
};

const char *const assembly_read_only_paths[] = {
        "/proc/sys", "/proc/acpi", "/proc/apm",  "/proc/asound", "/proc/bus",
        "/proc/fs",  "/proc/irq",  "/proc/scsi", NULL,
};

int assembly_cover(int from_fd, int at_fd, uint64_t attributes)
{
        _cleanup_close_ int fd = mount_clone(from_fd, "", false);
        /* a part of what is frozen already may be shown writable again */
        uint64_t clear = attributes & MOUNT_ATTR_RDONLY ? 0 : MOUNT_ATTR_RDONLY;
        int r = fd < 0 ? fd : mount_set_attributes(fd, attributes, clear, false);

        return r < 0 ? r : mount_attach(fd, at_fd, "");
}

/* Shows @source again at @target, both paths of the machine. A missing target is fine. */
static int overmount(Assembly *a, const char *source, const char *target, uint64_t attributes,
                     Error *error)
{
        _cleanup_close_ int at = path_open(a->root_fd, target, O_PATH | O_NOFOLLOW, 0);
        _cleanup_close_ int from = at < 0 ? -EBADF : path_open(a->root_fd, source, O_PATH, 0);
        int r;

        if (at == -ENOENT)
                return 0;
        if (at < 0 || from < 0)
                return error_errno(error, at < 0 ? -at : -from, "Failed to open '%s'", target);
        r = assembly_cover(from, at, attributes);
        return r < 0 ? error_errno(error, -r, "Failed to protect '%s'", target) : 0;
}

static int mask_proc(Assembly *a, Error *error)
{
        int r = 0;

        for (const char *const *p = assembly_read_only_paths; r >= 0 && *p; p++)
                r = overmount(a, *p, *p, MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API, error);
        if (r >= 0 && a->plan->private_network)
                r = overmount(a, "/proc/sys/net", "/proc/sys/net", MOUNT_ATTRIBUTES_API, error);
        for (const char *const *p = assembly_masked_files; r >= 0 && *p; p++)
                r = overmount(a, "/run/host/inaccessible/reg", *p,
                              MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API, error);
        return r;
}

int assembly_proc(Assembly *a, Error *error)
{
        int proc_fd = a->namespaced.proc_fd, r;

        if (boot_plan_has_user_namespace(a->plan)) {
                /* The kernel lets a user namespace mount proc only where a fully visible one is
                 * (mount_too_revealing()), and services with ProtectProc= of systemd 247 and
                 * container managers want to. Only root of the machine gets through the directory,
                 * and to him the masks are what they are everywhere: tidiness, not a boundary. */
                r = assembly_mkdir(a, "/run/host/stead/proc", 0700, error);
                if (r >= 0)
                        r = assembly_attach_consume(a, fcntl(proc_fd, F_DUPFD_CLOEXEC, 3),
                                                    "/run/host/stead/proc", error);
                if (r < 0)
                        return r;
                proc_fd = mount_clone(proc_fd, "", false);
        } else {
                proc_fd = fcntl(proc_fd, F_DUPFD_CLOEXEC, 3);
        }
        r = assembly_attach_consume(a, proc_fd, "/proc", error);
        if (r < 0)
                return r;
        if (!a->plan->api_vfs_writable) {
                r = mask_proc(a, error);
                if (r < 0)
                        return r;
        }
        r = overmount(a, "/run/host/stead/boot-id", "/proc/sys/kernel/random/boot_id",
                      MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API, error);
        if (r < 0)
                return r;
        r = overmount(a, "/run/host/stead/kmsg", "/proc/kmsg", MOUNT_ATTRIBUTES_API, error);
        if (r < 0 || !a->limits_view.shown)
                return r;
        return overmount(a, LIMITS_VIEW_MEMINFO, "/proc/meminfo",
                         MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API, error);
}

/* The parts of sysfs that a machine with its own network sees. */
static int fill_sys(Assembly *a, int sysfs_fd, Error *error)
{
        static const char *const parts[] = { "block", "bus", "class", "dev", "devices", "kernel" };
        int r = assembly_scratch(a, sysfs_fd, error); /* a clone needs an attached origin */

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++) {
                char path[32];

                if (faccessat(sysfs_fd, parts[i], F_OK, 0) < 0)
                        continue;
                (void)snprintf(path, sizeof(path), "/sys/%s", parts[i]);
                r = assembly_mkdir(a, path, 0555, error);
                if (r >= 0)
                        r = assembly_attach_consume(a, mount_clone(sysfs_fd, parts[i], false), path,
                                                    error);
        }
        if (r >= 0)
                r = assembly_mkdir(a, "/sys/fs", 0555, error);
        if (r >= 0)
                r = assembly_mkdir(a, "/sys/fs/cgroup", 0555, error);
        return r;
}

static int freeze_sys(Assembly *a, Error *error)
{
        _cleanup_close_ int fd = path_open(a->root_fd, "/sys", O_RDONLY | O_DIRECTORY, 0);
        int r = fd < 0 ? fd : mount_set_attributes(fd, MOUNT_ATTR_RDONLY, 0, false);

        return r < 0 ? error_errno(error, -r, "Failed to make /sys read-only") : 0;
}

static int mount_sysfs_whole(Assembly *a, int sysfs_fd, Error *error)
{
        static const char *const hidden[] = {
                "/sys/firmware",
                "/sys/kernel/security",
                "/sys/kernel/debug",
                "/sys/kernel/tracing",
        };
        int r = assembly_attach_consume(a, fcntl(sysfs_fd, F_DUPFD_CLOEXEC, 3), "/sys", error);

        for (size_t i = 0;
             r >= 0 && !a->plan->nesting && !a->plan->api_vfs_writable && i < ELEMENTSOF(hidden);
             i++)
                r = overmount(a, "/run/host/inaccessible/dir", hidden[i],
                              MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API, error);
        return r;
}

/* The processors that the machine may use, as the kernel itself counts them for its cgroup, for all
 * who do not ask for their affinity: both files have the same form. */
static int show_processors(Assembly *a, Error *error)
{
        static const char source[] = "/sys/fs/cgroup/cpuset.cpus.effective";

        if (!assembly_shows_limits(a) || path_exists(a->root_fd, source) < 0)
                return 0;
        return overmount(a, source, "/sys/devices/system/cpu/online",
                         MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API, error);
}

int assembly_sys(Assembly *a, Error *error)
{
        int sysfs_fd = a->namespaced.sysfs_fd, cgroup_fd = a->namespaced.cgroup_fd;
        bool whole = !a->plan->private_network || a->plan->api_vfs_writable;
        int r;

        if (whole) {
                r = mount_sysfs_whole(a, sysfs_fd, error);
        } else {
                r = assembly_mount(a, "/sys", "tmpfs", MOUNT_ATTRIBUTES_API, error,
                                   "mode=0555,size=4m,nr_inodes=64k,uid=%u,gid=%u", a->base,
                                   a->base);
                if (r >= 0)
                        r = fill_sys(a, sysfs_fd, error);
        }
        /* the kernel lets a user namespace mount sysfs only where one without such covers is */
        if (r >= 0 && a->plan->nesting && !a->plan->api_vfs_writable) {
                r = assembly_mkdir(a, "/run/host/stead/sys", 0700, error);
                if (r >= 0)
                        r = assembly_attach_consume(a, mount_clone(sysfs_fd, "", false),
                                                    "/run/host/stead/sys", error);
        }
        if (r >= 0 && cgroup_fd >= 0)
                r = assembly_attach_consume(a, fcntl(cgroup_fd, F_DUPFD_CLOEXEC, 3),
                                            "/sys/fs/cgroup", error);
        if (r >= 0)
                r = show_processors(a, error);
        if (r >= 0 && !whole)
                r = freeze_sys(a, error);
        return r;
}
