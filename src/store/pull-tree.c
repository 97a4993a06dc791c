/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The manifest: from here, as a patch of an older one, or whole. */

#include "store/pull-parts.h"

#include "store/compress.h"

static int set_old(PullJob *job, const Hash *tree, bool published, Error *error)
{
        int r = store_load_tree(job->store, tree, &job->old_manifest, error);

        if (r < 0)
                return r;
        job->has_old = true;
        job->old_is_published = published;
        job->old_tree = *tree;
        r = content_list_make(&job->old_manifest, NULL, &job->old_contents);
        return r < 0 ? error_errno(error, -r, "Failed to read an older version of '%s'", job->name)
                     : 0;
}

/* The newest version of the remote's history whose tree is here, or whatever the name means here.
 */
int pull_find_old(PullJob *job, Error *error)
{
        _cleanup_commit_ Commit local = COMMIT_NULL;
        int r;

        for (size_t i = 1; i < job->n_versions; i++)
                if (store_has_tree(job->store, &job->versions[i].commit.tree))
                        return set_old(job, &job->versions[i].commit.tree, true, error);
        if (!job->local.name)
                return 0;
        if (!store_has_commit(job->store, &job->local.commit)) /* fsck has set it aside */
                return 0;
        r = store_load_commit(job->store, &job->local.commit, &local, error);
        if (r < 0 || !store_has_tree(job->store, &local.tree))
                return r;
        return set_old(job, &local.tree, false, error);
}

/* -EBADMSG if it is not the one asked for. */
static int take_text(PullJob *job, const Buffer *text)
{
        Hash hash;
        int r = hash_of(text->data ?: "", text->size, &hash);

        if (r >= 0 && !hash_equal(&hash, &job->tree))
                r = -EBADMSG;
        if (r >= 0)
                r = manifest_parse("the manifest", text->data, text->size, &job->manifest, NULL);
        return r;
}

static int unpack(PullJob *job, const Buffer *packed, const Buffer *prefix)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r = decompress_memory(packed->data ?: "", packed->size, prefix ? prefix->data : NULL,
                                  prefix ? prefix->size : 0, SITE_MANIFEST_MAX, &text);

        return r < 0 ? r : take_text(job, &text);
}

/* Returns 1 if the manifest is there now. */
static int get_patch(PullJob *job, Error *error)
{
        SitePath path = site_tree_patch(&job->old_tree, &job->tree);
        _cleanup_buffer_ Buffer old = BUFFER_NULL, patch = BUFFER_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r;

        if (manifest_write(&job->old_manifest, &old, NULL) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = transfer_get(job->transfer, path.path, SITE_MANIFEST_MAX, &patch, &problem);
        if (r == -ENOENT)
                return 0; /* too old to have one */
        if (r < 0)
                return error_move(error, &problem);
        r = unpack(job, &patch, &old);
        if (r == -ENOMEM)
                return error_set(error, ENOMEM, "Out of memory");
        if (r < 0)
                pull_note(job, "the patch of the manifest is wrong; getting all of it");
        return r >= 0;
}

static int get_whole(PullJob *job, Error *error)
{
        SitePath path = site_tree(&job->tree);
        _cleanup_free_ char *url = pull_url(job, path.path);
        _cleanup_buffer_ Buffer packed = BUFFER_NULL;
        int r = transfer_get(job->transfer, path.path, SITE_MANIFEST_MAX, &packed, error);

        if (r < 0)
                return r;
        r = unpack(job, &packed, NULL);
        if (r == -ENOMEM)
                return error_set(error, ENOMEM, "Out of memory");
        if (r < 0) {
                error_hint(error, "if it stays so, ask who publishes it to publish it anew");
                return error_set(error, EBADMSG, "'%s' is not the manifest that was signed",
                                 url ?: "");
        }
        return 0;
}

int pull_get_tree(PullJob *job, Error *error)
{
        int r = 0;

        job->tree = job->versions[0].commit.tree;
        if (store_has_tree(job->store, &job->tree))
                r = store_load_tree(job->store, &job->tree, &job->manifest, NULL) >= 0;
        if (r == 0 && job->has_old && job->old_is_published)
                r = get_patch(job, error);
        if (r == 0)
                r = get_whole(job, error);
        if (r < 0)
                return r;
        r = content_list_make(&job->manifest, NULL, &job->contents);
        return r < 0 ? error_errno(error, -r, "Failed to read the manifest of '%s'", job->name) : 0;
}
