/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who keeps a pod: whoever started it by name, and its members. */

#include "machine/pod-network.h"

#include "base/fd.h"
#include "base/strv.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char *lock_path(const char *name)
{
        char *path;

        return asprintf(&path, PODS_DIRECTORY "/.%s.lock", name) < 0 ? NULL : path;
}

/* Held for some milliseconds: while the network is made or taken down. */
static int lock_pod(const char *name, LockFile *ret, Error *error)
{
        _cleanup_free_ char *path = lock_path(name);
        int r;

        if (!machine_name_is_valid(name))
                return error_set(error, EINVAL, "'%s' is no name of a pod", name);
        if (!path)
                return error_set(error, ENOMEM, "Out of memory");
        r = mkdir_parents_at(AT_FDCWD, PODS_DIRECTORY, 0755);
        if (r >= 0)
                r = lock_file_wait(path, true, ret);
        return r < 0 ? error_errno(error, -r, "Failed to lock pod '%s'", name) : 0;
}

bool pod_network_lives(const char *name)
{
        _cleanup_(lock_file_release) LockFile lock = LOCK_FILE_NULL;
        _cleanup_free_ char *path = lock_path(name);

        return pod_network_runs(name) || !path || lock_file_take(path, true, &lock) == -EAGAIN;
}

static int ensure(const char *name, Error *error)
{
        return pod_network_runs(name) ? 0 : pod_network_make(name, error);
}

static int keep_it(const char *name, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(name, "kept");
        int r = path ? write_file_atomic_at(AT_FDCWD, path, "", 0644) : -ENOMEM;

        return r < 0 ? error_errno(error, -r, "Failed to keep pod '%s'", name) : 0;
}

int pod_network_start(const char *name, bool keep, Error *error)
{
        _cleanup_(lock_file_release) LockFile lock = LOCK_FILE_NULL;
        int r = lock_pod(name, &lock, error);

        if (r >= 0)
                r = ensure(name, error);
        return r < 0 || !keep ? r : keep_it(name, error);
}

static int check_unused(const char *name, Error *error)
{
        _cleanup_strv_ char **members = NULL;
        _cleanup_free_ char *text = NULL;
        int r = pod_network_members(name, &members, error);

        if (r < 0 || !members)
                return r;
        text = strv_join(members, " ");
        error_set(error, EBUSY, "Machines run in pod '%s': %s", name, text ?: "");
        error_hint(error, "stead stop %s; --lazy: with the last of them; --force: now", text ?: "");
        return -EBUSY;
}

static void drop_unused(const char *name)
{
        if (!pod_network_is_kept(name) && check_unused(name, NULL) >= 0)
                pod_network_unmake(name);
}

/* Unless somebody is at work on it. */
static void sweep(const char *name)
{
        _cleanup_(lock_file_release) LockFile lock = LOCK_FILE_NULL;
        _cleanup_free_ char *path = lock_path(name);

        if (!path || lock_file_take(path, true, &lock) < 0)
                return;
        if (pod_network_runs(name))
                drop_unused(name);
        else
                pod_network_unmake(name);
}

void pod_network_sweep(void)
{
        _cleanup_closedir_ DIR *d = opendir(PODS_DIRECTORY);

        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_name[0] != '.' && !pod_network_is_kept(e->d_name))
                        sweep(e->d_name);
}

static int let_go(const char *name, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(name, "kept");

        if (!path || (unlink(path) < 0 && errno != ENOENT))
                return error_errno(error, path ? errno : ENOMEM, "Failed to let go of pod '%s'",
                                   name);
        drop_unused(name);
        return 0;
}

/* Who wants to join meanwhile waits, and then makes it anew. */
static void stop_in_order(const char *name)
{
        _cleanup_pod_network_ PodNetwork *p = NULL;

        if (pod_network_load(name, &p, NULL) >= 0)
                pod_network_withdraw(p);
        pod_network_unmake(name);
}

int pod_network_stop(const char *name, PodStop how, Error *error)
{
        _cleanup_(lock_file_release) LockFile lock = LOCK_FILE_NULL;
        int r = lock_pod(name, &lock, error);

        if (r < 0)
                return r;
        if (!pod_network_runs(name)) {
                pod_network_unmake(name); /* what a killed start or stop has left */
                return error_set(error, ENXIO, "Pod '%s' is not running", name);
        }
        if (how == POD_STOP_LAZY)
                return let_go(name, error);
        r = how == POD_STOP_FORCE ? 0 : check_unused(name, error);
        if (r >= 0)
                stop_in_order(name);
        return r;
}

static int enroll(const char *name, const char *machine, PodMember *m, Error *error)
{
        _cleanup_free_ char *members = pod_network_path(name, "members"), *path = NULL;
        int r;

        if (!members || asprintf(&path, "%s/%s", members, machine) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = lock_file_take(path, true, &m->lock);
        return r < 0 ? error_errno(error, -r, "Failed to make '%s' a member of pod '%s'", machine,
                                   name)
                     : pod_network_load(name, &m->pod, error);
}

int pod_network_join(const char *name, const char *machine, PodMember *ret, Error *error)
{
        _cleanup_(lock_file_release) LockFile lock = LOCK_FILE_NULL;
        PodMember m = POD_MEMBER_NULL;
        int r = lock_pod(name, &lock, error);

        if (r >= 0)
                r = ensure(name, error);
        if (r < 0)
                return r;
        r = enroll(name, machine, &m, error);
        if (r < 0) {
                lock_file_release(&m.lock);
                drop_unused(name);
                return r;
        }
        *ret = m;
        return 0;
}

void pod_network_part(PodMember *member)
{
        _cleanup_(lock_file_release) LockFile lock = LOCK_FILE_NULL;

        if (member->pod && lock_pod(member->pod->name, &lock, NULL) >= 0) {
                lock_file_release(&member->lock);
                drop_unused(member->pod->name);
        }
        lock_file_release(&member->lock);
        member->pod = pod_network_free(member->pod);
}
