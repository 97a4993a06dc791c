/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead publish: layers of the store as a directory of plain files. */

#include "base/cleanup.h"
#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/progress-display.h"
#include "cli/table.h"
#include "store/publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define KEEP_MAX 40

static const Flag flags[] = {
        { "key", 'k', "NAME|FILE", "The key to sign with (see stead remote key)" },
        { "keep", 0, "N", "Versions with a delta to the newest (default: 3)" },
        { "expires", 0, "SPAN", "Nobody pulls it later than that (30d); publish again before" },
        { "prune", 0, NULL, "Remove what none of the versions kept need" },
        { "force", 'f', NULL, "Also a version that does not follow the published one" },
        { "json", 0, NULL, "Progress and result as JSON" },
        { "quiet", 'q', NULL, "No progress display" },
};

/* All that others may want; what stead made for one machine is not. */
static int select_all(const Store *store, char ***ret, Error *error)
{
        Ref *refs = NULL;
        size_t n = 0;
        int r = store_list_refs(store, &refs, &n, error);

        for (size_t i = 0; r >= 0 && i < n; i++) {
                _cleanup_commit_ Commit c = COMMIT_NULL;

                r = store_load_commit(store, &refs[i].commit, &c, error);
                if (r >= 0 && (c.kind == LAYER_BASE || c.kind == LAYER_APP) &&
                    strv_push(ret, refs[i].name) < 0)
                        r = error_set(error, ENOMEM, "Out of memory");
        }
        ref_list_free(refs, n);
        return r;
}

static void print_result(const char *name, const PublishResult *r)
{
        char hash[HASH_TEXT_SIZE], delta[FORMAT_MAX], pack[FORMAT_MAX];

        printf("%s@%.8s  number %" PRIu64, name, hash_to_string(&r->commit, hash), r->sequence);
        if (r->n_files == 0)
                printf("  %s", r->changed ? "signed anew" : "unchanged");
        else
                printf("  %" PRIu64 " new contents", r->n_contents);
        if (r->delta_bytes > 0)
                printf("  delta %s", format_size(r->delta_bytes, delta));
        if (r->pack_bytes > 0)
                printf("  pack %s", format_size(r->pack_bytes, pack));
        putchar('\n');
}

static json_t *result_to_json(const char *name, const PublishResult *r)
{
        char hash[HASH_TEXT_SIZE];

        return json_pack("{s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:I}", "layer", name, "commit",
                         hash_to_string(&r->commit, hash), "sequence", (json_int_t)r->sequence,
                         "changed", r->changed, "contents", (json_int_t)r->n_contents, "files",
                         (json_int_t)r->n_files, "delta_bytes", (json_int_t)r->delta_bytes,
                         "pack_bytes", (json_int_t)r->pack_bytes);
}

static int publish_all(Store *store, const Publication *site, char *const *names,
                       const PublishOptions *options, ProgressDisplay *display, json_t *list,
                       Error *error)
{
        for (char *const *name = names; name && *name; name++) {
                PublishResult result;
                int r = publish_ref(store, site, *name, options, &result, error);

                progress_display_end(display);
                if (r < 0)
                        return r;
                if (list)
                        (void)json_array_append_new(list, result_to_json(*name, &result));
                else
                        print_result(*name, &result);
        }
        return 0;
}

static int parse_options(const Arguments *a, PublishOptions *options, Error *error)
{
        const char *keep = arguments_value(a, "keep"), *expires = arguments_value(a, "expires");
        uint32_t n = PUBLISH_KEEP_DEFAULT;
        uint64_t usec;

        if (keep && (parse_uint32(keep, &n) < 0 || n > KEEP_MAX))
                return arguments_usage(a->verb, error, "--keep= takes a number up to %d, not '%s'",
                                       KEEP_MAX, keep);
        options->keep = n;
        if (!expires)
                return 0;
        if (parse_time(expires, USEC_PER_SEC, &usec) < 0 || usec < USEC_PER_SEC ||
            usec == USEC_INFINITY)
                return arguments_usage(a->verb, error, "--expires= takes a time span, not '%s'",
                                       expires);
        options->expires = time(NULL) + (int64_t)(usec / USEC_PER_SEC);
        return 0;
}

static int prune(const Publication *site, unsigned keep, bool json, Error *error)
{
        PruneResult result;
        char size[FORMAT_MAX];
        int r = publish_prune(site, keep, &result, error);

        if (r >= 0 && !json)
                printf("Removed %" PRIu64 " files, %s\n", result.n_files,
                       format_size(result.bytes, size));
        return r;
}

static int run_with(const Arguments *a, Store *store, PublishOptions *options,
                    ProgressDisplay *display, Error *error)
{
        _cleanup_publication_ Publication site = PUBLICATION_NULL;
        _cleanup_strv_ char **all = NULL;
        bool json = arguments_has(a, "json");
        json_t *list = json ? json_array() : NULL;
        int r = a->words[1] ? 0 : select_all(store, &all, error);

        if (r >= 0 && !a->words[1] && !all) {
                error_hint(error, "stead layer import NAME TREE");
                r = error_set(error, ENOENT, "There is no layer to publish");
        }
        if (r >= 0)
                r = publication_open(a->words[0], &site, error);
        if (r >= 0)
                r = publish_all(store, &site, a->words[1] ? a->words + 1 : all, options, display,
                                list, error);
        if (r >= 0 && arguments_has(a, "prune"))
                r = prune(&site, options->keep, json, error);
        if (list && r >= 0 && json_print_take(json_incref(list)) < 0)
                r = error_set(error, ENOMEM, "Out of memory");
        json_decref(list);
        return r;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_progress_display_ ProgressDisplay display;
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_key_ Key key = KEY_NULL;
        PublishOptions options = { .key = &key, .force = arguments_has(a, "force") };
        int r;

        progress_display_init(&display, arguments_has(a, "json"), arguments_has(a, "quiet"));
        options.progress = &display.progress;
        if (!arguments_has(a, "key"))
                return arguments_usage(a->verb, error,
                                       "--key= is missing: the key to sign with, made by 'stead "
                                       "remote key NAME'");
        r = parse_options(a, &options, error);
        if (r >= 0)
                r = key_load(KEYS_DIRECTORY, arguments_value(a, "key"), &key, error);
        if (r >= 0)
                r = store_open(NULL, STORE_ADD, &store,
                               error); /* no garbage collection meanwhile */
        if (r >= 0)
                r = run_with(a, &store, &options, &display, error);
        progress_display_end(&display);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_publish = {
        .name = "publish",
        .operands = "DIRECTORY [LAYER...]",
        .help = "Write layers as a directory of plain files for a web server",
        .text = "Without a LAYER: all of the store. The directory can be served by any web server, "
                "or copied to one;\nwhoever can read it reads all files of the layers, "
                "/etc/shadow with them. Only what is new is written.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
