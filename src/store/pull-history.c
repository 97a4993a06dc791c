/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commits of a remote, from the newest back to the one that is here. */

#include "store/pull-parts.h"

#include <string.h>

#define SEPARATOR \
        "\nstead-commit 1\n" /* the first line of each; words of commits have no newline */
#define FILES_MAX 40

static int add_version(PullJob *job, const Hash *hash, const char *text, size_t size, Error *error)
{
        PullVersion *grown = reallocarray(job->versions, job->n_versions + 1, sizeof(*grown));
        int r;

        if (!grown)
                return error_set(error, ENOMEM, "Out of memory");
        job->versions = grown;
        grown[job->n_versions] = (PullVersion){ .hash = *hash };
        r = commit_parse("a commit of the remote", text, size, &grown[job->n_versions].commit,
                         error);
        if (r >= 0)
                job->n_versions++;
        return r;
}

static bool is_local(const PullJob *job, const Hash *commit)
{
        return job->local.name && hash_equal(commit, &job->local.commit);
}

/* Takes the file's commits, as long as each is the one before the last. Returns 1 at the local one.
 */
static int take(PullJob *job, Hash *wanted, const Buffer *file, Error *error)
{
        const char *at = file->data ?: "", *end = at + file->size;

        while (at < end) {
                const char *next = memmem(at, (size_t)(end - at), SEPARATOR, strlen(SEPARATOR));
                size_t size = (size_t)((next ? next + 1 : end) - at);
                Hash hash;
                int r;

                if (hash_of(at, size, &hash) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                if (!hash_equal(&hash, wanted))
                        break; /* what comes after it is worth nothing either */
                r = add_version(job, &hash, at, size, error);
                if (r < 0)
                        return r;
                if (is_local(job, &hash))
                        return 1;
                *wanted = job->versions[job->n_versions - 1].commit.parent;
                at += size;
        }
        return 0;
}

/* The file of a commit, which may hold some of those before it. */
static int get_file(PullJob *job, Hash *wanted, Error *error)
{
        SitePath path = site_commit(wanted);
        _cleanup_buffer_ Buffer file = BUFFER_NULL;
        _cleanup_free_ char *url = pull_url(job, path.path);
        size_t before = job->n_versions;
        int r = transfer_get(job->transfer, path.path, SITE_COMMITS_MAX, &file, error);

        if (r >= 0)
                r = take(job, wanted, &file, error);
        if (r == 0 && job->n_versions == before)
                return error_set(error, EBADMSG, "'%s' is not the commit of that name", url ?: "");
        return r;
}

int pull_get_history(PullJob *job, Error *error)
{
        Hash wanted = job->there.commit;
        int r = get_file(job, &wanted, error);

        /* further back only to see whether ours is in there */
        for (int i = 1; r == 0 && job->local.name && !hash_is_null(&wanted) && i < FILES_MAX; i++) {
                _cleanup_error_ Error problem = ERROR_NULL;

                r = get_file(job, &wanted, &problem);
                if (r == -ENOENT || r == -EBADMSG)
                        return 0; /* the remote knows no more */
                if (r < 0)
                        return error_move(error, &problem);
        }
        return r;
}
