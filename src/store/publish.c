/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One ref: what it needs, piece by piece, each only if it is not there yet; then the ref itself. */

#include "store/publish.h"

#include "store/compress.h"
#include "store/publish-parts.h"

#include <string.h>
#include <time.h>

#define TREE_LEVEL 12
#define HISTORY_MAX 1000

static void job_done(PublishJob *job)
{
        content_list_done(&job->contents);
        manifest_done(&job->manifest);
        buffer_done(&job->text);
        free(job->versions);
}

/* The commits from @commit back, as far as the store has them, and their texts in one. */
static int read_history(PublishJob *job, const Hash *commit, Buffer *text, Error *error)
{
        Hash at = *commit;

        while (job->n_versions < HISTORY_MAX && !hash_is_null(&at) &&
               (job->n_versions == 0 || store_has_commit(job->store, &at))) {
                _cleanup_commit_ Commit c = COMMIT_NULL;
                PublishVersion *grown =
                        reallocarray(job->versions, job->n_versions + 1, sizeof(*grown));
                int r;

                if (!grown)
                        return error_set(error, ENOMEM, "Out of memory");
                job->versions = grown;
                r = store_load_commit(job->store, &at, &c, error);
                if (r < 0)
                        return r;
                if (job->n_versions < SITE_COMMITS_EACH && commit_write(&c, text) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                grown[job->n_versions++] = (PublishVersion){ .commit = at, .tree = c.tree };
                at = c.parent;
        }
        return 0;
}

static int load_tree(PublishJob *job, Error *error)
{
        int r;

        job->tree = job->versions[0].tree;
        r = store_load_tree(job->store, &job->tree, &job->manifest, error);
        if (r < 0)
                return r;
        r = manifest_write(&job->manifest, &job->text, NULL);
        if (r >= 0)
                r = content_list_make(&job->manifest, NULL, &job->contents);
        return r < 0 ? error_errno(error, -r, "Failed to read the tree of '%s'", job->name) : 0;
}

static int stage_tree(const PublishJob *job)
{
        _cleanup_buffer_ Buffer packed = BUFFER_NULL;
        SitePath path = site_tree(&job->tree);
        int r;

        if (publication_has(job->site, path.path))
                return 0;
        r = compress_memory(job->text.data, job->text.size, TREE_LEVEL, NULL, 0, &packed);
        return r < 0 ? r : publication_stage(job->site, path.path, packed.data, packed.size);
}

/* From the last versions that somebody may have pulled. */
static int stage_deltas(PublishJob *job, Error *error)
{
        unsigned n = 0;

        for (size_t i = 1; i < job->n_versions && n < job->options->keep; i++) {
                const PublishVersion *v = &job->versions[i];
                int r;

                if (hash_equal(&v->tree, &job->tree) || !store_has_tree(job->store, &v->tree) ||
                    !publication_has(job->site, site_commit(&v->commit).path))
                        continue;
                r = publish_delta(job, &v->tree, error);
                if (r < 0)
                        return r;
                n++;
        }
        return 0;
}

static int stage_all(PublishJob *job, const Buffer *history, Error *error)
{
        SitePath commit = site_commit(&job->versions[0].commit);
        int r;

        progress_begin(job->options->progress, "Making deltas", 0, 0);
        r = stage_deltas(job, error);
        if (r < 0)
                return r;
        r = publish_contents(job, error);
        if (r < 0)
                return r;
        r = publish_packs(job, error);
        if (r < 0)
                return r;
        r = stage_tree(job);
        if (r >= 0 && !publication_has(job->site, commit.path))
                r = publication_stage(job->site, commit.path, history->data, history->size);
        return r < 0 ? publication_error(job->site, r, error) : 0;
}

/* What is published must be in the history of what will be, or its readers would refuse it. */
static int check_follows(const PublishJob *job, const Ref *published, Error *error)
{
        for (size_t i = 0; i < job->n_versions; i++)
                if (hash_equal(&job->versions[i].commit, &published->commit))
                        return 0;
        error_hint(error, "stead layer log %s; to replace it all the same: --force", job->name);
        return error_set(error, ESTALE,
                         "The published version of '%s' is not in the history of the one here",
                         job->name);
}

/* Nothing to say anew: the same version, signed by this key, as long as asked for. */
static bool is_current(const PublishJob *job, const Ref *published)
{
        return hash_equal(&published->commit, &job->versions[0].commit) && published->key &&
               strcmp(published->key, job->options->key->id) == 0 &&
               published->expires == job->options->expires;
}

static int sign_and_save(PublishJob *job, const Ref *local, const Ref *published, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_ref_ Ref ref = { .name = strdup(job->name),
                                  .commit = local->commit,
                                  .sequence = MAX_OF(published->sequence, local->sequence) + 1,
                                  .time = time(NULL),
                                  .expires = job->options->expires };
        int r;

        if (!ref.name)
                return error_set(error, ENOMEM, "Out of memory");
        r = key_sign_ref(job->options->key, &ref, &text, error);
        if (r >= 0)
                r = publication_save_ref(job->site, &ref, text.data, error);
        job->result.sequence = ref.sequence;
        job->result.changed = true;
        return r;
}

static int run(PublishJob *job, Error *error)
{
        _cleanup_ref_ Ref local = REF_NULL, published = REF_NULL;
        _cleanup_buffer_ Buffer history = BUFFER_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = store_load_ref(job->store, job->name, &local, error);

        if (r < 0)
                return r;
        r = publication_load_ref(job->site, job->name, &published, &problem);
        if (r < 0 && r != -ENOENT)
                return error_move(error, &problem);
        r = read_history(job, &local.commit, &history, error);
        if (r >= 0 && published.name && !job->options->force)
                r = check_follows(job, &published, error);
        if (r >= 0)
                r = load_tree(job, error);
        if (r >= 0)
                r = stage_all(job, &history, error);
        if (r >= 0)
                r = publication_commit(job->site, error);
        if (r < 0)
                return r;
        job->result.n_files = (uint64_t)r;
        job->result.commit = local.commit;
        job->result.sequence = published.sequence;
        return is_current(job, &published) ? 0 : sign_and_save(job, &local, &published, error);
}

int publish_ref(Store *store, const Publication *p, const char *name, const PublishOptions *options,
                PublishResult *ret, Error *error)
{
        PublishJob job = { .store = store, .site = p, .options = options, .name = name };
        int r = run(&job, error);

        if (r >= 0)
                *ret = job.result;
        job_done(&job);
        return r < 0 ? r : 0;
}
