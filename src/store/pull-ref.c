/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one file of a remote that is trusted, and why. */

#include "store/pull-parts.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static int refuse_older(const PullJob *job, const char *url, Error *error)
{
        const Ref *local = &job->local, *there = &job->there;

        error_hint(error, "if the server was set back on purpose: stead pull --force %s:%s",
                   job->remote->name, job->name);
        if (there->sequence < local->sequence)
                return error_set(error, ESTALE,
                                 "'%s' is an old one, number %" PRIu64 " after number %" PRIu64
                                 ": somebody may be holding back updates",
                                 url, there->sequence, local->sequence);
        return error_set(error, ESTALE,
                         "'%s' has the same number %" PRIu64
                         " as the one here, but another version",
                         url, there->sequence);
}

static int check_age(const PullJob *job, const char *url, Error *error)
{
        const Ref *local = &job->local, *there = &job->there;
        bool same_origin = local->origin && strcmp(local->origin, job->remote->name) == 0;

        if (job->options->force)
                return 0;
        if (there->expires > 0 && there->expires < time(NULL)) {
                error_hint(error, "ask who publishes it; or stead pull --force %s:%s",
                           job->remote->name, job->name);
                return error_set(error, EKEYEXPIRED, "The signature of '%s' has expired", url);
        }
        if (same_origin &&
            (there->sequence < local->sequence ||
             (there->sequence == local->sequence && !hash_equal(&there->commit, &local->commit))))
                return refuse_older(job, url, error);
        return 0;
}

static int check(PullJob *job, const char *url, const Buffer *text, Error *error)
{
        _cleanup_ref_ Ref ref = REF_NULL;
        int r = ref_parse(url, text->data, text->size, &ref, error);

        if (r < 0)
                return r;
        r = key_verify_ref(job->remote->keys, job->remote->n_keys, &ref, text->data, error);
        if (r < 0) {
                error_hint(error,
                           "if the key was changed: stead remote add --force %s %s --key=KEY",
                           job->remote->name, job->remote->url);
                return error_prefix(error, "'%s' cannot be trusted", url);
        }
        if (strcmp(ref.name, job->name) != 0)
                return error_set(error, EKEYREJECTED,
                                 "'%s' cannot be trusted: it is the ref of '%s'", url, ref.name);
        job->there = ref;
        ref = REF_NULL;
        return check_age(job, url, error);
}

int pull_get_ref(PullJob *job, Error *error)
{
        SitePath path = site_ref(job->name);
        _cleanup_free_ char *url = pull_url(job, path.path);
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r;

        if (!url)
                return error_set(error, ENOMEM, "Out of memory");
        r = transfer_get(job->transfer, path.path, SITE_REF_MAX, &text, error);
        if (r == -ENOENT)
                error_hint(error, "stead remote list %s  (shows what there is)", job->remote->name);
        if (r < 0)
                return r;
        if (!text.data)
                return error_set(error, EBADMSG, "'%s' is empty", url);
        return check(job, url, &text, error);
}
