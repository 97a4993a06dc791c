/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer list: one line a layer. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/layer-view.h"
#include "cli/table.h"
#include "cli/verb-layer.h"

#include <fnmatch.h>
#include <stdio.h>

static const Flag flags[] = {
        { "quiet", 'q', NULL, "Names only" },
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { "NAME", "name", false },   { "KIND", "kind", false },     { "VERSION", "version", false },
        { "TIME", "time", false },   { "OWN", "own", true },        { "SHARED", "shared", true },
        { "WHOLE", "whole", true },  { "USED BY", "users", false }, { NULL, "tree", false },
        { NULL, "sequence", false }, { NULL, "origin", false },     { NULL, "message", false },
};

static void add_size(Table *t, const LayerView *v, uint64_t bytes)
{
        char text[FORMAT_MAX];

        table_add(t, v->is_whole ? format_size(bytes, text) : NULL,
                  v->is_whole ? json_integer((json_int_t)bytes) : NULL);
}

static void add_row(Table *t, const LayerView *v)
{
        _cleanup_free_ char *users = v->users ? strv_join(v->users, " ") : NULL;
        const Commit *c = v->is_known ? &v->commit : NULL;
        char time[FORMAT_MAX];

        table_add(t, v->ref.name, NULL);
        if (c)
                table_add(t, layer_kind_to_string(c->kind), NULL);
        else
                table_add_color(t, "damaged", COLOR_BAD);
        table_add(t, layer_version_text(&v->ref.commit).text, layer_hash_json(&v->ref.commit));
        table_add(t, c ? format_date(c->time, time) : NULL,
                  c ? json_integer((json_int_t)c->time) : NULL);
        add_size(t, v, v->own);
        add_size(t, v, v->bytes - v->own);
        add_size(t, v, v->bytes);
        table_add(t, users, layer_strings_json(v->users));
        table_add(t, NULL, c ? layer_hash_json(&c->tree) : NULL);
        table_add(t, NULL, json_integer((json_int_t)v->ref.sequence));
        table_add(t, v->ref.origin, NULL);
        table_add(t, c ? c->message : NULL, NULL);
}

static bool is_wanted(const Arguments *a, const char *name)
{
        STRV_FOREACH (word, a->words)
                if (fnmatch(*word, name, 0) == 0)
                        return true;
        return !a->words;
}

static int print(const Arguments *a, const LayerViews *v, Error *error)
{
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        bool json = arguments_has(a, "json");

        for (size_t i = 0; i < v->n; i++)
                if (is_wanted(a, v->items[i].ref.name))
                        add_row(t, &v->items[i]);
        if (!json && table_rows(t) == 0)
                puts("There are no layers here. Try: stead pull NAME, or stead layer import NAME "
                     "TREE");
        else if (table_print(t, json) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_layer_views_ LayerViews v = LAYER_VIEWS_NULL;
        int r = store_open(NULL, STORE_READ, &store, error);

        if (r >= 0)
                r = layer_views_load(&store, &v, error);
        if (r >= 0 && arguments_has(a, "quiet") && !arguments_has(a, "json")) {
                for (size_t i = 0; i < v.n; i++)
                        if (is_wanted(a, v.items[i].ref.name))
                                puts(v.items[i].ref.name);
                return EXIT_SUCCESS;
        }
        if (r >= 0)
                r = layer_views_measure(&store, &v, error);
        if (r >= 0)
                r = layer_views_find_users(&v, error);
        return r < 0 ? r : print(a, &v, error);
}

const Verb verb_layer_list = {
        .name = "layer list",
        .operands = "[PATTERN...]",
        .help = "List layers",
        .text = "WHOLE is what the newest version holds, OWN what no other layer's newest version "
                "has as well.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
