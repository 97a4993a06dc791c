/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding pods and what they were made from. */

#include "machine/pod-network.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/machine-id.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define RECORD_MAX (1024 * 1024)

PodNetwork *pod_network_free(PodNetwork *p)
{
        if (!p)
                return NULL;
        network_leave(&p->network);
        network_plan_done(&p->plan);
        pod_free(p->definition);
        free(p->name);
        free(p);
        return NULL;
}

char *pod_network_path(const char *name, const char *file)
{
        char *path;

        return asprintf(&path, PODS_DIRECTORY "/%s/%s", name, file) < 0 ? NULL : path;
}

static bool has_file(const char *name, const char *file)
{
        _cleanup_free_ char *path = pod_network_path(name, file);

        return path && access(path, F_OK) >= 0;
}

bool pod_network_runs(const char *name)
{
        return has_file(name, "ready");
}

bool pod_network_is_kept(const char *name)
{
        return has_file(name, "kept");
}

static int read_record(const char *name, const char *file, char **ret, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(name, file);
        ssize_t n = path ? read_file_at(AT_FDCWD, path, RECORD_MAX, ret) : -ENOMEM;

        return n < 0 ? error_errno(error, (int)-n, "Failed to read '" PODS_DIRECTORY "/%s/%s'",
                                   name, file)
                     : 0;
}

int pod_network_new(const char *name, Pod *definition_consume, PodNetwork **ret, Error *error)
{
        _cleanup_pod_ Pod *definition = definition_consume;
        _cleanup_pod_network_ PodNetwork *p = calloc(1, sizeof(*p));
        Id128 host = {};
        int r;

        if (p) {
                p->network = NETWORK_NULL;
                p->name = strdup(name);
        }
        if (!p || !p->name)
                return error_set(error, ENOMEM, "Out of memory");
        p->definition = TAKE_PTR(definition);
        (void)machine_id_of_host(&host); /* one without an id has the addresses of its kind */
        r = network_plan_make(p->definition->settings, p->name, &host, &p->plan, error);
        if (r < 0)
                return r;
        p->network.plan = &p->plan;
        p->network.name = p->name;
        *ret = TAKE_PTR(p);
        return 0;
}

int pod_network_load(const char *name, PodNetwork **ret, Error *error)
{
        _cleanup_pod_network_ PodNetwork *p = NULL;
        _cleanup_free_ char *definition = NULL, *network = NULL;
        Pod *pod = NULL;
        int r = read_record(name, "definition", &definition, error);

        if (r >= 0)
                r = pod_parse(name, definition, &pod, error);
        if (r >= 0)
                r = pod_network_new(name, pod, &p, error);
        if (r >= 0)
                r = read_record(name, "network", &network, error);
        if (r >= 0)
                r = network_restore(&p->plan, p->name, network, &p->network, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

int pod_network_open(const char *name, PodNetwork **ret, Error *error)
{
        if (!machine_name_is_valid(name))
                return error_set(error, EINVAL, "'%s' is no name of a pod", name);
        if (!pod_network_runs(name)) {
                error_set(error, ENXIO, "Pod '%s' is not running", name);
                error_hint(error, "stead pod start %s", name);
                return -ENXIO;
        }
        return pod_network_load(name, ret, error);
}

/* The entries of a directory for which @wanted. */
static int list(const char *path, bool (*wanted)(const char *path, const char *entry), char ***ret,
                Error *error)
{
        _cleanup_closedir_ DIR *d = opendir(path);
        _cleanup_strv_ char **names = NULL;

        if (!d && errno != ENOENT)
                return error_errno(error, errno, "Failed to read '%s'", path);
        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_name[0] != '.' && wanted(path, e->d_name) &&
                    strv_push(&names, e->d_name) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}

static bool is_running_pod(const char *path, const char *entry)
{
        (void)path;
        return pod_network_runs(entry);
}

int pod_network_list(char ***ret, Error *error)
{
        return list(PODS_DIRECTORY, is_running_pod, ret, error);
}

/* A file that is not locked is that of a launcher that was killed. */
static bool is_locked(const char *path, const char *entry)
{
        _cleanup_free_ char *file = NULL;

        if (asprintf(&file, "%s/%s", path, entry) < 0) {
                file = NULL;
                return true;
        }
        return lock_file_is_held(file);
}

int pod_network_members(const char *name, char ***ret, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(name, "members");

        return path ? list(path, is_locked, ret, error) : error_set(error, ENOMEM, "Out of memory");
}
