/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead layer log: the versions of a layer, newest first. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/layer-view.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "cli/verb-layer.h"
#include "store/checkout.h"

#include <stdio.h>

static const Flag flags[] = {
        { "lines", 'n', "N", "The last N versions only" },
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { "VERSION", "version", false }, { "TIME", "time", false },
        { "KIND", "kind", false },       { "STORE", "state", false },
        { NULL, "tree", false },         { NULL, "bases", false },
        { NULL, "labels", false },       { "USED BY", "users", false },
        { "MESSAGE", "message", false },
};

static int users_of(const Roots *roots, const Hash *commit, char ***ret)
{
        for (size_t i = 0; i < roots->n; i++) {
                const LayerUse *use = &roots->uses[i];

                if (use->current && hash_equal(&use->commit, commit) &&
                    !strv_contains(*ret, use->machine) && strv_push(ret, use->machine) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static json_t *bases_json(const Commit *c)
{
        json_t *array = json_array();

        for (size_t i = 0; i < c->n_bases; i++)
                (void)json_array_append_new(array, json_pack("{s:s, s:o}", "name", c->bases[i].name,
                                                             "version",
                                                             layer_hash_json(&c->bases[i].commit)));
        return array;
}

static json_t *labels_json(const Commit *c)
{
        json_t *object = json_object();

        for (size_t i = 0; i < c->n_labels; i++)
                (void)json_object_set_new(object, c->labels[i].key,
                                          printable_json(c->labels[i].value));
        return object;
}

static int add_row(Table *t, const Store *store, const Roots *roots, const Hash *id,
                   const Commit *c, Error *error)
{
        _cleanup_strv_ char **users = NULL;
        _cleanup_free_ char *text = NULL;
        char time[FORMAT_MAX];

        if (users_of(roots, id, &users) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        text = users ? strv_join(users, " ") : NULL;
        table_add(t, layer_version_text(id).text, layer_hash_json(id));
        table_add(t, format_date(c->time, time), json_integer((json_int_t)c->time));
        table_add(t, layer_kind_to_string(c->kind), NULL);
        if (store_has_tree(store, &c->tree))
                table_add_color(t, checkout_exists(store, &c->tree) ? "checked out" : "here",
                                COLOR_GOOD);
        else
                table_add_color(t, "gone", COLOR_FAINT);
        table_add(t, NULL, layer_hash_json(&c->tree));
        table_add(t, NULL, bases_json(c));
        table_add(t, NULL, labels_json(c));
        table_add(t, text, layer_strings_json(users));
        table_add(t, c->message, printable_json(c->message));
        return 0;
}

/* From a version on, as far as they are known here. */
static int add_history(Table *t, const Store *store, const Roots *roots, Hash at, uint32_t limit,
                       Error *error)
{
        int r = 0;

        for (uint32_t n = 0; r >= 0 && n < limit && !hash_is_null(&at); n++) {
                _cleanup_commit_ Commit c = COMMIT_NULL;
                _cleanup_error_ Error problem = ERROR_NULL;

                r = store_load_commit(store, &at, &c, &problem);
                if (r == -ENOENT && n > 0) /* a pull brought only so many */
                        return 0;
                if (r < 0)
                        return error_move(error, &problem);
                r = add_row(t, store, roots, &at, &c, error);
                at = c.parent;
        }
        return r;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        const char *lines = arguments_value(a, "lines");
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_roots_ Roots roots = ROOTS_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        uint32_t limit = UINT32_MAX;
        Hash head;
        int r;

        if (lines && parse_uint32(lines, &limit) < 0)
                return arguments_usage(a->verb, error, "'%s' is no number of versions", lines);
        r = store_open(NULL, STORE_READ, &store, error);
        if (r >= 0)
                r = store_resolve(&store, a->words[0], &head, NULL, error);
        if (r >= 0 && roots_collect(&roots, &problem) < 0)
                error_print(&problem); /* the versions are known all the same */
        if (r >= 0)
                r = add_history(t, &store, &roots, head, limit, error);
        if (r < 0)
                return r;
        return table_print(t, arguments_has(a, "json")) < 0
                       ? error_set(error, ENOMEM, "Out of memory")
                       : EXIT_SUCCESS;
}

const Verb verb_layer_log = {
        .name = "layer log",
        .operands = "NAME[@VERSION]",
        .help = "List the versions of a layer",
        .text = "Newest first. STORE says whether a version is in the store with all it needs "
                "(here, or checked\nout), or was collected (gone).",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_LAYER,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
