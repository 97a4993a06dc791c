/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead build elf: a tree of nothing but what a few programs need. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/names.h"
#include "cli/progress-display.h"
#include "cli/table.h"
#include "cli/verb-build.h"
#include "config/definition.h"
#include "image/minimal-build.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const Flag flags[] = {
        { "root", 0, "DIR", "Take everything out of this tree (default: the host's own)" },
        { "nss", 0, NULL, "Name services: resolver and user data base" },
        { "certs", 0, NULL, "Certificates of the authorities, for TLS" },
        { "gconv", 0, NULL, "Character sets beside UTF-8" },
        { "user", 0, "NAME", "Take along this user's lines of passwd and group (may be repeated)" },
        { "add", 0, "PATH", "Take along this file or directory (may be repeated)" },
        { "layer", 0, NULL, "NAME is a base layer of the store, not a tree" },
        { "message", 'm', "TEXT", "Layer: what the version is, for the log" },
        { "list", 0, NULL, "Show what would come along and why, and make nothing" },
        { "json", 0, NULL, "The list as JSON" },
};

static const char *type_of(mode_t type)
{
        return S_ISDIR(type) ? "directory" : S_ISLNK(type) ? "link" : "file";
}

/* Directories only say where something is. */
static int print_list(const Minimal *m, bool json)
{
        static const Column columns[] = { { "PATH", "path", false },
                                          { NULL, "type", false },
                                          { "SIZE", "size", true },
                                          { "WHY", "why", false },
                                          { NULL, "target", false } };
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        char size[FORMAT_MAX];

        for (size_t i = 0; i < m->closure.carry.n; i++) {
                const CarryItem *item = &m->closure.carry.items[i];

                if (S_ISDIR(item->type) && !json)
                        continue;
                table_add(t, item->path, NULL);
                table_add(t, type_of(item->type), NULL);
                table_add(t, S_ISREG(item->type) ? format_size(item->size, size) : NULL,
                          json_integer((json_int_t)item->size));
                table_add(t, item->why, NULL);
                table_add(t, item->target, NULL);
        }
        return table_print(t, json);
}

/* What a person has to know to be sure that nothing is missing. */
static void print_hints(const Minimal *m, const MinimalRequest *request)
{
        if (m->closure.asks_names && !request->nss)
                fprintf(stderr, "Something of it looks up hosts, users or services. --nss adds "
                                "what that needs\n");
        if (m->closure.asks_iconv && !request->gconv)
                fprintf(stderr, "Something of it converts character sets. --gconv adds them, if "
                                "UTF-8 is not enough\n");
        STRV_FOREACH (s, m->closure.suggested)
                fprintf(stderr, "Left out, and used if it is there: %s\n", *s);
}

static int build(const Arguments *a, const Minimal *m, Error *error)
{
        _cleanup_progress_display_ ProgressDisplay display;
        _cleanup_store_ Store store = STORE_NULL;
        const char *name = a->words[0];
        LayerVersion version;
        char size[FORMAT_MAX], commit[HASH_TEXT_SIZE];
        int r;

        if (!arguments_has(a, "layer")) {
                r = minimal_build_tree(m, TREES_DIRECTORY, name, error);
                if (r >= 0)
                        fprintf(stderr, "Built tree '%s', %s. Next: stead run %s %s\n", name,
                                format_size(m->bytes, size), name, m->program);
                return r;
        }
        progress_display_init(&display, false, false);
        r = store_open(NULL, STORE_ADD, &store, error);
        if (r >= 0)
                r = minimal_build_layer(m, &store, name, arguments_value(a, "message"),
                                        &display.progress, &version, error);
        progress_display_end(&display);
        if (r >= 0)
                fprintf(stderr, "%s layer %s@%.8s, %s\n",
                        version.unchanged ? "Unchanged:" : "Built", name,
                        hash_to_string(&version.commit, commit), format_size(m->bytes, size));
        return r;
}

static int check_name(const Arguments *a, Error *error)
{
        const char *name = a->words[0];

        if (arguments_has(a, "layer"))
                return ref_name_is_valid(name)
                               ? 0
                               : error_set(error, EINVAL, "'%s' is no name of a layer", name);
        return machine_name_is_valid(name)
                       ? 0
                       : error_set(error, EINVAL,
                                   "'%s' is not a machine name: letters, digits, '-' and '.', at "
                                   "most 64",
                                   name);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_minimal_ Minimal m = MINIMAL_NULL;
        _cleanup_free_ char **users = NULL, **files = NULL;
        const char *root = arguments_value(a, "root") ?: "/";
        _cleanup_close_ int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        MinimalRequest request = { .programs = a->words + 1,
                                   .nss = arguments_has(a, "nss"),
                                   .certificates = arguments_has(a, "certs"),
                                   .gconv = arguments_has(a, "gconv") };
        int r = check_name(a, error);

        if (r < 0)
                return r;
        if (root_fd < 0)
                return error_errno(error, errno, "Failed to open the tree '%s'", root);
        if ((arguments_has(a, "user") && arguments_values(a, "user", &users) < 0) ||
            (arguments_has(a, "add") && arguments_values(a, "add", &files) < 0))
                return error_set(error, ENOMEM, "Out of memory");
        request.users = users;
        request.files = files;
        r = minimal_plan(root_fd, &request, &m, error);
        if (r < 0)
                return r;
        if (arguments_has(a, "list") || arguments_has(a, "json"))
                r = print_list(&m, arguments_has(a, "json"));
        else
                r = build(a, &m, error);
        if (r >= 0 && !arguments_has(a, "json"))
                print_hints(&m, &request);
        return r < 0 ? r : EXIT_SUCCESS;
}

const Verb verb_build_elf = {
        .name = "build elf",
        .operands = "NAME PROGRAM...",
        .help = "Make a tree of nothing but what programs need",
        .text = "The closure of ELF programs: they, the dynamic loader and their libraries, found "
                "without running\n"
                "anything, so that --root= may be a tree of another architecture. PROGRAM is a "
                "path in that tree or a\n"
                "name; of a script, the interpreter comes along. --list shows all of it with the "
                "reasons.",
        .group = VERB_GROUP_TREES,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
