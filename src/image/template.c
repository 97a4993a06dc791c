/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock of the template, staging directory, copy, new identity, rename. */

#include "image/template.h"

#include "image/copy.h"
#include "image/identity.h"
#include "image/staging.h"
#include "image/tree-lock.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Paths {
        const char *source, *target;
} Paths;

static int copy(Worker *worker, void *argument, Error *error)
{
        const Paths *paths = argument;

        return copy_tree(worker, paths->source, paths->target, error);
}

static void on_progress(const char *stage, void *userdata)
{
        /* whoever starts a machine wants to see its output, not ours */
}

static int find_template(const char *path, char **ret, Error *error)
{
        struct stat st;
        char *real = realpath(path, NULL);

        if (!real || stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
                int number = real ? ENOTDIR : errno;

                free(real);
                error_errno(error, number, "Cannot use '%s' as a template", path);
                error_hint(error, "ls -ld %s; stead list --all  (shows the trees there are)", path);
                return -number;
        }
        *ret = real;
        return 0;
}

static int split(const char *directory, char **ret_parent, char **ret_name, Error *error)
{
        size_t n = strlen(directory);
        const char *slash;

        while (n > 1 && directory[n - 1] == '/')
                n--;
        slash = memrchr(directory, '/', n);
        *ret_parent = slash ? strndup(directory, MAX_OF((size_t)(slash - directory), (size_t)1))
                            : strdup(".");
        *ret_name = slash ? strndup(slash + 1, n - (size_t)(slash + 1 - directory))
                          : strndup(directory, n);
        if (!*ret_parent || !*ret_name)
                return error_set(error, ENOMEM, "Out of memory");
        return 0;
}

int template_copy(const char *template_path, const char *directory, const char *machine,
                  Error *error)
{
        _cleanup_free_ char *source = NULL, *parent = NULL, *name = NULL, *target = NULL;
        _cleanup_(tree_lock_release) TreeLock lock = TREE_LOCK_NULL;
        _cleanup_(staging_done) Staging staging = STAGING_NULL;
        Paths paths;
        int r = find_template(template_path, &source, error);

        if (r >= 0)
                r = split(directory, &parent, &name, error);
        if (r >= 0)
                r = tree_lock_take(source, false, &lock, error);
        if (r >= 0)
                r = staging_new(parent, name, &staging, error);
        if (r < 0)
                return r;
        if (asprintf(&target, "%s/%s", parent, staging.temporary) < 0) {
                target = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        paths = (Paths){ source, target };
        r = worker_run(copy, &paths, on_progress, NULL, error);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s", parent);
        if (r >= 0)
                r = identity_reset(staging.fd, machine, error);
        return r < 0 ? r : staging_commit(&staging, error);
}
