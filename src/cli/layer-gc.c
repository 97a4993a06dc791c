/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer gc: remove what nothing needs any more. */

#include "base/fd.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/layer-view.h"
#include "cli/progress-display.h"
#include "cli/table.h"
#include "cli/verb-layer.h"
#include "stack/stack.h"
#include "store/gc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const Flag flags[] = {
        { "keep", 0, "N", "Keep so many versions of each layer (default: 5)" },
        { "dry-run", 0, NULL, "Only say what would be removed" },
        { "quiet", 'q', NULL, "No progress display" },
        { "json", 0, NULL, "Print a JSON object; progress as JSON lines on standard error" },
};

static int print(const GcResult *g, bool dry_run, bool json, Error *error)
{
        char size[FORMAT_MAX];

        if (!json) {
                printf("%s %" PRIu64 " object%s (%s), %" PRIu64 " tree%s, %" PRIu64
                       " checkout%s.\n",
                       dry_run ? "Would remove" : "Removed", g->n_objects,
                       g->n_objects == 1 ? "" : "s", format_size(g->bytes, size), g->n_trees,
                       g->n_trees == 1 ? "" : "s", g->n_checkouts, g->n_checkouts == 1 ? "" : "s");
                return EXIT_SUCCESS;
        }
        return json_print_take(json_pack("{s:I, s:I, s:I, s:I, s:b}", "objects",
                                         (json_int_t)g->n_objects, "bytes", (json_int_t)g->bytes,
                                         "trees", (json_int_t)g->n_trees, "checkouts",
                                         (json_int_t)g->n_checkouts, "dry_run", dry_run)) < 0
                       ? error_set(error, ENOMEM, "Out of memory")
                       : EXIT_SUCCESS;
}

/* A machine or a generation that is no more must not come back from a power cut without what it
 * needs. */
static int sync_states(Error *error)
{
        const char *states = stack_states();
        _cleanup_close_ int fd = open(states, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                return 0;
        return fd < 0 || syncfs(fd) < 0 ? error_errno(error, errno, "Failed to sync '%s'", states)
                                        : 0;
}

static int collect(Store *store, GcRequest request, GcResult *ret, Error *error)
{
        _cleanup_roots_ Roots roots = ROOTS_NULL;
        _cleanup_free_ Hash *hashes = NULL;
        int r = roots_collect(&roots, error);

        if (r >= 0 && !request.dry_run)
                r = sync_states(error);
        if (r < 0)
                return r;
        if (roots_hashes(&roots, &hashes, &request.n_roots) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        request.roots = hashes;
        return gc_run(store, &request, ret, error);
}

static int run(const Arguments *a, Error *error)
{
        bool json = arguments_has(a, "json");
        const char *value = arguments_value(a, "keep");
        _cleanup_store_ Store store = STORE_NULL;
        GcRequest request = { .keep = GC_KEEP_DEFAULT, .dry_run = arguments_has(a, "dry-run") };
        ProgressDisplay display;
        GcResult result;
        int r;

        if (value && (parse_uint32(value, &request.keep) < 0 || request.keep == 0))
                return arguments_usage(a->verb, error, "'%s' is no number of versions", value);
        /* before it is asked what machines need: nobody gets another generation from here on */
        r = store_open(NULL, STORE_REMOVE, &store, error);
        if (r < 0)
                return r;
        progress_display_init(&display, json, arguments_has(a, "quiet"));
        request.progress = &display.progress;
        r = collect(&store, request, &result, error);
        progress_display_end(&display);
        return r < 0 ? r : print(&result, request.dry_run, json, error);
}

const Verb verb_layer_gc = {
        .name = "layer gc",
        .operands = "",
        .help = "Remove what no layer and no machine needs any more",
        .text = "Kept are the last versions of each layer, what layers were made on, every "
                "generation of each machine,\nand checkouts that machines run on. Refused while "
                "something is being added to the store.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = 0,
        .command_after = NO_COMMAND,
        .run = run,
};
