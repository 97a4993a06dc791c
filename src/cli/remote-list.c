/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead remote list: the remotes there are, or the layers of one. */

#include "base/cleanup.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/table.h"
#include "cli/verb-remote.h"
#include "store/pull.h"

static const Flag flags[] = {
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column remote_columns[] = {
        { "NAME", "name", false },
        { "URL", "url", false },
        { "KEYS", "keys", false },
};
static const Column layer_columns[] = {
        { "LAYER", "layer", false },
};

static int finish(Table *t, bool json, Error *error)
{
        return table_print(t, json) < 0 ? error_set(error, ENOMEM, "Out of memory") : EXIT_SUCCESS;
}

static void add_keys(Table *t, const Remote *remote)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        json_t *list = json_array();

        for (size_t i = 0; i < remote->n_keys; i++) {
                const Key *k = &remote->keys[i];

                buffer_printf(&text, "%s%s (%s)", i > 0 ? ", " : "", k->name, k->id);
                (void)json_array_append_new(list, json_string(k->id)); /* table_add() looks */
        }
        table_add(t, text.data, list);
}

static int list_remotes(bool json, Error *error)
{
        _cleanup_table_ Table *t = table_new(remote_columns, ELEMENTSOF(remote_columns));
        Remote *list = NULL;
        size_t n = 0;
        int r = remote_list(REMOTES_DIRECTORY, &list, &n, error);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                table_add(t, list[i].name, NULL);
                table_add(t, list[i].url, NULL);
                add_keys(t, &list[i]);
        }
        remote_list_free(list, n);
        return finish(t, json, error);
}

static int list_layers(const char *name, bool json, Error *error)
{
        _cleanup_table_ Table *t = table_new(layer_columns, ELEMENTSOF(layer_columns));
        _cleanup_transfer_ Transfer *transfer = NULL;
        _cleanup_remote_ Remote remote = REMOTE_NULL;
        _cleanup_strv_ char **names = NULL;
        int r = remote_load(REMOTES_DIRECTORY, name, &remote, error);

        if (r >= 0)
                r = transfer_new(remote.url, NULL, &transfer, error);
        if (r >= 0)
                r = pull_list(transfer, &remote, &names, error);
        if (r < 0)
                return r;
        STRV_FOREACH (layer, names)
                table_add(t, *layer, NULL);
        return finish(t, json, error);
}

static int run(const Arguments *a, Error *error)
{
        bool json = arguments_has(a, "json");

        return a->words ? list_layers(a->words[0], json, error) : list_remotes(json, error);
}

const Verb verb_remote_list = {
        .name = "remote list",
        .operands = "[NAME]",
        .help = "List the remotes, or the layers of one",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .for_everyone = true,
        .run = run,
};
