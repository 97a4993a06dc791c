/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Source -> tree -> manifest -> commit. */

#include "image/layer-import.h"

#include "base/strv.h"
#include "image/layer-flatten.h"
#include "image/layer-source.h"
#include "os/path.h"
#include "store/ingest.h"
#include "store/sha256.h"

#include <string.h>

/* The layers that the new one goes on top of. */
typedef struct BaseStack {
        Manifest view;
        Commit commit; /* holds the list of bases */
} BaseStack;

static void base_stack_done(BaseStack *b)
{
        manifest_done(&b->view);
        commit_done(&b->commit);
}

static int add_base(Store *store, const char *word, BaseStack *b, Error *error)
{
        _cleanup_manifest_ Manifest tree = MANIFEST_NULL, view = MANIFEST_NULL;
        _cleanup_commit_ Commit commit = COMMIT_NULL;
        _cleanup_free_ char *name = NULL;
        Hash id;
        int r = store_resolve(store, word, &id, &name, error);

        if (r >= 0)
                r = store_load_commit(store, &id, &commit, error);
        if (r < 0)
                return r;
        if (b->commit.n_bases == 0 && commit.kind != LAYER_BASE)
                return error_set(error, EINVAL,
                                 "Layer '%s' is no base but a difference: name its base before it",
                                 word);
        r = store_load_tree(store, &commit.tree, &tree, error);
        if (r < 0)
                return r;
        r = commit_add_base(&b->commit, &id, name);
        if (r >= 0)
                r = layer_flatten((const Manifest *const[]){ &b->view, &tree }, 2, true, &view);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        manifest_done(&b->view);
        b->view = view;
        view = MANIFEST_NULL;
        return 0;
}

/* A tree becomes many machines: none of them may have this one's id. */
static int forget_identity(Manifest *m)
{
        static const char uninitialized[] = "uninitialized\n"; /* machine-id(5): a first boot */
        Hash empty, first;

        if (hash_of("", 0, &empty) < 0 || hash_of(uninitialized, strlen(uninitialized), &first) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < m->n; i++) {
                Entry *e = &m->entries[i];

                if (e->kind != ENTRY_FILE)
                        continue;
                if (strcmp(e->path, "/etc/machine-id") == 0 && !hash_equal(&e->content, &first)) {
                        e->content = empty;
                        e->size = 0;
                }
        }
        return 0;
}

static bool has_init(const Manifest *m)
{
        static const char *const places[] = {
                "/usr/lib/systemd/systemd",
                "/lib/systemd/systemd",
                "/usr/sbin/init",
                "/sbin/init",
                "/usr/bin/init",
                "/bin/init",
                "/init",
        };

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (manifest_find(m, places[i]))
                        return true;
        return false;
}

/* "debian/12", as the tree says of itself. */
static int label_system(Commit *c, int tree_fd)
{
        _cleanup_free_ char *text = NULL, *id = NULL, *version = NULL, *label = NULL;
        _cleanup_strv_ char **lines = NULL;

        if (path_read(tree_fd, "/etc/os-release", 65536, &text) <= 0)
                return 0;
        if (strv_split(text, "\n", &lines) < 0)
                return -ENOMEM;
        STRV_FOREACH (line, lines) {
                _cleanup_strv_ char **words = NULL;
                char **target = strncmp(*line, "ID=", 3) == 0            ? &id
                                : strncmp(*line, "VERSION_ID=", 11) == 0 ? &version
                                                                         : NULL;

                if (!target || strv_split_quoted(strchr(*line, '=') + 1, &words) < 0 || !words)
                        continue;
                free(*target);
                *target = strdup(words[0]);
                if (!*target)
                        return -ENOMEM;
        }
        if (!id || !*id)
                return 0;
        if (asprintf(&label, "%s%s%s", id, version ? "/" : "", version ?: "") < 0) {
                label = NULL;
                return -ENOMEM;
        }
        return commit_set_label(c, "os", label);
}

static int label_image(Commit *c, const OciImage *image)
{
        char digits[HASH_TEXT_SIZE];
        int r = 0;

        if (image->n_layers == 0)
                return 0;
        r = commit_set_label(c, "image.id", hash_to_string(&image->id, digits));
        if (r >= 0 && image->config.architecture && *image->config.architecture)
                r = commit_set_label(c, "architecture", image->config.architecture);
        for (size_t i = 0; r >= 0 && i < image->config.n_settings; i++) {
                const OciSetting *s = &image->config.settings[i];
                _cleanup_free_ char *key = NULL;

                if (asprintf(&key, "image.%s", s->key) < 0) {
                        key = NULL;
                        return -ENOMEM;
                }
                r = commit_set_label(c, key, s->value);
        }
        return r;
}

static int describe(const LayerSource *s, Commit *c, Error *error)
{
        const LayerImport *import = s->import;
        int r = 0;

        if (import->message)
                c->message = strdup(import->message);
        else if (asprintf(&c->message, "Imported from %s",
                          strcmp(import->source, "-") == 0 ? "standard input" : import->source) < 0)
                c->message = NULL;
        if (!c->message)
                r = -ENOMEM;
        c->kind = import->bases ? LAYER_APP : LAYER_BASE;
        if (r >= 0)
                r = label_image(c, &s->image);
        if (r >= 0 && !import->difference)
                r = label_system(c, s->tree_fd);
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}

/* The tree as a manifest, its objects in the stage. */
static int read_tree(Store *store, const LayerSource *s, const Manifest *base, Manifest *ret,
                     Error *error)
{
        _cleanup_manifest_ Manifest tree = MANIFEST_NULL;
        const LayerImport *import = s->import;
        const IngestOptions options = {
                .consume = s->ours,
                .layer = import->difference,
                .keep_state = import->keep_state,
                .progress = &s->work->progress,
        };
        int r = ingest_tree(store, s->tree_fd, &options, &tree, error);

        if (r < 0)
                return r;
        if (!import->keep_state && forget_identity(&tree) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (!import->bases || import->difference) {
                *ret = tree;
                tree = MANIFEST_NULL;
                return 0;
        }
        return layer_difference(base, &tree, ret) < 0 ? error_set(error, ENOMEM, "Out of memory")
                                                      : 0;
}

static int add_version(Store *store, const LayerSource *s, BaseStack *base, LayerImported *ret,
                       Error *error)
{
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        LayerImported imported = { .no_init = false };
        int r = describe(s, &base->commit, error);

        if (r >= 0)
                r = read_tree(store, s, &base->view, &m, error);
        if (r >= 0)
                r = layer_version_add(store, s->import->name, &m, &base->commit, &imported.version,
                                      error);
        if (r < 0)
                return r;
        imported.n_devices = s->work->shared[LAYER_WORK_DEVICES];
        imported.no_init = !s->import->bases && !has_init(&m);
        if (manifest_measure(&m, &imported.size) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        *ret = imported;
        return 0;
}

int layer_import(Store *store, const LayerImport *import, Progress *progress, LayerImported *ret,
                 Error *error)
{
        _cleanup_layer_work_ LayerWork work = LAYER_WORK_NULL;
        _cleanup_(base_stack_done) BaseStack base = { .view = MANIFEST_NULL };
        _cleanup_layer_source_ LayerSource source = { .tree_fd = -EBADF, .lock = TREE_LOCK_NULL };
        int r;

        if (!ref_name_is_valid(import->name))
                return error_set(error, EINVAL,
                                 "'%s' is no name of a layer: words of letters, digits, '.', '_', "
                                 "'+' and '-', with '/' between them",
                                 import->name);
        r = layer_version_check(store, import->name, error);
        STRV_FOREACH (word, (char **)import->bases)
                if (r >= 0)
                        r = add_base(store, *word, &base, error);
        if (r >= 0)
                r = layer_work_begin(store, progress, &work, error);
        if (r >= 0)
                r = layer_source_open(import, &work, &source, error);
        return r < 0 ? r : add_version(store, &source, &base, ret, error);
}
