/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine's place among the control groups. Three layouts:
 *
 *   handed to us alone       a scope of its own             anywhere else
 *   (unit with Delegate=)    (made by systemd)              (no systemd)
 *   OWN/             empty   machine.slice/NAME.scope/      OWN/                  where we stay
 *   OWN/supervisor/  we      SCOPE/supervisor/  stead-unit  OWN/machine.slice/stead-NAME/
 *   OWN/payload/             SCOPE/payload/                 OWN/machine.slice/stead-NAME/payload/
 *
 * Without systemd only below our own cgroup, never beside or above it; and the machine always one
 * level down, since both managers insist on the attributes of "their" top. */

#include "boot/boot.h"

#include "base/fd.h"
#include "base/strv.h"
#include "boot/unit.h"
#include "machine/device-rules.h"
#include "os/cgroup.h"
#include "os/device-policy.h"
#include "os/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define KILL_PATIENCE_MS 5000
#define SUPERVISOR "supervisor"

static char *payload_path(const Boot *b)
{
        char *path = NULL;

        return asprintf(&path, "%s/payload", b->cgroup) < 0 ? NULL : path;
}

int boot_clear_cgroup(Boot *b, Error *error)
{
        _cleanup_free_ char *path = b->cgroup ? payload_path(b) : NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!b->cgroup)
                return 0;
        if (!path)
                return error_set(error, ENOMEM, "Out of memory");
        if (cgroup_remove(path) >= 0)
                return 0; /* nothing was there, or nothing was left in it */
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : error_errno(error, errno, "Failed to open '%s'", path);
        r = cgroup_kill(fd, SIGKILL);
        if (r >= 0)
                r = cgroup_wait_empty(fd, KILL_PATIENCE_MS);
        if (r >= 0)
                r = cgroup_remove(path);
        if (r < 0) {
                error_errno(error, -r, "Processes of an earlier run of machine '%s' do not end",
                            b->plan->machine);
                error_hint(error, "cat %s/cgroup.procs", path);
        }
        return r;
}

/* The default devices, and the device nodes that the definition shows in the machine (CI-062). */
static int attach_device_policy(const Boot *b)
{
        _cleanup_free_ DeviceRule *rules =
                calloc(n_device_policy_default + b->plan->n_mounts, sizeof(DeviceRule));
        size_t n = n_device_policy_default;
        int r;

        if (!rules)
                return -ENOMEM;
        memcpy(rules, device_policy_default, n * sizeof(DeviceRule));
        for (size_t i = 0; i < b->plan->n_mounts; i++) {
                const MountSetting *m = &b->plan->mounts[i];
                struct stat st;

                if (m->kind != MOUNT_BIND || m->sources[0][0] != '/' ||
                    stat(m->sources[0], &st) < 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)))
                        continue;
                rules[n++] = (DeviceRule){
                        .type = S_ISCHR(st.st_mode) ? 'c' : 'b',
                        .major = major(st.st_rdev),
                        .minor = minor(st.st_rdev),
                        .read = true,
                        .write = !m->read_only,
                };
        }
        r = device_policy_attach(b->payload_fd, rules, n);
        /* for who allows one more later; it is only of use together with the program */
        return r < 0 ? r : device_rules_save(b->plan->machine, rules, n);
}

/* systemd guards the devices of its units by itself, by rules that can be added to: ours as well
 * would be in the way of them. */
static bool is_guarded_by_systemd(const Boot *b)
{
        _cleanup_close_ int fd =
                b->unit ? open(b->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

        return fd >= 0 && device_policy_is_guarded(fd) > 0;
}

int boot_restrict_devices(Boot *b, Error *error)
{
        /* the launcher may use loop devices there, which are the disks of other machines, too */
        bool loops = ((b->source.layers && b->source.layers->disk.detached) || b->source.disk) &&
                     b->range.base == 0;
        int r = b->payload_fd < 0 || (is_guarded_by_systemd(b) && !loops) ? 0
                                                                          : attach_device_policy(b);

        /* With a range of its own, nobody inside can make a device node, and the tree's do not
         * work. */
        if (r < 0 && b->range.base == 0 && userns_is_initial())
                return error_errno(error, -r,
                                   "Failed to restrict the devices of machine '%s' (BPF)",
                                   b->plan->machine);
        return 0;
}

int boot_make_payload(Boot *b, Error *error)
{
        _cleanup_close_ int top = -EBADF;
        int r = mkdir_parents_at(AT_FDCWD, b->cgroup, 0755);

        if (r ==
            -ENOENT) /* the last machine of another supervisor took the slice with it just then */
                r = mkdir_parents_at(AT_FDCWD, b->cgroup, 0755);
        top = r < 0 ? r : open(b->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (r < 0 || top < 0)
                return r < 0 ? r : -errno;
        cgroup_enable_controllers(top);
        if (mkdirat(top, "payload", 0755) < 0)
                return -errno;
        b->payload_fd = openat(top, "payload", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (b->payload_fd < 0)
                return -errno;
        if (b->range.size > 0) {
                r = cgroup_delegate(b->payload_fd, b->range.base, b->range.base);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Whether @path, our own cgroup, holds nobody but us. */
static bool is_ours_alone(const char *path)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        int pid;

        if (fd < 0 || read_file_at(fd, "cgroup.procs", 4096, &text) <= 0)
                return false;
        text[strcspn(text, "\n")] = '\0';
        return strchr(text, '\0')[1] == '\0' && parse_int(text, &pid) >= 0 && pid == getpid();
}

static int move_to_supervisor(const char *top)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/" SUPERVISOR, top) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : cgroup_attach(fd, getpid());
}

/* systemd marks what it hands over; without it nobody else is there to lay claim on ours. */
static bool is_handed_over(const char *path)
{
        char value[8];

        if (!unit_host_runs_systemd())
                return true;
        return getxattr(path, "user.delegate", value, sizeof(value)) == 1 && value[0] == '1';
}

/* The unit that owns our cgroup is the last part of its path. */
static int find_unit(Boot *b, const char *own)
{
        const char *name = strrchr(own, '/') + 1;
        const char *dot = strrchr(name, '.');

        if (!unit_host_runs_systemd() || !dot ||
            (strcmp(dot, ".service") != 0 && strcmp(dot, ".scope") != 0))
                return 0;
        b->unit = strdup(name);
        return b->unit ? 0 : -ENOMEM;
}

static int find_own_place(Boot *b)
{
        _cleanup_free_ char *own = NULL, *path = NULL;
        const char *mount_point;
        bool in_supervisor;
        char *last;
        int r = cgroup_mount_point(&mount_point);

        if (r >= 0)
                r = cgroup_own(&own);
        if (r < 0)
                return r;
        last = strrchr(own, '/');
        in_supervisor = last != own && strcmp(last, "/" SUPERVISOR) == 0;
        if (in_supervisor)
                *last = '\0'; /* DelegateSubgroup= put us there already (CI-093) */
        if (asprintf(&path, "%s%s", mount_point, strcmp(own, "/") == 0 ? "" : own) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        b->delegated = in_supervisor && is_handed_over(path);
        if (!b->delegated && !in_supervisor && strcmp(own, "/") != 0 && is_handed_over(path) &&
            is_ours_alone(path)) {
                r = move_to_supervisor(path);
                if (r < 0)
                        return r;
                b->delegated = b->moved = true;
        }
        if (b->delegated || b->plan->keep_unit) {
                r = find_unit(b, own);
                if (r < 0)
                        return r;
        }
        if (b->delegated)
                b->cgroup = TAKE_PTR(path);
        else if (in_supervisor)
                return -EACCES; /* a unit that lost its Delegate= */
        else if (asprintf(&b->cgroup, "%s/machine.slice/stead-%s", path, b->plan->machine) < 0)
                b->cgroup = NULL;
        return b->cgroup ? 0 : -ENOMEM;
}

/* Our own place if it was handed to us, else a scope, else what we can make below our own. */
static int find_place(Boot *b, Error *error)
{
        _cleanup_error_ Error cause = ERROR_NULL;
        int r = find_own_place(b);

        if (!unit_host_runs_systemd() || b->plan->keep_unit || (r >= 0 && b->delegated)) {
                if (r >= 0 && b->unit)
                        unit_allow_devices(b);
                return r;
        }
        free(b->cgroup);
        b->cgroup = NULL;
        r = unit_take_scope(b, &cause);
        if (r >= 0) {
                b->delegated = true;
                return 0;
        }
        if (r == -EINVAL || b->plan->unit_properties || b->plan->slice)
                return error_move(error, &cause); /* what was asked for cannot be had */
        fprintf(stderr, "Machine '%s' runs without a unit of its own: %s\n", b->plan->machine,
                cause.message);
        return find_own_place(b);
}

int boot_take_cgroup(Boot *b, Error *error)
{
        _cleanup_error_ Error cause = ERROR_NULL;
        int r = find_place(b, &cause);

        if (r >= 0)
                r = boot_clear_cgroup(b, &cause);
        if (r >= 0)
                r = boot_make_payload(b, &cause);
        if (r >= 0)
                return 0;
        if (cause.number != 0)
                return error_move(error, &cause);
        free(b->cgroup);
        b->cgroup = NULL;
        if (b->plan->init == INIT_SYSTEMD) {
                error_errno(error, -r,
                            "Cannot give machine '%s' a cgroup of its own, and systemd does not "
                            "boot without one",
                            b->plan->machine);
                error_hint(
                        error,
                        "findmnt -t cgroup2  (it has to be mounted writable at /sys/fs/cgroup or "
                        "/sys/fs/cgroup/unified)");
                return r;
        }
        if (!b->plan->quiet)
                fprintf(stderr, "Machine '%s' runs without a cgroup of its own: %s.\n",
                        b->plan->machine, strerror(-r));
        return 0;
}

/* Back to where we were found, so that whoever made that cgroup can remove it. */
static void leave_supervisor(const Boot *b)
{
        _cleanup_close_ int top = open(b->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (top < 0)
                return;
        cgroup_disable_controllers(top); /* a cgroup that hands controllers down takes no process */
        if (cgroup_attach(top, getpid()) >= 0)
                (void)unlinkat(top, SUPERVISOR,
                               AT_REMOVEDIR); /* a helper of ours may still be in it */
}

void boot_release_cgroup(Boot *b)
{
        _cleanup_error_ Error error = ERROR_NULL;

        closep(&b->payload_fd);
        if (!b->cgroup)
                return;
        if (boot_clear_cgroup(b, &error) < 0)
                error_print(&error);
        if (b->moved) {
                leave_supervisor(b);
        } else if (!b->delegated) {
                (void)rmdir(b->cgroup);
                *strrchr(b->cgroup, '/') = '\0';
                if (rmdir(b->cgroup) >= 0) { /* machine.slice: no other machine is in it */
                        *strrchr(b->cgroup, '/') = '\0';
                        boot_take_back_controllers(b, b->cgroup);
                }
        }
        strv_free(b->handed_down);
        free(b->cgroup);
}
