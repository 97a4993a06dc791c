/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers and their merge from the command line, for tests with real trees:
 *
 *   merge-driver commit base|app NAME DIRECTORY [COMMIT NAME]...     prints the commit
 *   merge-driver merge BEFORE GENERATED AFTER UPPER OUTPUT
 *
 * The store is $STEAD_STORE. BEFORE and AFTER are "COMMIT=NAME,COMMIT=NAME..." from the lowest, "-"
 * stands for none; OUTPUT is an empty directory for the generated layer, or "-": look only. What
 * the merge says comes out as lines with tabs. */

#include "base/cleanup.h"
#include "base/strv.h"
#include "os/clock.h"
#include "stack/merge.h"
#include "store/checkout.h"
#include "store/ingest.h"

#include <fcntl.h>
#include <string.h>

static int publish(Store *store, const Manifest *manifest, Hash *ret_tree, Error *error)
{
        const Manifest *const manifests[] = { manifest };
        int r = store_publish_objects(store, manifests, 1, error);

        return r < 0 ? r : store_add_tree(store, manifest, ret_tree, error);
}

static int make_commit(Store *store, char *argv[], Error *error)
{
        const LayerKind kind = layer_kind_from_string(argv[0]);
        _cleanup_close_ int fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(commit_done) Commit commit = { .kind = kind, .time = 1 };
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        char text[HASH_TEXT_SIZE];
        Hash id;
        int r = ingest_tree(store, fd, &(IngestOptions){ .layer = kind == LAYER_APP }, &manifest,
                            error);

        if (r >= 0)
                r = publish(store, &manifest, &commit.tree, error);
        commit.message = strdup(argv[1]);
        for (char **base = argv + 3; r >= 0 && base[0]; base += 2)
                r = hash_parse(base[0], &id) < 0 ? -EINVAL : commit_add_base(&commit, &id, base[1]);
        if (r >= 0)
                r = store_add_commit(store, &commit, &id, error);
        if (r >= 0)
                puts(hash_to_string(&id, text));
        return r;
}

static int parse_generation(const Store *store, const char *words, Generation *ret, Error *error)
{
        _cleanup_strv_ char **list = NULL;
        int r = strv_split(words, ",", &list);

        STRV_FOREACH (word, list) {
                _cleanup_(commit_done) Commit commit = COMMIT_NULL;
                char *name = strchr(*word, '=');
                Hash id;

                if (r < 0 || !name)
                        return -EINVAL;
                *name++ = '\0';
                r = hash_parse(*word, &id);
                if (r >= 0)
                        r = store_load_commit(store, &id, &commit, error);
                if (r >= 0)
                        r = generation_add_layer(ret, name, &id, &commit.tree);
        }
        return r;
}

static void print_result(const MergeResult *m, uint64_t usec)
{
        static const char *const kinds[] = { "upgraded", "downgraded", "added", "removed" };
        char text[HASH_TEXT_SIZE];
        Hash id;

        printf("time\t%ju\n", (uintmax_t)usec);
        for (size_t i = 0; i < m->n_edits; i++)
                printf("edit\t%s\t%s\n", m->edits[i].remove ? "remove" : "put", m->edits[i].path);
        for (size_t i = 0; i < m->drift.n_items; i++) {
                const DriftItem *d = m->drift.items + i;

                printf("item\t%s\t%s\t%s\t%s\t%s\n", drift_kind_to_string(d->kind), d->path,
                       d->layer ?: "", d->package ?: "", d->detail ?: "");
        }
        for (size_t i = 0; i < m->drift.n_packages; i++) {
                const PackageChange *p = m->drift.packages + i;

                printf("package\t%s\t%s\t%s\t%s\t%s\n", kinds[p->kind], p->name, p->before ?: "",
                       p->after ?: "", p->security ? "security" : "");
        }
        STRV_FOREACH (warning, m->drift.warnings)
                printf("warning\t%s\n", *warning);
        if (m->generated.n > 0 && manifest_write(&m->generated, NULL, &id) >= 0)
                printf("generated\t%s\n", hash_to_string(&id, text));
}

/* Edits go to "edits/N" of the output, in their order; the generated layer to "generated". */
static int write_result(Store *store, const MergeResult *m, const char *output, Error *error)
{
        _cleanup_close_ int fd = open(output, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                            generated = -EBADF, edits = -EBADF;
        _cleanup_manifest_ Manifest manifest = MANIFEST_NULL;
        Entry root = { .path = strdup("/"), .kind = ENTRY_DIRECTORY, .mode = 0755 };
        Hash tree;
        int r = manifest_add_take(&manifest, &root);

        for (size_t i = 0; r >= 0 && i < m->n_edits; i++) {
                Entry e = ENTRY_NULL;

                if (m->edits[i].remove)
                        continue;
                r = entry_copy(&m->edits[i].entry, &e);
                free(e.path);
                if (r >= 0 && asprintf(&e.path, "/%06zu", i) >= 0)
                        r = manifest_add_take(&manifest, &e);
        }
        if (r < 0 || mkdirat(fd, "generated", 0755) < 0 || mkdirat(fd, "edits", 0755) < 0)
                return -EIO;
        generated = openat(fd, "generated", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        edits = openat(fd, "edits", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = publish(store, &manifest, &tree, error);
        if (r >= 0)
                r = checkout_copy(store, &manifest, edits, NULL, error);
        if (r >= 0 && m->generated.n > 0)
                r = publish(store, &m->generated, &tree, error);
        if (r >= 0 && m->generated.n > 0)
                r = checkout_copy(store, &m->generated, generated, NULL, error);
        return r;
}

static int run_merge(Store *store, char *argv[], Error *error)
{
        _cleanup_(generation_done) Generation before = GENERATION_NULL, after = GENERATION_NULL;
        _cleanup_close_ int upper = -EBADF;
        _cleanup_merge_result_ MergeResult result = MERGE_RESULT_NULL;
        MergeRequest request = { .store = store, .after = &after, .upper_fd = -EBADF };
        uint64_t start;
        Hash generated;
        int r = parse_generation(store, strcmp(argv[0], "-") == 0 ? "" : argv[0], &before, error);

        if (r >= 0)
                r = parse_generation(store, argv[2], &after, error);
        if (r < 0)
                return r;
        if (before.n_layers > 0)
                request.before = &before;
        if (hash_parse(argv[1], &generated) >= 0)
                request.before_generated = &generated;
        if (strcmp(argv[3], "-") != 0)
                request.upper_fd = upper = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        request.look_only = strcmp(argv[4], "-") == 0;
        start = clock_now_usec();
        r = merge_stack(&request, &result, error);
        if (r < 0)
                return r;
        print_result(&result, clock_now_usec() - start);
        return request.look_only ? 0 : write_result(store, &result, argv[4], error);
}

int main(int argc, char *argv[])
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_store_ Store store = STORE_NULL;
        int r = store_open(NULL, STORE_ADD, &store, &error);

        if (r >= 0 && argc >= 5 && strcmp(argv[1], "commit") == 0)
                r = make_commit(&store, argv + 2, &error);
        else if (r >= 0 && argc >= 7 && strcmp(argv[1], "merge") == 0)
                r = run_merge(&store, argv + 2, &error);
        else if (r >= 0)
                r = -EINVAL;
        if (r < 0 && error.number)
                error_print(&error);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
