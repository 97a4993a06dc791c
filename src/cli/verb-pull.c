/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead pull: layers from remotes into the store. */

#include "base/cleanup.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/layer-import.h"
#include "cli/progress-display.h"
#include "cli/table.h"
#include "store/pull.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const Flag flags[] = {
        { "all", 'a', NULL, "All layers that were pulled before, each from its remote" },
        { "force", 'f', NULL, "Also an older version, an expired one, or another history" },
        { "json", 0, NULL, "Progress and result as JSON" },
        { "quiet", 'q', NULL, "No progress display" },
};

/* One run of the verb: a connection serves all layers of a remote. */
typedef struct Run {
        Store *store;
        ProgressDisplay *display;
        PullOptions options;
        Remote remote; /* the one of @transfer */
        Transfer *transfer;
        const char *layer;
        json_t *list; /* NULL: for people */
} Run;

static void on_note(const char *note, void *userdata)
{
        Run *run = userdata;

        progress_display_end(run->display);
        fprintf(stderr, "%s: %s\n", run->layer, note);
}

static int use_remote(Run *run, const char *name, Error *error)
{
        int r;

        if (run->transfer && strcmp(run->remote.name, name) == 0)
                return 0;
        run->transfer = transfer_free(run->transfer);
        remote_done(&run->remote);
        r = remote_load(REMOTES_DIRECTORY, name, &run->remote, error);
        if (r >= 0)
                r = transfer_new(run->remote.url, &run->display->progress, &run->transfer, error);
        return r;
}

static double seconds_since(const struct timespec *start)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static const char *outcome(const PullResult *r)
{
        return r->changed    ? hash_is_null(&r->before) ? "new" : "updated"
               : r->repaired ? "repaired"
               : r->ahead    ? "ahead of the remote"
                             : "up to date";
}

static void print_result(const Run *run, const PullResult *r, double seconds)
{
        char before[HASH_TEXT_SIZE], after[HASH_TEXT_SIZE], size[FORMAT_MAX];

        (void)hash_to_string(&r->before, before);
        (void)hash_to_string(&r->after, after);
        if (r->changed && !hash_is_null(&r->before))
                printf("%s  %.8s -> %.8s", run->layer, before, after);
        else
                printf("%s@%.8s", run->layer, after);
        printf("  %s  %s in %" PRIu64 " request%s, %.1f s\n", outcome(r),
               format_size(r->count.bytes, size), r->count.requests,
               r->count.requests == 1 ? "" : "s", seconds);
}

static json_t *result_to_json(const Run *run, const PullResult *r, double seconds)
{
        char before[HASH_TEXT_SIZE], after[HASH_TEXT_SIZE];
        bool had = !hash_is_null(&r->before);

        return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "layer",
                         run->layer, "remote", run->remote.name, "outcome", outcome(r), "before",
                         had ? hash_to_string(&r->before, before) : NULL, "after",
                         hash_to_string(&r->after, after), "sequence", (json_int_t)r->sequence,
                         "bytes", (json_int_t)r->count.bytes, "requests",
                         (json_int_t)r->count.requests, "contents", (json_int_t)r->n_contents,
                         "local_contents", (json_int_t)r->n_local, "seconds", seconds);
}

static int pull_one(Run *run, const char *remote, const char *layer, Error *error)
{
        struct timespec start;
        PullResult result;
        double seconds;
        int r = use_remote(run, remote, error);

        if (r < 0)
                return r;
        run->layer = layer;
        (void)clock_gettime(CLOCK_MONOTONIC, &start);
        r = pull_ref(run->store, run->transfer, &run->remote, layer, &run->options, &result, error);
        progress_display_end(run->display);
        if (r < 0)
                return r;
        seconds = seconds_since(&start);
        if (run->list)
                (void)json_array_append_new(run->list, result_to_json(run, &result, seconds));
        else
                print_result(run, &result, seconds);
        return 0;
}

static int pull_all_of(Run *run, const char *remote, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        int r = use_remote(run, remote, error);

        if (r >= 0)
                r = pull_list(run->transfer, &run->remote, &names, error);
        for (char **name = names; r >= 0 && name && *name; name++)
                r = pull_one(run, remote, *name, error);
        return r;
}

/* The one it came from; else the only one there is. */
static int find_remote(const Run *run, const char *layer, char **ret, Error *error)
{
        _cleanup_ref_ Ref ref = REF_NULL;
        Remote *list = NULL;
        size_t n = 0;
        int r;

        if (store_load_ref(run->store, layer, &ref, NULL) >= 0 && ref.origin) {
                *ret = TAKE_PTR(ref.origin);
                return 0;
        }
        r = remote_list(REMOTES_DIRECTORY, &list, &n, error);
        if (r < 0)
                return r;
        if (n == 1) {
                *ret = TAKE_PTR(list[0].name);
        } else if (n == 0) {
                error_hint(error, "stead remote add NAME URL --key=KEY");
                r = error_set(error, ENOENT, "There is no remote to pull '%s' from", layer);
        } else {
                error_hint(error, "stead pull %s:%s", list[0].name, layer);
                r = error_set(error, EINVAL,
                              "'%s' was not pulled before, and there are %zu remotes", layer, n);
        }
        remote_list_free(list, n);
        return r;
}

static int pull_word(Run *run, const char *word, Error *error)
{
        const char *colon = strchr(word, ':');
        _cleanup_free_ char *remote = colon ? strndup(word, (size_t)(colon - word)) : NULL;
        int r;

        if (colon && !remote)
                return error_set(error, ENOMEM, "Out of memory");
        if (colon)
                return strcmp(colon + 1, "*") == 0 ? pull_all_of(run, remote, error)
                                                   : pull_one(run, remote, colon + 1, error);
        if (!ref_name_is_valid(word))
                return error_set(error, EINVAL, "'%s' is no name of a layer", word);
        r = find_remote(run, word, &remote, error);
        return r < 0 ? r : pull_one(run, remote, word, error);
}

/* A layer that fails does not keep the others from coming. */
static int pull_every(Run *run, Error *error)
{
        Ref *refs = NULL;
        size_t n = 0, tried = 0;
        int r = store_list_refs(run->store, &refs, &n, error), first = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                _cleanup_error_ Error problem = ERROR_NULL;

                if (!refs[i].origin)
                        continue;
                tried++;
                if (pull_one(run, refs[i].origin, refs[i].name, &problem) >= 0)
                        continue;
                if (first < 0)
                        error_print(&problem);
                else
                        first = error_move(error, &problem);
        }
        if (r >= 0 && tried == 0)
                fputs("No layer was pulled before (stead pull REMOTE:LAYER)\n", stderr);
        ref_list_free(refs, n);
        return r < 0 ? r : first;
}

/* An image of a registry becomes a layer. */
static int pull_image(const Arguments *a, ProgressDisplay *display, Error *error)
{
        const LayerImport import = { .name = a->words[0], .source = a->words[1] };
        int r = layer_import_run(&import, display, arguments_has(a, "json"), error);

        if (r < 0 && !error->hint)
                error_hint(error, "stead layer import %s %s --insecure  (a registry without TLS)",
                           a->words[0], a->words[1]);
        return r < 0 ? r : EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_progress_display_ ProgressDisplay display;
        _cleanup_store_ Store store = STORE_NULL;
        bool all = arguments_has(a, "all"), json = arguments_has(a, "json");
        Run state = { .store = &store,
                      .display = &display,
                      .options = { .force = arguments_has(a, "force"), .on_note = on_note } };
        int r;

        progress_display_init(&display, json, arguments_has(a, "quiet"));
        if (all == (a->words != NULL))
                return arguments_usage(a->verb, error,
                                       all ? "--all goes without names" : "Which layer?");
        if (!all && a->words[1] && layer_import_is_image(a->words[1]))
                return pull_image(a, &display, error);
        state.options.progress = &display.progress;
        state.options.userdata = &state;
        state.list = json ? json_array() : NULL;
        r = store_open(NULL, STORE_ADD, &store, error);
        if (r >= 0 && all)
                r = pull_every(&state, error);
        STRV_FOREACH (word, a->words)
                if (r >= 0)
                        r = pull_word(&state, *word, error);
        progress_display_end(&display);
        if (state.list && json_print_take(state.list) < 0 && r >= 0)
                r = error_set(error, ENOMEM, "Out of memory");
        (void)transfer_free(state.transfer);
        remote_done(&state.remote);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_pull = {
        .name = "pull",
        .operands = "[REMOTE:]LAYER... | NAME docker://IMAGE",
        .help = "Get layers, or their new versions, from a remote",
        .text = "Without REMOTE: the one that the layer came from, or the only one there is. "
                "REMOTE:* is all that it has.\nOnly what is missing is transferred; what was "
                "transferred before a cut is used. Machines take a new\nversion with stead update. "
                "An image of a registry becomes the layer NAME (by skopeo).",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
