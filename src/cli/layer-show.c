/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer show: all that is known about one version of a layer. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/layer-sizes.h"
#include "cli/layer-view.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "cli/verb-layer.h"
#include "store/checkout.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "tree", 't', NULL, "Also what each directory holds" },
        { "depth", 0, "N", "With --tree: down to so many levels (default: 2)" },
        { "json", 0, NULL, "Print a JSON object" },
};

static const Column directory_columns[] = {
        { "SIZE", "bytes", true },  { "OWN", "own", true },         { "SHARED", "shared", true },
        { "FILES", "files", true }, { "DIRECTORY", "path", false },
};

static const Column version_columns[] = {
        { "SIZE", "bytes", true },
        { "FILES", "files", true },
        { "DIRECTORY", "path", false },
};

typedef struct Shown {
        const Store *store;
        Hash id;
        LayerView *view; /* the layer; its commit is the newest one */
        Commit commit;   /* of the version that is shown */
        Manifest manifest;
        ManifestSize size;
        bool is_here; /* the manifest */
        uint32_t depth;
} Shown;

static void shown_done(Shown *s)
{
        commit_done(&s->commit);
        manifest_done(&s->manifest);
}

static int load(const char *word, LayerViews *views, Shown *s, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_free_ char *name = NULL;
        int r = store_resolve(s->store, word, &s->id, &name, error);

        if (r >= 0)
                r = layer_views_load(s->store, views, error);
        if (r >= 0)
                r = layer_views_measure(s->store, views, error);
        if (r >= 0)
                r = layer_views_find_users(views, error);
        if (r >= 0)
                r = store_load_commit(s->store, &s->id, &s->commit, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < views->n; i++)
                if (strcmp(views->items[i].ref.name, name) == 0)
                        s->view = &views->items[i];
        if (!s->view)
                return error_set(error, ENOENT, "Layer '%s' was removed just now", name);
        r = store_load_tree(s->store, &s->commit.tree, &s->manifest, &problem);
        if (r < 0 && r != -ENOENT)
                return error_move(error, &problem);
        s->is_here = r >= 0;
        if (s->is_here && manifest_measure(&s->manifest, &s->size) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return 0;
}

static bool is_newest(const Shown *s)
{
        return hash_equal(&s->id, &s->view->ref.commit);
}

/* --- directories --- */

static void add_bytes(Table *t, uint64_t bytes)
{
        char text[FORMAT_MAX];

        table_add(t, format_size(bytes, text), json_integer((json_int_t)bytes));
}

static void add_directory(Table *t, const LayerSize *size, bool own)
{
        char count[FORMAT_MAX];

        add_bytes(t, size->bytes);
        if (own) {
                add_bytes(t, size->own);
                add_bytes(t, size->bytes - size->own);
        }
        (void)snprintf(count, sizeof(count), "%" PRIu64, size->files);
        table_add(t, count, json_integer((json_int_t)size->files));
        table_add(t, size->path, NULL);
}

/* Of an older version it is not asked what only it has: the newest has most of that. */
static int add_directories(const Shown *s, const LayerViews *views, Table **ret, Error *error)
{
        bool own = is_newest(s) && s->view->is_whole;
        _cleanup_free_ LayerSize *sizes = NULL;
        size_t n = 0;
        int r = layer_sizes(s->store, &s->manifest, s->depth, own ? views : NULL, s->view, &sizes,
                            &n, error);

        if (r < 0)
                return r;
        *ret = own ? table_new(directory_columns, ELEMENTSOF(directory_columns))
                   : table_new(version_columns, ELEMENTSOF(version_columns));
        for (size_t i = 0; i < n; i++)
                add_directory(*ret, &sizes[i], own);
        return 0;
}

/* --- for people --- */

static void line(const char *head, const char *format, ...) _printf_(2, 3);
static void line(const char *head, const char *format, ...)
{
        va_list ap;

        printf("%12s: ", head);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
}

/* Of a version, by whoever made it: maybe several lines. */
static void print_text_of(const char *head, const char *value)
{
        _cleanup_free_ char *name = printable_text(head);
        _cleanup_strv_ char **lines = NULL;

        if (!name || !value || strv_split(value, "\n", &lines) < 0)
                return;
        for (size_t i = 0; lines && lines[i]; i++) {
                _cleanup_free_ char *text = printable_text(lines[i]);

                line(i == 0 ? name : "", "%s", text ?: "?");
        }
}

static void print_sizes(const Shown *s)
{
        char size[FORMAT_MAX], own[FORMAT_MAX], shared[FORMAT_MAX];
        const LayerView *v = s->view;

        if (!s->is_here) {
                line("Store", "gone; what it was made of has been collected");
                return;
        }
        line("Store", checkout_exists(s->store, &s->commit.tree) ? "checked out" : "here");
        line("Holds", "%" PRIu64 " files, %" PRIu64 " directories, %" PRIu64 " others",
             s->size.n_files, s->size.n_directories, s->size.n_others);
        if (is_newest(s) && v->is_whole)
                line("Size", "%s, of which %s are its own and %s are in other layers, too",
                     format_size(v->bytes, size), format_size(v->own, own),
                     format_size(v->bytes - v->own, shared));
        else
                line("Size", "%s", format_size(s->size.bytes, size));
}

static void print_text(const Shown *s)
{
        _cleanup_free_ char *users = s->view->users ? strv_join(s->view->users, ", ") : NULL;
        const Commit *c = &s->commit;
        char text[HASH_TEXT_SIZE], time[FORMAT_MAX];

        printf("%s%s%s - %s layer\n", color_on(stdout, COLOR_BOLD), s->view->ref.name,
               color_off(stdout, COLOR_BOLD), layer_kind_to_string(c->kind));
        line("Version", "%s%s", hash_to_string(&s->id, text),
             is_newest(s) ? "" : " (not the newest)");
        line("Time", "%s", format_time((uint64_t)MAX_OF(c->time, 0) * USEC_PER_SEC, time));
        print_text_of("Message", c->message);
        for (size_t i = 0; i < c->n_bases; i++)
                line(i == 0 ? "Made on" : "", "%s@%s", c->bases[i].name,
                     layer_version_text(&c->bases[i].commit).text);
        for (size_t i = 0; i < c->n_labels; i++)
                print_text_of(c->labels[i].key, c->labels[i].value);
        if (s->view->ref.origin)
                line("Origin", "%s", s->view->ref.origin);
        line("Tree", "%s", hash_to_string(&c->tree, text));
        print_sizes(s);
        line("Used by", "%s", users ?: "nobody");
}

/* --- for programs --- */

static json_t *to_json(const Shown *s, const Table *directories)
{
        const Commit *c = &s->commit;
        json_t *bases = json_array(), *labels = json_object(), *object;

        for (size_t i = 0; i < c->n_bases; i++)
                (void)json_array_append_new(bases, json_pack("{s:s, s:o}", "name", c->bases[i].name,
                                                             "version",
                                                             layer_hash_json(&c->bases[i].commit)));
        for (size_t i = 0; i < c->n_labels; i++)
                (void)json_object_set_new(labels, c->labels[i].key,
                                          printable_json(c->labels[i].value));
        object = json_pack(
                "{s:s, s:s, s:o, s:b, s:o, s:o, s:I, s:o, s:s?, s:o, s:o, s:o, s:b, s:b}", "name",
                s->view->ref.name, "kind", layer_kind_to_string(c->kind), "version",
                layer_hash_json(&s->id), "newest", is_newest(s), "tree", layer_hash_json(&c->tree),
                "parent", layer_hash_json(&c->parent), "time", (json_int_t)c->time, "message",
                printable_json(c->message), "origin", s->view->ref.origin, "bases", bases, "labels",
                labels, "users", layer_strings_json(s->view->users), "here", s->is_here, "checkout",
                checkout_exists(s->store, &c->tree));
        if (s->is_here)
                (void)json_object_update_new(object,
                                             json_pack("{s:I, s:I, s:I, s:I}", "whole",
                                                       (json_int_t)s->size.bytes, "files",
                                                       (json_int_t)s->size.n_files, "directories",
                                                       (json_int_t)s->size.n_directories, "others",
                                                       (json_int_t)s->size.n_others));
        if (is_newest(s) && s->view->is_whole)
                (void)json_object_update_new(
                        object, json_pack("{s:I, s:I}", "own", (json_int_t)s->view->own, "shared",
                                          (json_int_t)(s->view->bytes - s->view->own)));
        if (directories)
                (void)json_object_set_new(object, "tree_sizes", table_to_json(directories));
        return object;
}

static int print(const Arguments *a, const Shown *s, const LayerViews *views, Error *error)
{
        _cleanup_table_ Table *directories = NULL;
        int r = arguments_has(a, "tree") ? add_directories(s, views, &directories, error) : 0;

        if (r < 0)
                return r;
        if (arguments_has(a, "json")) {
                r = json_print_take(to_json(s, directories));
        } else {
                print_text(s);
                if (directories) {
                        putchar('\n');
                        r = table_print(directories, false);
                }
        }
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        const char *depth = arguments_value(a, "depth");
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_layer_views_ LayerViews views = LAYER_VIEWS_NULL;
        _cleanup_(shown_done) Shown s = { .store = &store, .depth = 2 };
        int r;

        if (depth && parse_uint32(depth, &s.depth) < 0)
                return arguments_usage(a->verb, error, "'%s' is no number of levels", depth);
        r = store_open(NULL, STORE_READ, &store, error);
        if (r >= 0)
                r = load(a->words[0], &views, &s, error);
        return r < 0 ? r : print(a, &s, &views, error);
}

const Verb verb_layer_show = {
        .name = "layer show",
        .operands = "NAME[@VERSION]",
        .help = "Show what is known about a layer",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
