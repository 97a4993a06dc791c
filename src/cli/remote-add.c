/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead remote add: writes /etc/stead/remotes/NAME.remote. */

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "cli/verb-remote.h"
#include "store/remote.h"

#include <stdio.h>
#include <string.h>

static const Flag flags[] = {
        { "key", 'k', "KEY", "A key that may sign: a .pub file, or its line (may be repeated)" },
        { "force", 'f', NULL, "Replace a remote of that name" },
};

/* The word of a path of the caller's; a line has a space. */
static int add_key(Remote *remote, const char *word, Error *error)
{
        _cleanup_free_ char *path = NULL;
        int r;

        if (strchr(word, ' '))
                return remote_add_key(remote, word, error);
        path = realpath(word, NULL);
        if (!path) {
                r = error_errno(error, errno, "Failed to open the key '%s'", word);
                error_hint(error, "stead remote add %s %s --key='ed25519 BASE64 NAME'",
                           remote->name, remote->url);
                return r;
        }
        return remote_add_key(remote, path, error);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_remote_ Remote remote = REMOTE_NULL;
        _cleanup_free_ char **keys = NULL;
        int r;

        if (!remote_name_is_valid(a->words[0]))
                return arguments_usage(a->verb, error,
                                       "'%s' is no name for a remote: letters, digits and '-'",
                                       a->words[0]);
        if (!arguments_has(a, "key"))
                return arguments_usage(a->verb, error,
                                       "--key= is missing: the public key that signs the layers");
        remote.name = strdup(a->words[0]);
        if (!remote.name || arguments_values(a, "key", &keys) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = remote_set_url(&remote, a->words[1], error);
        if (r < 0)
                return error_prefix(error, "'%s'", a->words[1]);
        for (char **k = keys; r >= 0 && *k; k++)
                r = add_key(&remote, *k, error);
        if (r >= 0)
                r = remote_save(REMOTES_DIRECTORY, &remote, arguments_has(a, "force"), error);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_remote_add = {
        .name = "remote add",
        .operands = "NAME URL --key=KEY",
        .help = "Trust a place to pull layers from",
        .text = "URL is that of the published directory, http:, https: or file:. KEY is the public "
                "key of whoever\npublishes there; get it by a way that you trust.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
