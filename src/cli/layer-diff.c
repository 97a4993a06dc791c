/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer diff: what two versions, or two layers, differ in: packages first, then files. */

#include "base/fd.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/layer-view.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "cli/verb-layer.h"
#include "stack/package-change.h"
#include "store/manifest-diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXIT_TROUBLE 2 /* as diff(1) */
#define STATUS "/var/lib/dpkg/status"
#define STATUS_LIMIT ((size_t)64 * 1024 * 1024)

static const Flag flags[] = {
        { "all", 'a', NULL, "Also files of which nothing but the time has changed" },
        { "packages", 'p', NULL, "Packages only" },
        { "json", 0, NULL, "Print a JSON object" },
};

/* One of the two that are compared. */
typedef struct Side {
        char *name;
        Hash commit;
        Manifest manifest;
        char *status; /* dpkg's; NULL: has none */
} Side;

typedef struct Comparing {
        bool all, json;
        Side before, after;
        PackageChanges packages;
        json_t *files;
        uint64_t counts[_CHANGE_KIND_MAX];
} Comparing;

static void side_done(Side *s)
{
        free(s->name);
        free(s->status);
        manifest_done(&s->manifest);
}

static void comparing_done(Comparing *c)
{
        side_done(&c->before);
        side_done(&c->after);
        package_changes_done(&c->packages);
        json_decref(c->files);
}

static int read_status(const Store *store, Side *s, Error *error)
{
        const Entry *e = manifest_find(&s->manifest, STATUS);
        _cleanup_close_ int fd = -EBADF;
        ssize_t size;
        Hash id;

        if (!e || e->kind != ENTRY_FILE || e->size == 0)
                return 0;
        if (entry_object_id(store->hasher, e, &id) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        fd = store_open_object(store, &id);
        size = fd < 0 ? fd : read_fd(fd, STATUS_LIMIT, &s->status);
        if (size < 0) {
                error_hint(error, "stead layer fsck");
                return error_errno(error, (int)-size, "Failed to read '" STATUS "' of '%s'",
                                   s->name);
        }
        return 0;
}

static int load_side(const Store *store, Side *s, Error *error)
{
        _cleanup_commit_ Commit c = COMMIT_NULL;
        int r = store_load_commit(store, &s->commit, &c, error);

        if (r >= 0)
                r = store_load_tree(store, &c.tree, &s->manifest, error);
        if (r == -ENOENT)
                error_hint(error, "stead layer log %s  (tells which versions are here)", s->name);
        return r < 0 ? error_prefix(error, "%s@%s", s->name, layer_version_text(&s->commit).text)
                     : read_status(store, s, error);
}

/* One word: its version before, and it. */
static int resolve(const Arguments *a, const Store *store, Comparing *c, Error *error)
{
        _cleanup_commit_ Commit newer = COMMIT_NULL;
        int r = store_resolve(store, a->words[0], &c->before.commit, &c->before.name, error);

        if (r < 0)
                return r;
        if (a->words[1])
                return store_resolve(store, a->words[1], &c->after.commit, &c->after.name, error);
        c->after.commit = c->before.commit;
        c->after.name = strdup(c->before.name);
        if (!c->after.name)
                return error_set(error, ENOMEM, "Out of memory");
        r = store_load_commit(store, &c->after.commit, &newer, error);
        if (r < 0)
                return r;
        if (hash_is_null(&newer.parent)) {
                error_hint(error, "stead layer diff %s OTHER", c->after.name);
                return error_set(error, ENOENT, "'%s' is the first version of its layer",
                                 a->words[0]);
        }
        c->before.commit = newer.parent;
        return 0;
}

/* --- files --- */

static const char *kind_word(ChangeKind kind)
{
        static const char *const words[_CHANGE_KIND_MAX] = {
                [CHANGE_ADDED] = "added",     [CHANGE_REMOVED] = "removed",
                [CHANGE_CONTENT] = "content", [CHANGE_ATTRIBUTES] = "attributes",
                [CHANGE_TIME] = "time",
        };

        return words[kind];
}

static void print_file(ChangeKind kind, const Entry *e)
{
        static const char letters[_CHANGE_KIND_MAX] = "+-~mt";
        static const Color colors[_CHANGE_KIND_MAX] = { COLOR_GOOD, COLOR_BAD, COLOR_BUSY,
                                                        COLOR_BUSY, COLOR_FAINT };
        _cleanup_free_ char *path = printable_text(e->path);
        bool hides = e->kind == ENTRY_WHITEOUT;

        printf("%s%c %s%s%s%s\n", color_on(stdout, colors[kind]), letters[kind], path ?: "?",
               e->kind == ENTRY_DIRECTORY && e->path[1] ? "/" : "", hides ? "  (hidden)" : "",
               color_off(stdout, colors[kind]));
}

static int on_change(ChangeKind kind, const Entry *before, const Entry *after, void *userdata)
{
        Comparing *c = userdata;
        const Entry *e = after ?: before;

        if (kind == CHANGE_TIME && !c->all)
                return 0;
        c->counts[kind]++;
        if (!c->json) {
                print_file(kind, e);
                return 0;
        }
        return json_array_append_new(
                       c->files,
                       json_pack("{s:o, s:s, s:o, s:o}", "path", printable_json(e->path), "change",
                                 kind_word(kind), "size_before",
                                 before ? json_integer((json_int_t)before->size) : json_null(),
                                 "size_after",
                                 after ? json_integer((json_int_t)after->size) : json_null())) < 0
                       ? -ENOMEM
                       : 0;
}

/* --- packages --- */

static const char *package_word(PackageChangeKind kind)
{
        switch (kind) {
        case PACKAGE_UPGRADED:
                return "upgraded";
        case PACKAGE_DOWNGRADED:
                return "downgraded";
        case PACKAGE_ADDED:
                return "added";
        case PACKAGE_REMOVED:
                return "removed";
        }
        return NULL;
}

static void print_package(const PackageChange *p)
{
        _cleanup_free_ char *line = NULL, *text = NULL;

        if (asprintf(&line, "%s %s%s%s%s%s", p->name, p->before ?: "", p->before ? " -> " : "",
                     p->after ?: "removed", p->before ? "" : "  (added)",
                     p->kind == PACKAGE_DOWNGRADED ? "  (older)" : "") < 0)
                line = NULL;
        text = line ? printable_text(line) : NULL;
        printf("  %s\n", text ?: "?");
}

static void print_packages(const PackageChanges *p)
{
        if (p->n > 0)
                printf("%sPackages (%zu)%s\n", color_on(stdout, COLOR_BOLD), p->n,
                       color_off(stdout, COLOR_BOLD));
        for (size_t i = 0; i < p->n; i++)
                print_package(&p->items[i]);
}

static json_t *packages_json(const PackageChanges *p)
{
        json_t *array = json_array();

        for (size_t i = 0; i < p->n; i++)
                (void)json_array_append_new(array,
                                            json_pack("{s:o, s:s, s:o, s:o}", "name",
                                                      printable_json(p->items[i].name), "change",
                                                      package_word(p->items[i].kind), "before",
                                                      printable_json(p->items[i].before), "after",
                                                      printable_json(p->items[i].after)));
        return array;
}

static json_t *side_json(const Side *s)
{
        return json_pack("{s:s, s:o}", "name", s->name, "version", layer_hash_json(&s->commit));
}

static int print_json(Comparing *c, bool with_files, Error *error)
{
        json_t *object = json_pack("{s:o, s:o, s:o}", "before", side_json(&c->before), "after",
                                   side_json(&c->after), "packages", packages_json(&c->packages));

        if (with_files)
                (void)json_object_set(object, "files", c->files);
        return json_print_take(object) < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}

static void print_counts(const Comparing *c)
{
        uint64_t changed =
                c->counts[CHANGE_CONTENT] + c->counts[CHANGE_ATTRIBUTES] + c->counts[CHANGE_TIME];

        printf("\n%s@%s -> %s@%s: %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64 " changed.\n",
               c->before.name, layer_version_text(&c->before.commit).text, c->after.name,
               layer_version_text(&c->after.commit).text, c->counts[CHANGE_ADDED],
               c->counts[CHANGE_REMOVED], changed);
}

static int compare(const Arguments *a, Comparing *c, Error *error)
{
        bool with_files = !arguments_has(a, "packages");
        int r = package_changes_find(c->before.status, c->after.status, &c->packages);

        if (r >= 0 && !c->json) {
                print_packages(&c->packages);
                if (with_files && c->packages.n > 0)
                        printf("\n%sFiles%s\n", color_on(stdout, COLOR_BOLD),
                               color_off(stdout, COLOR_BOLD));
        }
        if (r >= 0 && with_files)
                r = manifest_diff(&c->before.manifest, &c->after.manifest, on_change, c);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (c->json)
                r = print_json(c, with_files, error);
        else if (with_files)
                print_counts(c);
        for (size_t i = 0; r == 0 && i < _CHANGE_KIND_MAX; i++)
                r = c->counts[i] > 0 ? EXIT_FAILURE : 0;
        return r < 0 ? r : c->packages.n > 0 ? EXIT_FAILURE : r;
}

static int open_and_compare(const Arguments *a, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_(comparing_done) Comparing c = { .all = arguments_has(a, "all"),
                                                  .json = arguments_has(a, "json"),
                                                  .files = json_array() };
        int r = store_open(NULL, STORE_READ, &store, error);

        if (r >= 0)
                r = resolve(a, &store, &c, error);
        if (r >= 0)
                r = load_side(&store, &c.before, error);
        if (r >= 0)
                r = load_side(&store, &c.after, error);
        return r < 0 ? r : compare(a, &c, error);
}

static int run(const Arguments *a, Error *error)
{
        int r = open_and_compare(a, error);

        if (r >= 0)
                return r;
        error_print(error);
        return EXIT_TROUBLE;
}

const Verb verb_layer_diff = {
        .name = "layer diff",
        .operands = "A [B]",
        .help = "Show what two layers or versions differ in",
        .text = "With one name: the version before, and this one. '+' is added, '-' removed, '~' "
                "has other content,\n'm' another mode, owner or attribute, 't' only another time. "
                "Where both are Debian trees, packages\nthat changed come first. The exit status "
                "is 0 if there is no difference, 1 if there is one, 2 if\nthey cannot be compared.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
