/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A base of somebody else's, where remotes are set up: signed, and the same on all hosts. */

#include "image/layer-base.h"

#include "base/strv.h"
#include "store/pull.h"

static void note(const LayerBase *base, const char *remote, const Error *problem)
{
        _cleanup_free_ char *text = NULL;

        if (!base->on_note)
                return;
        if (asprintf(&text, "Remote '%s' is left out: %s", remote, problem->message ?: "?") < 0)
                text = NULL;
        base->on_note(text ?: "A remote is left out", base->userdata);
}

/* 1: pulled; 0: not there. */
static int pull_from(Store *store, const LayerBase *base, const Remote *remote, const char *name,
                     Progress *progress, Error *error)
{
        const PullOptions options = { .progress = progress,
                                      .on_note = base->on_note,
                                      .userdata = base->userdata };
        _cleanup_transfer_ Transfer *transfer = NULL;
        _cleanup_strv_ char **names = NULL;
        PullResult result;
        int r = transfer_new(remote->url, progress, &transfer, error);

        if (r >= 0)
                r = pull_list(transfer, remote, &names, error);
        if (r < 0 || !strv_contains(names, name))
                return MIN_OF(r, 0);
        r = pull_ref(store, transfer, remote, name, &options, &result, error);
        return r < 0 ? r : 1;
}

int layer_base_pull(Store *store, const LayerBase *base, const char *name, Progress *progress,
                    Error *error)
{
        Remote *remotes = NULL;
        size_t n = 0;
        int r = remote_list(REMOTES_DIRECTORY, &remotes, &n, error);

        if (r < 0)
                return r;
        r = 0;
        for (size_t i = 0; r == 0 && i < n; i++) {
                _cleanup_error_ Error problem = ERROR_NULL;

                r = pull_from(store, base, &remotes[i], name, progress, &problem);
                if (r < 0 && r != -ECANCELED) { /* what one cannot give, another one may */
                        note(base, remotes[i].name, &problem);
                        r = 0;
                } else if (r < 0) {
                        (void)error_move(error, &problem);
                }
        }
        remote_list_free(remotes, n);
        return r;
}
