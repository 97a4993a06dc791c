/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine holds on the host while it lives: locks, user range, cgroup, directory in /run.
 * Taken once, given back in the end, and taken over from a run that was killed. */

#include "boot/boot.h"

#include "boot/unit.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/path.h"
#include "os/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define ID_DIRECTORY "/run/stead/ids"

static int out_of_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

static int take_name(Boot *b, Error *error)
{
        for (;;) {
                struct stat st;
                int r = machine_directory_create(b->plan->machine, &b->directory_fd, error);

                if (r < 0)
                        return r;
                if (flock(b->directory_fd, LOCK_EX | LOCK_NB) < 0) {
                        if (errno != EWOULDBLOCK)
                                return error_errno(error, errno, "Failed to lock machine '%s'",
                                                   b->plan->machine);
                        error_set(error, EBUSY, "Machine '%s' is running already",
                                  b->plan->machine);
                        error_hint(error, "stead status %s", b->plan->machine);
                        closep(&b->directory_fd);
                        b->directory_fd = -EBADF; /* not ours to remove */
                        return -EBUSY;
                }
                if (fstat(b->directory_fd, &st) >= 0 && st.st_nlink > 0)
                        return 0;
                closep(&b->directory_fd); /* its last owner removed it just now */
        }
}

/* Names the machine that runs on the tree, if it is one of ours. */
static void explain_busy(const Boot *b, Error *error)
{
        _cleanup_free_ char *user = root_source_user(b->plan->directory);

        if (user)
                error_hint(error, "stead stop %s  (runs on it; or add --ephemeral)", user);
        else
                error_hint(error, "fuser -v %s; or add --ephemeral to run on a throw-away view",
                           b->plan->directory);
}

static int take_tree_lock(Boot *b, Error *error)
{
        bool exclusive =
                !b->plan->read_only && !b->plan->ephemeral && b->plan->volatile_mode == VOLATILE_NO;
        int r = tree_lock_take(b->plan->directory, exclusive, &b->tree_lock, error);

        if (r == -EBUSY)
                explain_busy(b, error);
        return r;
}

/* Layers are locked already, and so is the machine's state. */
static int take_layers(const Boot *b, struct stat *ret_st, Error *error)
{
        return fstat(b->source.layers->state_fd, ret_st) < 0
                       ? error_errno(error, errno, "Failed to examine '%s'", b->plan->directory)
                       : 0;
}

static int take_tree(Boot *b, struct stat *ret_st, Error *error)
{
        _cleanup_close_ int top = open(b->plan->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (top < 0 || fstat(top, ret_st) < 0)
                return error_errno(error, errno, "Failed to open tree '%s'", b->plan->directory);
        if (b->plan->pivot_root_new) {
                b->tree_fd = path_open(top, b->plan->pivot_root_new, O_PATH | O_DIRECTORY, 0);
                if (b->tree_fd < 0)
                        return error_errno(error, -b->tree_fd, "Failed to open '%s' in tree '%s'",
                                           b->plan->pivot_root_new, b->plan->directory);
        }
        r = take_tree_lock(b, error);
        if (r >= 0 && b->tree_fd < 0)
                b->tree_fd = TAKE_FD(top);
        return r;
}

/* A disk image is locked already, too; but its owners are looked at as those of a tree. */
static int take_disk(Boot *b, struct stat *ret_st, Error *error)
{
        _cleanup_close_ int top = root_source_view(&b->source, ret_st, error);

        if (top < 0)
                return top;
        b->tree_fd = path_open(top, b->plan->pivot_root_new ?: "", O_PATH | O_DIRECTORY, 0);
        return b->tree_fd < 0 ? error_errno(error, -b->tree_fd, "Failed to open '%s' in '%s'",
                                            b->plan->pivot_root_new ?: "/", b->plan->directory)
                              : 0;
}

static int take_root(Boot *b, struct stat *ret_st, Error *error)
{
        return b->source.layers ? take_layers(b, ret_st, error)
               : b->source.disk ? take_disk(b, ret_st, error)
                                : take_tree(b, ret_st, error);
}

/* systemd dies right at its start without inotify, and says so only on its own console. */
static int check_host_limits(const Boot *b, Error *error)
{
        _cleanup_close_ int fd = b->plan->init == INIT_SYSTEMD ? inotify_init1(IN_CLOEXEC) : 0;

        if (fd == 0)
                fd = -EBADF;
        else if (fd < 0 && (errno == EMFILE || errno == ENOSPC)) {
                error_set(error, EMFILE,
                          "The host has no inotify instance left, and the systemd of "
                          "machine '%s' would die without one",
                          b->plan->machine);
                error_hint(error, "sysctl -w fs.inotify.max_user_instances=8192 "
                                  "user.max_inotify_instances=8192");
                return -EMFILE;
        }
        return 0;
}

static int take_filter(Boot *b, Error *error)
{
        const BootPlan *plan = b->plan;
        const char *bad = NULL;
        int r;

        b->profile = seccomp_profile_for(plan->bounding, plan->nesting);
        if (!plan->system_calls_allowed && !plan->system_calls_denied && (int)b->profile >= 0) {
                b->filter = seccomp_builtin(b->profile);
                return 0;
        }
        r = seccomp_compile(plan->bounding, plan->nesting, plan->system_calls_allowed,
                            plan->system_calls_denied, &b->filter_own, &bad);
        if (r == -ENOENT) {
                error_set(error, EINVAL,
                          "Unknown system call or group '%s' in the system call filter",
                          bad ?: "?");
                error_hint(error,
                           "man 2 syscalls; systemd-analyze syscall-filter  (names of groups)");
                return -EINVAL;
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to make the system call filter");
        b->filter = b->filter_own;
        return 0;
}

static int write_filter(Boot *b, Error *error)
{
        _cleanup_close_ int fd =
                openat(b->directory_fd, "seccomp",
                       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r = fd < 0 ? -errno
                       : write_all(fd, b->filter->code,
                                   b->filter->length * sizeof(*b->filter->code));

        return r < 0 ? error_errno(error, -r, "Failed to write '%s/%s/seccomp'", MACHINES_DIRECTORY,
                                   b->plan->machine)
                     : 0;
}

static int describe(Boot *b, Error *error)
{
        const BootPlan *plan = b->plan;
        Machine *m;
        int r = machine_new(plan->machine, &b->machine);

        if (r < 0)
                return out_of_memory(error);
        m = b->machine;
        m->uuid = plan->uuid;
        m->init = plan->init;
        m->launcher = getpid();
        m->root = strdup(plan->directory);
        m->seccomp = b->filter_own ? machine_path(plan->machine, "seccomp")
                                   : strdup(seccomp_profile_to_string(b->profile));
        m->container_service = strdup(plan->container_service);
        m->unit = b->unit ? strdup(b->unit) : NULL;
        if (!m->root || !m->seccomp || !m->container_service || (b->unit && !m->unit) ||
            (b->cgroup && asprintf(&m->cgroup, "%s/payload", b->cgroup) < 0))
                return out_of_memory(error);
        m->uid_base = b->range.base;
        m->uid_size = b->range.size;
        m->private_network = plan->private_network;
        m->bounding = plan->bounding;
        m->no_new_privileges = plan->no_new_privileges;
        memcpy(m->rlimits, plan->rlimits, sizeof(m->rlimits));
        return b->filter_own ? write_filter(b, error) : 0;
}

/* Two with one id mix up their journals, their leases and their registration (CI-138). Each id in
 * use is a link to its machine, so that one look tells. */
static void claim_id(Boot *b)
{
        _cleanup_free_ char *host = NULL, *path = NULL;
        _cleanup_machine_ Machine *other = NULL;
        char id[33], name[NAME_MAX + 1];
        ssize_t n;

        if (b->plan->uuid_is_fresh)
                return;
        id128_to_string(&b->plan->uuid, id);
        if (read_file_at(AT_FDCWD, "/etc/machine-id", 64, &host) >= 32 &&
            strncmp(host, id, 32) == 0)
                fprintf(stderr,
                        "Machine '%s' has the machine id of the host; empty %s/etc/machine-id.\n",
                        b->plan->machine, b->plan->disk ? "its own " : b->plan->files);
        if (asprintf(&path, ID_DIRECTORY "/%s", id) < 0) {
                path = NULL;
                return;
        }
        if (mkdir_parents_at(AT_FDCWD, ID_DIRECTORY, 0755) < 0)
                return; /* only the warning is lost */
        n = readlink(path, name, sizeof(name) - 1);
        if (n > 0) {
                name[n] = '\0';
                if (machine_open(name, &other, NULL) >= 0) {
                        fprintf(stderr,
                                "Machine '%s' has the same machine id as the running machine '%s'; "
                                "empty "
                                "%s/etc/machine-id.\n",
                                b->plan->machine, name,
                                b->plan->disk ? "its own " : b->plan->files);
                        return;
                }
                (void)unlink(path); /* of one that was killed */
        }
        if (symlink(b->plan->machine, path) >= 0)
                b->id_link = TAKE_PTR(path);
}

int boot_keep_settings(const Boot *b, Error *error)
{
        const char *text = b->plan->settings ?: "";
        int r = write_file_atomic_at(b->directory_fd, "settings", text, 0600);

        return r < 0 ? error_errno(error, -r, "Failed to write '%s/%s/settings'",
                                   MACHINES_DIRECTORY, b->plan->machine)
                     : 0;
}

int boot_acquire(Boot *b, Error *error)
{
        struct stat root;
        int r;

        b->host_mounts_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        b->host_network_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        b->working_directory_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (b->host_mounts_fd < 0 || b->host_network_fd < 0) {
                error_errno(error, errno, "Failed to open our own namespaces in /proc");
                error_hint(error, "mount -t proc proc /proc");
                return -error->number;
        }
        r = boot_check_kernel(true, error);
        if (r >= 0)
                r = check_host_limits(b, error);
        if (r >= 0)
                r = take_name(b, error);
        if (r >= 0)
                r = take_root(b, &root, error);
        if (r >= 0)
                r = user_range_take(b->plan, &root, &b->range, error);
        if (r >= 0 && b->source.layers)
                b->owners = (TreeOwners){ .mapped = b->range.base != 0 };
        else if (r >= 0)
                r = tree_owners_settle(b->plan, &b->range, &root, b->tree_fd, &b->owners, error);
        if (r >= 0)
                r = take_filter(b, error);
        if (r >= 0)
                r = boot_take_cgroup(b, error);
        if (r >= 0)
                r = boot_write_limits(b, error);
        if (r >= 0)
                r = describe(b, error);
        if (r >= 0)
                r = boot_keep_settings(b, error);
        if (r >= 0)
                r = boot_network_acquire(b, error);
        if (r < 0)
                return r;
        claim_id(b);
        b->log.name = b->plan->machine;
        return console_log_remove(b->plan->machine) < 0
                       ? error_errno(error, errno,
                                     "Failed to remove the console log of an earlier run")
                       : 0;
}

static void remove_ephemeral(Boot *b)
{
        if (b->ephemeral)
                (void)remove_tree_at(AT_FDCWD, b->ephemeral); /* or the next ephemeral start does */
        STRV_FOREACH (w, b->work_directories)
                (void)remove_tree_at(AT_FDCWD, *w);
        closep(&b->ephemeral_fd);
        free(b->ephemeral);
        strv_free(b->work_directories);
}

void boot_release(Boot *b)
{
        _cleanup_free_ char *incoming = NULL, *exported = NULL;

        unit_unregister(b);
        boot_network_release(b);
        boot_release_cgroup(b);
        unit_done(b);
        free(b->unit);
        if (b->directory_fd >= 0 &&
            asprintf(&incoming, PROPAGATE_DIRECTORY "/%s", b->plan->machine) >= 0)
                (void)rmdir(incoming); /* not empty: someone else's mount is below */
        if (b->directory_fd >= 0 &&
            asprintf(&exported, UNIX_EXPORT_DIRECTORY "/%s", b->plan->machine) >= 0)
                (void)unlink(exported); /* plain commands have none */
        remove_ephemeral(b);
        if (b->id_link)
                (void)unlink(b->id_link); /* a left-over is replaced by the next with that id */
        free(b->id_link);
        user_range_release(&b->range);
        tree_lock_release(&b->tree_lock);
        closep(&b->tree_fd);
        seccomp_filter_free(b->filter_own);
        console_log_done(&b->log);
        if (b->directory_fd >= 0)
                machine_directory_remove(b->plan->machine);
        closep(&b->directory_fd);
        closep(&b->host_mounts_fd);
        closep(&b->host_network_fd);
        closep(&b->working_directory_fd);
        machine_free(b->machine);
}
