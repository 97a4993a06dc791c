/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead remote key: makes a pair of keys for `stead publish`, or lists those there are. */

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "cli/table.h"
#include "cli/verb-remote.h"
#include "store/key.h"

#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { "NAME", "name", false },
        { "ID", "id", false },
        { "PUBLIC", "public", false },
};

static void add_row(Table *t, const Key *k)
{
        _cleanup_buffer_ Buffer line = BUFFER_NULL;

        table_add(t, k->name, NULL);
        table_add(t, k->id, NULL);
        if (key_write_public(k, &line) >= 0)
                line.data[strcspn(line.data, "\n")] = '\0';
        table_add(t, line.data, NULL);
}

static int print(const Key *keys, size_t n, bool json, Error *error)
{
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));

        for (size_t i = 0; i < n; i++)
                add_row(t, &keys[i]);
        return table_print(t, json) < 0 ? error_set(error, ENOMEM, "Out of memory") : EXIT_SUCCESS;
}

static int list(bool json, Error *error)
{
        Key *keys = NULL;
        size_t n = 0;
        int r = key_list(KEYS_DIRECTORY, &keys, &n, error);

        if (r >= 0)
                r = print(keys, n, json, error);
        key_list_free(keys, n);
        return r;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_buffer_ Buffer line = BUFFER_NULL;
        _cleanup_key_ Key k = KEY_NULL;
        bool json = arguments_has(a, "json");
        int r;

        if (!a->words)
                return list(json, error);
        r = key_make(KEYS_DIRECTORY, a->words[0], &k, error);
        if (r < 0)
                return r;
        if (json)
                return print(&k, 1, true, error);
        if (key_write_public(&k, &line) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        fprintf(stderr, "Made " KEYS_DIRECTORY "/%s.key; what follows is its public half, %s.pub\n",
                k.name, k.name);
        fputs(line.data, stdout);
        return EXIT_SUCCESS;
}

const Verb verb_remote_key = {
        .name = "remote key",
        .operands = "[NAME]",
        .help = "Make a pair of keys to publish with, or list those there are",
        .text = "The public half, one line, is what others give to `stead remote add --key=`.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 0,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
