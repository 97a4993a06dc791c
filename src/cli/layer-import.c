/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer import: a layer out of a directory, a tar file or a container image. */

#include "cli/layer-import.h"

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/progress-display.h"
#include "cli/verb-layer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "base", 'b', "LAYER", "An app layer for this stack (once for each layer, lowest first)" },
        { "difference", 0, NULL, "The source is the difference already, with whiteouts" },
        { "message", 'm', "TEXT", "What the version is, for the log" },
        { "architecture", 0, "ARCH", "Image: not the host's (amd64, arm64, ...)" },
        { "insecure", 0, NULL, "Registry: do not ask for a certificate" },
        { "keep-devices", 0, NULL, "Archive, image: make the device nodes that are in it" },
        { "keep-state", 0, NULL, "Also what belongs to one machine: id, keys, caches" },
        { "force", 'f', NULL, "Directory: also while it is in use" },
        { "json", 0, NULL, "Progress and result as JSON" },
        { "quiet", 'q', NULL, "No progress display" },
};

static void print_json(const char *name, const LayerImported *i)
{
        char commit[HASH_TEXT_SIZE], tree[HASH_TEXT_SIZE];

        printf("{\"name\":\"%s\",\"commit\":\"%s\",\"tree\":\"%s\",\"unchanged\":%s,\"bytes\":"
               "%" PRIu64 ",\"files\":%" PRIu64 ",\"directories\":%" PRIu64 ",\"others\":%" PRIu64
               ",\"devices_left_out\":%" PRIu64 ",\"init\":%s}\n",
               name, hash_to_string(&i->version.commit, commit),
               hash_to_string(&i->version.tree, tree), i->version.unchanged ? "true" : "false",
               i->size.bytes, i->size.n_files, i->size.n_directories, i->size.n_others,
               i->n_devices, i->no_init ? "false" : "true");
}

static void report(const char *name, const LayerImported *i, bool json)
{
        char commit[HASH_TEXT_SIZE], size[FORMAT_MAX];

        if (json)
                print_json(name, i);
        else
                printf("%s %s@%.8s: %" PRIu64 " files, %s\n",
                       i->version.unchanged ? "Unchanged:" : "Imported", name,
                       hash_to_string(&i->version.commit, commit), i->size.n_files,
                       format_size(i->size.bytes, size));
        if (i->n_devices > 0)
                fprintf(stderr,
                        "%" PRIu64 " device nodes were left out; a machine's /dev is made at its "
                        "start (--keep-devices)\n",
                        i->n_devices);
        if (i->no_init)
                fprintf(stderr,
                        "'%s' has no init and will not boot: run programs of it with 'stead run', "
                        "or install one (in a Debian: apt-get install systemd-sysv) and commit\n",
                        name);
}

int layer_import_run(const LayerImport *import, ProgressDisplay *display, bool json, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        LayerImported imported;
        int r = store_open(NULL, STORE_ADD, &store, error);

        if (r >= 0)
                r = layer_import(&store, import, &display->progress, &imported, error);
        progress_display_end(display);
        if (r >= 0)
                report(import->name, &imported, json);
        return r;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_progress_display_ ProgressDisplay display;
        _cleanup_strv_ char **bases = NULL;
        LayerImport import = { .name = a->words[0],
                               .source = a->words[1],
                               .difference = arguments_has(a, "difference"),
                               .keep_devices = arguments_has(a, "keep-devices"),
                               .keep_state = arguments_has(a, "keep-state"),
                               .force = arguments_has(a, "force"),
                               .insecure = arguments_has(a, "insecure"),
                               .architecture = arguments_value(a, "architecture"),
                               .message = arguments_value(a, "message") };
        int r;

        progress_display_init(&display, arguments_has(a, "json"), arguments_has(a, "quiet"));
        if (arguments_has(a, "base")) {
                r = arguments_values(a, "base", &bases);
                if (r < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                import.bases = bases;
        }
        if (import.difference && !bases)
                return arguments_usage(a->verb, error,
                                       "--difference needs --base=: what the layer is for");
        if (import.difference && layer_import_is_image(import.source))
                return arguments_usage(a->verb, error,
                                       "An image is a whole tree: --difference is for directories "
                                       "and tar files");
        r = layer_import_run(&import, &display, arguments_has(a, "json"), error);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_layer_import = {
        .name = "layer import",
        .operands = "NAME SOURCE",
        .help = "Make a layer of a directory, a tar file or a container image",
        .text = "SOURCE is a directory, a tar file (.tar, .tar.gz, .tar.xz, .tar.zst; '-' for "
                "standard input),\n"
                "oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:IMAGE:TAG] or, "
                "with skopeo,\n"
                "docker://IMAGE. An existing layer gets another version. With --base= the layer is "
                "the difference\n"
                "of the source to that stack.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
