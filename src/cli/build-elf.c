/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead build elf: a tree of nothing but what a few programs need. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/build-verify.h"
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
        { "image", 0, "TYPE", "NAME.raw, a disk image: squashfs (smallest) or erofs" },
        { "message", 'm', "TEXT", "Layer: what the version is, for the log" },
        { "list", 0, NULL, "Show what would come along and why, and make nothing" },
        { "verify", 0, NULL,
          "Run the programs, or COMMAND, and keep the tree if they miss nothing" },
        { "timeout", 0, "TIME", "Verify: end what runs longer (default 5s)" },
        { "without", 0, "PATH", "Verify: this may be missing (may be repeated)" },
        { "json", 0, NULL, "The list, or what is missing, as JSON" },
};

#define VERIFY_USEC (5 * USEC_PER_SEC)
#define EXIT_NOT_VERIFIED 2

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

/* What was missed, and what to do about it. */
static int print_misses(const BuildVerify *v, bool json)
{
        static const Column columns[] = { { "MISSING", "path", false },
                                          { "BY", "process", false },
                                          { NULL, "call", false },
                                          { "TIMES", "times", true },
                                          { "OPTION", "option", false } };
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        char number[24];

        for (size_t i = 0; i < v->verification.n; i++) {
                const Miss *miss = &v->verification.misses[i];

                (void)snprintf(number, sizeof(number), "%u", miss->times);
                table_add(t, miss->path, NULL);
                table_add(t, miss->process, NULL);
                table_add(t, miss->call, NULL);
                table_add(t, number, json_integer(miss->times));
                table_add(t, miss->option, NULL);
        }
        return v->verification.n > 0 || json ? table_print(t, json) : 0;
}

static void print_notes(const BuildVerify *v, bool users)
{
        if (v->verification.locale)
                fprintf(stderr, "Its locale is not in the tree, so it takes \"C\". "
                                "--add=/usr/lib/locale/C.utf8 adds one\n");
        if (v->failed && v->verification.n == 0 && v->verification.asked_accounts && !users)
                fprintf(stderr, "It looked up a user or group. --user=NAME takes more along than "
                                "root and nobody\n");
}

typedef struct Checking {
        const Arguments *arguments;
        BuildVerify *verify;
} Checking;

/* The check of a tree before it is published. */
static int check(const char *path, void *userdata, Error *error)
{
        const Checking *c = userdata;
        int r = build_verify_run(c->verify, path, error);

        if (r < 0)
                return r;
        print_notes(c->verify, arguments_has(c->arguments, "user"));
        if (c->verify->verification.n > 0 || c->verify->failed)
                return 1;
        fprintf(stderr, "Nothing is missing: %lu look-ups\n", c->verify->verification.looked_up);
        return 0;
}

/* The exit status. */
static int print_verified(const Arguments *a, const BuildVerify *v)
{
        const char *root = arguments_value(a, "root") ?: "/";
        int r = print_misses(v, arguments_has(a, "json"));

        if (r < 0)
                return r;
        if (v->verification.n > 0) {
                fprintf(stderr,
                        "Nothing was made: the programs miss what '%s' has. Add the options, or "
                        "--without=PATH for what may be missing\n",
                        root);
                return EXIT_FAILURE;
        }
        if (!v->failed)
                return EXIT_SUCCESS;
        fprintf(stderr,
                "Nothing was made: '%s' ended with status %d, though it misses nothing that '%s' "
                "has. Give it words with which it ends well, or serves: -- %s WORD...\n",
                v->failed, v->status, root, v->failed);
        return EXIT_NOT_VERIFIED;
}

static int build_layer(const Arguments *a, const Minimal *m, MinimalCheck with, Error *error)
{
        _cleanup_progress_display_ ProgressDisplay display;
        _cleanup_store_ Store store = STORE_NULL;
        MinimalLayer layer = { .name = a->words[0],
                               .message = arguments_value(a, "message"),
                               .progress = &display.progress,
                               .check = with };
        LayerVersion version;
        char size[FORMAT_MAX], commit[HASH_TEXT_SIZE];
        int r;

        progress_display_init(&display, false, false);
        r = store_open(NULL, STORE_ADD, &store, error);
        if (r >= 0)
                r = minimal_build_layer(m, &store, &layer, &version, error);
        progress_display_end(&display);
        if (r == 0)
                fprintf(stderr, "%s layer %s@%.8s, %s\n",
                        version.unchanged ? "Unchanged:" : "Built", layer.name,
                        hash_to_string(&version.commit, commit), format_size(m->bytes, size));
        return r;
}

static int build_tree(const Arguments *a, const Minimal *m, MinimalCheck with, Error *error)
{
        const char *name = a->words[0];
        char size[FORMAT_MAX];
        const MinimalPlace place = { TREES_DIRECTORY, name };
        const char *type = arguments_value(a, "image");
        uint64_t bytes = m->bytes;
        int r = type ? minimal_build_image(m, &place, minimal_image_from_string(type), &with,
                                           &bytes, error)
                     : minimal_build_tree(m, &place, &with, error);

        if (r == 0)
                fprintf(stderr, "Built %s '%s', %s. Next: stead run %s %s\n",
                        type ? "image" : "tree", name, format_size(bytes, size), name, m->program);
        return r;
}

static int build(const Arguments *a, const Minimal *m, BuildVerify *v, Error *error)
{
        Checking checking = { a, v };
        MinimalCheck with = { arguments_has(a, "verify") ? check : NULL, &checking };
        int r = arguments_has(a, "layer") ? build_layer(a, m, with, error)
                                          : build_tree(a, m, with, error);

        return r < 0 || !with.check ? r : print_verified(a, v);
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

static int check_options(const Arguments *a, Error *error)
{
        bool verify = arguments_has(a, "verify");

        if (verify && arguments_has(a, "list"))
                return arguments_usage(a->verb, error, "--list makes nothing that --verify runs");
        if (!verify && a->command)
                return arguments_usage(a->verb, error, "A command is run only with --verify");
        if (!verify && a->passed)
                return arguments_usage(a->verb, error, "'%s' is for a machine: only with --verify",
                                       a->passed[0]);
        if (!verify && (arguments_has(a, "timeout") || arguments_has(a, "without")))
                return arguments_usage(a->verb, error,
                                       "--timeout and --without are used only with --verify");
        if (arguments_has(a, "image") && arguments_has(a, "layer"))
                return arguments_usage(a->verb, error, "A layer is no image");
        if (arguments_has(a, "image") && minimal_image_from_string(arguments_value(a, "image")) < 0)
                return arguments_usage(a->verb, error, "An image is squashfs or erofs, not '%s'",
                                       arguments_value(a, "image"));
        return check_name(a, error);
}

/* Everything of the command line that is several words. */
typedef struct Lists {
        char **users, **files, **without;
} Lists;

static void lists_done(Lists *l)
{
        free(l->users);
        free(l->files);
        free(l->without);
}

static int lists_read(const Arguments *a, Lists *ret, Error *error)
{
        if ((arguments_has(a, "user") && arguments_values(a, "user", &ret->users) < 0) ||
            (arguments_has(a, "add") && arguments_values(a, "add", &ret->files) < 0) ||
            (arguments_has(a, "without") && arguments_values(a, "without", &ret->without) < 0))
                return error_set(error, ENOMEM, "Out of memory");
        return 0;
}

static int plan_and_build(const Arguments *a, int root_fd, const Lists *lists, Error *error)
{
        _cleanup_minimal_ Minimal m = MINIMAL_NULL;
        _cleanup_build_verify_ BuildVerify v = BUILD_VERIFY_NULL;
        const MinimalRequest request = { .programs = a->words + 1,
                                         .users = lists->users,
                                         .files = lists->files,
                                         .nss = arguments_has(a, "nss"),
                                         .certificates = arguments_has(a, "certs"),
                                         .gconv = arguments_has(a, "gconv") };
        bool only_list = !arguments_has(a, "verify") &&
                         (arguments_has(a, "list") || arguments_has(a, "json"));
        int r = arguments_timeout(a, VERIFY_USEC, &v.limit_usec, error);

        if (r >= 0 && v.limit_usec == 0)
                r = arguments_usage(a->verb, error, "With --timeout=0 nothing would run");
        if (r >= 0)
                r = minimal_plan(root_fd, &request, &m, error);
        if (r < 0)
                return r;
        v.verification.source_fd = root_fd;
        v.verification.request = &request;
        v.verification.without = lists->without;
        v.programs = request.programs;
        v.command = a->command;
        v.options = a->passed;
        r = only_list ? print_list(&m, arguments_has(a, "json")) : build(a, &m, &v, error);
        if (r >= 0 && !arguments_has(a, "json") && !arguments_has(a, "verify"))
                print_hints(&m, &request);
        return r;
}

/* "Something is missing" is an answer, and has 1 for itself. */
static int could_not(const Arguments *a, int r, Error *error)
{
        if (!arguments_has(a, "verify") || r == VERB_USAGE)
                return r;
        error_print(error);
        return EXIT_NOT_VERIFIED;
}

static int run(const Arguments *a, Error *error)
{
        const char *root = arguments_value(a, "root") ?: "/";
        _cleanup_close_ int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(lists_done) Lists lists = {};
        int r = check_options(a, error);

        if (r >= 0 && root_fd < 0)
                r = error_errno(error, errno, "Failed to open the tree '%s'", root);
        if (r >= 0)
                r = lists_read(a, &lists, error);
        if (r >= 0)
                r = plan_and_build(a, root_fd, &lists, error);
        return r < 0 ? could_not(a, r, error) : r;
}

const Verb verb_build_elf = {
        .name = "build elf",
        .operands = "NAME PROGRAM... [-- COMMAND...]",
        .help = "Make a tree of nothing but what programs need",
        .text = "The closure of ELF programs: they, the dynamic loader and their libraries, found "
                "without running\n"
                "anything, so that --root= may be a tree of another architecture. PROGRAM is a "
                "path in that tree or a\n"
                "name; of a script, the interpreter comes along. --list shows all of it with the "
                "reasons.\n"
                "--verify runs each program without words, or COMMAND, under the launcher with its "
                "options, and names\n"
                "what they look up in vain that the source tree has: status 1, and nothing is "
                "made. 2: not run.",
        .group = VERB_GROUP_TREES,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = NO_LIMIT,
        .command_after = COMMAND_AFTER_DASHES,
        .launcher_options = true,
        .run = run,
};
