/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of a pull, and the end of it: objects, tree, commits, ref. */

#include "store/pull.h"

#include "base/strv.h"
#include "store/pull-parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void job_done(PullJob *job)
{
        for (size_t i = 0; i < job->n_versions; i++)
                commit_done(&job->versions[i].commit);
        free(job->versions);
        free(job->have);
        content_list_done(&job->contents);
        content_list_done(&job->old_contents);
        manifest_done(&job->manifest);
        manifest_done(&job->old_manifest);
        ref_done(&job->local);
        ref_done(&job->there);
}

void pull_note(const PullJob *job, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (!job->options->on_note)
                return;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        if (text)
                job->options->on_note(text, job->options->userdata);
}

char *pull_url(const PullJob *job, const char *path)
{
        char *url;

        return asprintf(&url, "%s/%s", job->remote->url, path) < 0 ? NULL : url;
}

static int load_local(PullJob *job, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = store_load_ref(job->store, job->name, &job->local, &problem);

        if (r < 0 && r != -ENOENT)
                return error_move(error, &problem);
        job->result.before = job->local.commit;
        return 0;
}

/* Whether the remote's version is in the history of ours. */
static bool is_ahead(const PullJob *job)
{
        Hash at = job->local.commit;

        while (!hash_is_null(&at)) {
                _cleanup_commit_ Commit c = COMMIT_NULL;

                if (hash_equal(&at, &job->there.commit))
                        return true;
                if (store_load_commit(job->store, &at, &c, NULL) < 0)
                        return false;
                at = c.parent;
        }
        return false;
}

/* Returns 1 if there is nothing to pull. */
static int check_fork(PullJob *job, bool ours_is_in_it, Error *error)
{
        if (!job->local.name || ours_is_in_it || job->options->force)
                return 0;
        if (is_ahead(job)) {
                job->result.ahead = true;
                return 1;
        }
        error_hint(error, "stead layer log %s; to give up what is here: stead pull --force %s:%s",
                   job->name, job->remote->name, job->name);
        return error_set(
                error, ESTALE,
                "Layer '%s' here is not an older version of that of remote '%s'; both have "
                "changed",
                job->name, job->remote->name);
}

static int add_commits(PullJob *job, Error *error)
{
        for (size_t i = job->n_versions; i-- > 0;) {
                const PullVersion *v = &job->versions[i];
                Hash id;
                int r;

                if (store_has_commit(job->store, &v->hash))
                        continue;
                r = store_add_commit(job->store, &v->commit, &id, error);
                if (r < 0)
                        return r;
                if (!hash_equal(&id, &v->hash))
                        return error_set(error, EBADMSG,
                                         "A commit of '%s' is not in canonical form", job->name);
        }
        return 0;
}

static int publish_tree(PullJob *job, Error *error)
{
        const Manifest *manifest = &job->manifest;
        Hash id;
        int r;

        progress_begin(job->options->progress, "Storing", 0, 0);
        if (progress_step(job->options->progress, 0, 0) < 0)
                return error_set(error, ECANCELED, "Stopped");
        r = store_publish_objects(job->store, &manifest, 1, error);
        return r < 0 ? r : store_add_tree(job->store, manifest, &id, error);
}

static int save_ref(PullJob *job, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_ref_ Ref now = REF_NULL;
        Ref ref = { .name = job->there.name,
                    .commit = job->there.commit,
                    .sequence = job->there.sequence,
                    .time = job->there.time,
                    .origin = job->remote->name };
        int r = store_save_ref(job->store, &ref, &job->local.commit, &problem);

        /* another pull of the same was faster: just as well */
        if (r == -ESTALE && store_load_ref(job->store, job->name, &now, NULL) >= 0 &&
            hash_equal(&now.commit, &ref.commit))
                r = store_save_ref(job->store, &ref, &ref.commit, error);
        else if (r < 0)
                return error_move(error, &problem);
        return r;
}

/* The ref means what it meant; what fsck took out is brought again. Needs no request if all is
 * there. */
static int is_complete(PullJob *job)
{
        _cleanup_commit_ Commit commit = COMMIT_NULL;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;

        if (store_load_commit(job->store, &job->local.commit, &commit, NULL) < 0 ||
            store_load_tree(job->store, &commit.tree, &m, NULL) < 0)
                return 0;
        for (size_t i = 0; i < m.n; i++) {
                Hash id;

                if (!entry_is_object(&m.entries[i]))
                        continue;
                if (entry_object_id(job->store->hasher, &m.entries[i], &id) < 0)
                        return -ENOMEM;
                if (!store_has_object(job->store, &id))
                        return 0;
        }
        return 1;
}

static bool says_the_same(const PullJob *job)
{
        return job->local.sequence == job->there.sequence && job->local.origin &&
               strcmp(job->local.origin, job->remote->name) == 0;
}

static int get_all(PullJob *job, Error *error)
{
        int r = pull_get_history(job, error);

        if (r >= 0)
                r = check_fork(job, r > 0, error);
        if (r != 0)
                return r;
        r = pull_find_old(job, error);
        if (r >= 0)
                r = pull_get_tree(job, error);
        if (r >= 0)
                r = pull_get_contents(job, error);
        if (r >= 0)
                r = publish_tree(job, error);
        if (r >= 0)
                r = add_commits(job, error);
        return r;
}

/* A version by its name alone: whoever signed the layer has signed for it. No ref is moved. */
static int get_base(PullJob *job, const CommitBase *base, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        char hash[HASH_TEXT_SIZE];
        PullJob b = { .store = job->store,
                      .transfer = job->transfer,
                      .remote = job->remote,
                      .options = job->options,
                      .name = base->name,
                      .there.commit = base->commit };
        int r = get_all(&b, &problem);

        job->result.n_contents += b.result.n_contents;
        job_done(&b);
        (void)hash_to_string(&base->commit, hash);
        if (r >= 0)
                pull_note(job, "with %s@%.12s, which it was made on", base->name, hash);
        else if (r == -ENOENT)
                pull_note(job,
                          "it was made on %s@%.12s, which neither this store nor the remote has",
                          base->name, hash);
        if (r >= 0 || r == -ENOENT)
                return 0;
        (void)error_move(error, &problem);
        (void)error_prefix(error, "%s@%.12s", base->name, hash);
        return r;
}

/* Merges compare with them. */
static int get_bases(PullJob *job, Error *error)
{
        const Commit *commit = &job->versions[0].commit;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < commit->n_bases; i++)
                if (!store_has_commit(job->store, &commit->bases[i].commit))
                        r = get_base(job, &commit->bases[i], error);
        return r;
}

static int run(PullJob *job, Error *error)
{
        bool same;
        int r = load_local(job, error);

        if (r >= 0)
                r = pull_get_ref(job, error);
        if (r < 0)
                return r;
        job->result.after = job->there.commit;
        job->result.sequence = job->there.sequence;
        same = job->local.name && hash_equal(&job->local.commit, &job->there.commit);
        r = same ? is_complete(job) : 0;
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (r > 0)
                return says_the_same(job) ? 0 : save_ref(job, error);
        r = get_all(job, error);
        if (r == 0)
                r = get_bases(job, error);
        if (r != 0) {
                job->result.after = job->local.commit;
                return r;
        }
        job->result.changed = !same;
        job->result.repaired = same;
        return save_ref(job, error);
}

int pull_ref(Store *store, Transfer *transfer, const Remote *remote, const char *name,
             const PullOptions *options, PullResult *ret, Error *error)
{
        PullJob job = { .store = store,
                        .transfer = transfer,
                        .remote = remote,
                        .options = options,
                        .name = name };
        TransferCount before = transfer_count(transfer);
        int r;

        if (!ref_name_is_valid(name))
                return error_set(error, EINVAL, "'%s' is no name of a layer", name);
        progress_begin(options->progress, "Looking", 0, 0);
        r = run(&job, error);
        job.result.count = transfer_count(transfer);
        job.result.count.requests -= before.requests;
        job.result.count.bytes -= before.bytes;
        if (r >= 0)
                *ret = job.result;
        job_done(&job);
        return r < 0 ? r : 0;
}

int pull_list(Transfer *transfer, const Remote *remote, char ***ret, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r = transfer_get(transfer, SITE_LIST, SITE_LIST_MAX, &text, error);

        if (r == -ENOENT)
                error_hint(error, "is the URL of remote '%s' right? stead remote list",
                           remote->name);
        if (r < 0)
                return r;
        if (strv_split(text.data ?: "", "\n", &names) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        STRV_FOREACH (name, names)
                if (!ref_name_is_valid(*name))
                        return error_set(error, EBADMSG, "'%s/" SITE_LIST "' is no list of layers",
                                         remote->url);
        *ret = TAKE_PTR(names);
        return 0;
}
