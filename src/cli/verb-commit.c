/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead commit: a layer out of what was tried on a machine, or of what it has written. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/layered-files.h"
#include "cli/layered-try.h"
#include "cli/progress-display.h"
#include "image/layer-version.h"
#include "store/ingest.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "message", 'm', "MESSAGE", "What it is" },
        { "add", 'a', NULL, "Add the layer to the machine's definition" },
        { "state", 0, NULL, "All that the machine has written, instead of what was tried" },
        { "json", 0, NULL, "Progress and result as JSON" },
        { "quiet", 'q', NULL, "No progress display, and not what to do next" },
};

typedef struct CommitRequest {
        const Arguments *arguments;
        Layered *machine;
        const char *name; /* of the layer */
        int upper_fd;
        const Generation *generation; /* that it was made on */
        Progress *progress;
} CommitRequest;

static int fill_commit(const CommitRequest *c, Commit *commit, Error *error)
{
        const char *message = arguments_value(c->arguments, "message");

        commit->kind = arguments_has(c->arguments, "state") ? LAYER_STATE : LAYER_APP;
        commit->message = strdup(message ?: "");
        for (size_t i = 0; i < c->generation->n_layers; i++)
                if (commit_add_base(commit, &c->generation->layers[i].commit,
                                    c->generation->layers[i].name) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        return commit->message ? 0 : error_set(error, ENOMEM, "Out of memory");
}

static int compare_paths(const void *path, const void *change)
{
        return strcmp(path, ((const FileChange *)change)->path);
}

/* Takes out directories that are what is below them and lead to nothing: copies that a file which
 * came and went has left, as the try's own do. The change of a time alone is none. */
static void drop_idle_directories(Manifest *m, const LayeredFiles *changes)
{
        const char *below = ""; /* the last one that stays */
        size_t first = m->n;

        for (size_t i = m->n; i-- > 0;) {
                Entry *e = &m->entries[i];
                size_t length = strlen(e->path);
                bool leads = strncmp(below, e->path, length) == 0 && below[length] == '/';

                if (i > 0 && e->kind == ENTRY_DIRECTORY && !leads &&
                    !(changes->n > 0 && bsearch(e->path, changes->items, changes->n,
                                                sizeof(*changes->items), compare_paths))) {
                        entry_done(e);
                        continue;
                }
                below = e->path;
                if (--first != i) {
                        m->entries[first] = *e;
                        *e = ENTRY_NULL;
                }
        }
        m->n -= first;
        memmove(m->entries, m->entries + first, m->n * sizeof(*m->entries));
}

static int make_layer(const CommitRequest *c, LayerVersion *ret, ManifestSize *ret_size,
                      Error *error)
{
        bool state = arguments_has(c->arguments, "state");
        IngestOptions options = { .layer = true, .keep_state = state, .progress = c->progress };
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        _cleanup_commit_ Commit commit = COMMIT_NULL;
        _cleanup_layered_files_ LayeredFiles changes = LAYERED_FILES_NULL;
        int r = store_open(NULL, STORE_ADD, &store, error);

        if (r >= 0)
                r = layer_version_check(&store, c->name, error);
        progress_begin(c->progress, "Storing", 0, 0);
        if (r >= 0)
                r = ingest_tree(&store, c->upper_fd, &options, &manifest, error);
        if (r >= 0 && !state)
                r = layered_files_of(c->machine, true, &changes, error);
        if (r >= 0 && !state)
                drop_idle_directories(&manifest, &changes);
        if (r >= 0 && manifest.n <= 1 && !state)
                error_hint(error, "stead discard %s", c->machine->name);
        if (r >= 0 && manifest.n <= 1)
                r = error_set(error, ENODATA, "There is nothing in it that belongs into a layer");
        if (r >= 0)
                r = fill_commit(c, &commit, error);
        if (r >= 0)
                r = manifest_measure(&manifest, ret_size);
        return r < 0 ? r : layer_version_add(&store, c->name, &manifest, &commit, ret, error);
}

static int add_to_definition(const CommitRequest *c, Error *error)
{
        _cleanup_strv_ char **layers = NULL;

        if (strv_contains(c->machine->layers, c->name))
                return 0;
        if (strv_copy(c->machine->layers, &layers) < 0 || strv_push(&layers, c->name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return layered_set_names(c->machine->name, layers, error);
}

static void print_json(const char *name, const LayerVersion *version, const ManifestSize *size)
{
        char commit[HASH_TEXT_SIZE], tree[HASH_TEXT_SIZE];

        printf("{\"name\":\"%s\",\"commit\":\"%s\",\"tree\":\"%s\",\"unchanged\":%s,\"bytes\":"
               "%ju,\"files\":%ju}\n",
               name, hash_to_string(&version->commit, commit), hash_to_string(&version->tree, tree),
               version->unchanged ? "true" : "false", (uintmax_t)size->bytes,
               (uintmax_t)size->n_files);
}

static void tell(const CommitRequest *c, const LayerVersion *version, const ManifestSize *size)
{
        const Layered *l = c->machine;
        char commit[HASH_TEXT_SIZE];

        printf("%s@%.8s: %ju files, %ju bytes%s\n", c->name,
               hash_to_string(&version->commit, commit), (uintmax_t)size->n_files,
               (uintmax_t)size->bytes, version->unchanged ? " (as it was)" : "");
        (void)fflush(stdout);
        if (arguments_has(c->arguments, "quiet"))
                return;
        if (strv_contains(l->layers, c->name))
                fprintf(stderr, "Next: stead update %s\n", l->name);
        else if (arguments_has(c->arguments, "add"))
                fprintf(stderr, "Machine '%s' has it from its next start on: stead restart %s\n",
                        l->name, l->name);
        else {
                _cleanup_free_ char *names = strv_join(l->layers, " ");

                fprintf(stderr,
                        "Next: Layers=%s %s in the definition (stead edit %s); or stead create NEW "
                        "%s %s\n",
                        names ?: "", c->name, l->name, names ?: "", c->name);
        }
}

static int commit(CommitRequest *c, LayerVersion *version, ManifestSize *size, Error *error)
{
        _cleanup_layered_try_ LayeredTry t = LAYERED_TRY_NULL;
        _cleanup_generation_ Generation generation = GENERATION_NULL;
        _cleanup_close_ int lock_fd = -EBADF, upper_fd = -EBADF;
        bool state = arguments_has(c->arguments, "state");
        int r;

        if (state) {
                r = generation_lock_state(c->machine->state_fd, c->machine->name, false, &lock_fd,
                                          error);
                if (r >= 0)
                        r = generation_load(c->machine->state_fd, c->machine->stack.generation,
                                            &generation, error);
                upper_fd = layered_open_upper(c->machine, "upper");
                c->generation = &generation;
        } else {
                r = layered_try_open(c->machine, &t, error);
                if (r >= 0)
                        r = layered_try_lock(&t, c->machine, &lock_fd, error);
                if (r >= 0)
                        layered_try_tidy(&t);
                upper_fd = layered_open_upper(c->machine, "try/upper");
                c->generation = &t.generation;
        }
        if (r < 0)
                return r;
        if (upper_fd < 0)
                return error_set(error, ENODATA,
                                 "Machine '%s' has written nothing that could be "
                                 "read",
                                 c->machine->name);
        c->upper_fd = upper_fd;
        r = make_layer(c, version, size, error);
        if (r >= 0 && arguments_has(c->arguments, "add"))
                r = add_to_definition(c, error);
        return r;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_progress_display_ ProgressDisplay display;
        _cleanup_layered_ Layered l = LAYERED_NULL;
        CommitRequest c = {
                .arguments = a, .machine = &l, .name = a->words[1], .progress = &display.progress
        };
        LayerVersion version = {};
        ManifestSize size = {};
        int r;

        progress_display_init(&display, arguments_has(a, "json"), arguments_has(a, "quiet"));
        if (!ref_name_is_valid(c.name)) {
                error_hint(error, "stead commit %s site/%s -m MESSAGE", a->words[0], a->words[0]);
                return error_set(error, EINVAL, "'%s' cannot be the name of a layer", c.name);
        }
        if (arguments_has(a, "state") && arguments_has(a, "add"))
                return arguments_usage(a->verb, error,
                                       "--add is for what was tried: the machine has its own state "
                                       "already");
        r = layered_open(a->words[0], &l, error);
        if (r >= 0)
                r = commit(&c, &version, &size, error);
        progress_display_end(&display);
        if (r >= 0 && !arguments_has(a, "state"))
                r = layered_try_remove(&l, error);
        if (r < 0)
                return r;
        if (arguments_has(a, "json"))
                print_json(c.name, &version, &size);
        else
                tell(&c, &version, &size);
        return EXIT_SUCCESS;
}

const Verb verb_commit = {
        .name = "commit",
        .operands = "NAME LAYER",
        .help = "Make a layer of what was tried on a machine",
        .text = "LAYER gets a new version, or is made; it is for the layers that the machine had "
                "under the try. The\n"
                "try is over then, and the machine is as it was, until the layer is named in its "
                "definition, which\n"
                "--add sees to. With --state the layer is all that the machine has written: a "
                "record of it, or the\n"
                "beginning of others. The machine must not run then, and keeps what it has.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
