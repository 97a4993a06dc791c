/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer export: a layer for other programs. */

#include "image/layer-export.h"
#include "cli/arguments.h"
#include "cli/progress-display.h"
#include "cli/verb-layer.h"

static const Flag flags[] = {
        { "compression", 0, "KIND", "Image: none, gzip (the default) or zstd" },
        { "json", 0, NULL, "Progress as JSON" },
        { "quiet", 'q', NULL, "No progress display" },
};

static int run(const Arguments *a, Error *error)
{
        _cleanup_progress_display_ ProgressDisplay display;
        _cleanup_store_ Store store = STORE_NULL;
        const char *compression = arguments_value(a, "compression");
        LayerExport export = { .layer = a->words[0],
                               .target = a->words[1],
                               .compression = TAR_GZIP };
        int r;

        progress_display_init(&display, arguments_has(a, "json"), arguments_has(a, "quiet"));
        if (compression) {
                export.compression = tar_compression_from_string(compression);
                if (export.compression < 0)
                        return arguments_usage(a->verb, error,
                                               "--compression= takes none, gzip or zstd, not '%s'",
                                               compression);
        }
        /* nothing is added, but nothing may be removed meanwhile */
        r = store_open(NULL, STORE_ADD, &store, error);
        if (r >= 0)
                r = layer_export(&store, &export, &display.progress, error);
        progress_display_end(&display);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_layer_export = {
        .name = "layer export",
        .operands = "LAYER TARGET",
        .help = "Write a layer as a directory, a tar file or a container image",
        .text = "TARGET is FILE.tar, .tar.gz, .tar.xz or .tar.zst, '-' for standard output, "
                "DIRECTORY/, or\n"
                "oci:DIRECTORY[:TAG]. An app layer becomes a difference with whiteouts; an image "
                "gets the layers\n"
                "that it was made on as well.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
