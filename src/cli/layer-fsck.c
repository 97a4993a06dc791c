/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer fsck: is the store what it says, and has it what machines need? */

#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/color.h"
#include "cli/layer-view.h"
#include "cli/printable.h"
#include "cli/progress-display.h"
#include "cli/table.h"
#include "cli/verb-layer.h"
#include "store/fsck.h"

#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "repair", 0, NULL, "Put back what can be put back, set the rest aside" },
        { "quiet", 'q', NULL, "No progress display" },
        { "json", 0, NULL, "Print a JSON object; progress as JSON lines on standard error" },
};

typedef struct Report {
        ProgressDisplay display;
        bool json;
        json_t *defects;
        size_t n, n_left;
} Report;

static void on_defect(const char *defect, bool repaired, void *userdata)
{
        Report *r = userdata;
        Color color = repaired ? COLOR_GOOD : COLOR_BAD;
        _cleanup_free_ char *text = NULL;

        r->n++;
        r->n_left += !repaired;
        if (r->json) {
                (void)json_array_append_new(r->defects, json_pack("{s:o, s:b}", "defect",
                                                                  printable_json(defect),
                                                                  "repaired", repaired));
                return;
        }
        text = printable_text(defect); /* it has paths of layers in it */
        progress_display_clear(&r->display);
        printf("%s%s%s%s\n", color_on(stdout, color), text ?: "?", repaired ? "  (repaired)" : "",
               color_off(stdout, color));
}

/* Generations need their trees; a stack makes its generated layer anew if that is gone. */
static void check_use(const Store *store, const LayerUse *use, Report *report)
{
        _cleanup_free_ char *text = NULL;

        if (strcmp(use->name, "-") == 0 || store_has_tree(store, &use->tree))
                return;
        if (use->generation > 0 &&
            asprintf(&text,
                     "Machine '%s' has version %s of '%s' in its generation %u, which is not here",
                     use->machine, layer_version_text(&use->commit).text, use->name,
                     use->generation) < 0)
                text = NULL;
        else if (use->generation == 0 && use->current &&
                 asprintf(&text, "Machine '%s' is to run on '%s', whose tree %s is not here",
                          use->machine, use->name, layer_version_text(&use->tree).text) < 0)
                text = NULL;
        if (text)
                on_defect(text, false, report);
}

static int check_machines(const Store *store, Report *report)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_roots_ Roots roots = ROOTS_NULL;
        int r = roots_collect(&roots, &problem);

        for (size_t i = 0; r >= 0 && i < roots.n; i++)
                check_use(store, &roots.uses[i], report);
        if (r < 0)
                on_defect(problem.message, false, report);
        return 0;
}

static int print_end(const Report *report, const Store *store, bool repair, Error *error)
{
        size_t left = report->n_left;

        if (report->json) {
                if (json_print_take(json_pack("{s:O, s:I}", "defects", report->defects, "left",
                                              (json_int_t)left)) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        } else if (report->n == 0) {
                printf("The store '%s' is sound.\n", store->path);
        } else {
                printf("%zu defect%s, %zu left.\n", report->n, report->n == 1 ? "" : "s", left);
                if (left > 0)
                        fprintf(stderr, "  Try: %s\n",
                                repair ? "stead pull NAME, or import the layer again"
                                       : "stead layer fsck --repair");
        }
        return left > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One that is not there is not made. While it is looked at, nothing may be collected that was just
 * seen to be needed. */
static int open_store(bool repair, Store *ret, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        int r = store_open(NULL, STORE_READ, &store, error);

        if (r >= 0 && store.fd >= 0)
                return store_open(NULL, repair ? STORE_REMOVE : STORE_ADD, ret, error);
        if (r >= 0) {
                *ret = store;
                store = STORE_NULL;
        }
        return r;
}

static int run(const Arguments *a, Error *error)
{
        bool repair = arguments_has(a, "repair"), json = arguments_has(a, "json");
        _cleanup_store_ Store store = STORE_NULL;
        Report report = { .json = json, .defects = json_array() };
        int r = open_store(repair, &store, error);

        if (r >= 0) {
                progress_display_init(&report.display, json, arguments_has(a, "quiet"));
                r = fsck_run(&store, repair, &report.display.progress, on_defect, &report, error);
                progress_display_end(&report.display);
        }
        if (r >= 0)
                r = check_machines(&store, &report);
        if (r >= 0)
                r = print_end(&report, &store, repair, error);
        json_decref(report.defects);
        return r;
}

const Verb verb_layer_fsck = {
        .name = "layer fsck",
        .operands = "",
        .help = "Check the store, and repair it",
        .text = "Reads and hashes everything. --repair puts back owners, modes and attributes, "
                "moves what is damaged\ninto the store's directory 'damaged', and removes "
                "checkouts that hold it; the data comes again with\nthe next pull or import of the "
                "same layer. The exit status is 1 if a defect is left.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = 0,
        .command_after = NO_COMMAND,
        .run = run,
};
