/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead cp: files and trees between the host and machines, and between machines. */

#include "base/parse.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "machine/copy-between.h"
#include "machine/join.h"
#include "machine/user.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const Flag flags[] = {
        { "owner", 'o', "USER[:GROUP]", "Owner of all copies, by the names of where they go" },
        { "mode", 'm', "MODE", "Mode of files that are named, in octal digits" },
        { "devices", 0, NULL, "Copy device nodes, which are left out else" },
};

/* A word of the command line, "NAME:PATH" or a path of the host. */
typedef struct Place {
        Machine *machine;
        char *path, *label;
} Place;

static void place_done(Place *p)
{
        machine_free(p->machine);
        free(p->path);
        free(p->label);
}

/* A word before a ':' is a machine, unless a '/' is in it: ./a:b is a file. */
static int split_word(const char *word, char **ret_name, const char **ret_path)
{
        const char *colon = strchr(word, ':'), *slash = strchr(word, '/');

        *ret_name = NULL;
        *ret_path = word;
        if (!colon || colon == word || (slash && slash < colon))
                return 0;
        *ret_name = strndup(word, (size_t)(colon - word));
        *ret_path = colon + 1;
        return *ret_name ? 0 : -ENOMEM;
}

static int make_absolute(const char *path, bool on_host, char **ret)
{
        _cleanup_free_ char *here = NULL;

        if (path[0] == '/') {
                *ret = strdup(path);
                return *ret ? 0 : -ENOMEM;
        }
        if (on_host) {
                here = getcwd(NULL, 0);
                if (!here)
                        return -errno;
        }
        if (asprintf(ret, "%s/%s", here && strcmp(here, "/") != 0 ? here : "", path) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int place_parse(const Verb *verb, const char *word, Place *ret, Error *error)
{
        _cleanup_(place_done) Place place = {};
        _cleanup_free_ char *name = NULL;
        const char *path;
        int r = split_word(word, &name, &path);

        if (r >= 0 && !name && *path == '\0')
                return arguments_usage(verb, error, "An empty word is no path");
        if (r >= 0 && strcmp(word, "-") == 0) {
                r = arguments_usage(verb, error, "'cp' copies no streams");
                error_hint(error, "tar c FILES | stead exec NAME -- tar x -C DIR; ./- is a file");
                return r;
        }
        if (r >= 0)
                r = make_absolute(path, !name, &place.path);
        if (r >= 0)
                r = (place.label = strdup(word)) ? 0 : -ENOMEM;
        if (r < 0)
                return error_errno(error, -r, "Cannot use '%s'", word);
        if (name) {
                r = names_check(NAMES_RUNNING, name, error);
                if (r >= 0)
                        r = machine_open(name, &place.machine, error);
                if (r < 0)
                        return r;
        }
        *ret = place;
        place = (Place){};
        return 0;
}

/* The last component; "" where the content of a directory is meant: "/", "dir/.", "..". */
static int base_name(const char *path, char **ret)
{
        size_t n = strlen(path), begin;

        while (n > 1 && path[n - 1] == '/')
                n--;
        for (begin = n; begin > 0 && path[begin - 1] != '/'; begin--)
                ;
        *ret = strndup(path + begin, n - begin);
        if (*ret && (strcmp(*ret, ".") == 0 || strcmp(*ret, "..") == 0 || strcmp(*ret, "/") == 0))
                **ret = '\0';
        return *ret ? 0 : -ENOMEM;
}

static int find_host_owner(const char *user, const char *group, CopyRequest *request, Error *error)
{
        uint32_t number;

        if (user && parse_uint32(user, &number) >= 0) {
                request->uid = number;
                request->gid = group ? (gid_t)-1 : number;
        } else if (user) {
                struct passwd *p = getpwnam(user);

                if (!p)
                        return error_set(error, ESRCH, "This host has no user '%s'", user);
                request->uid = p->pw_uid;
                request->gid = p->pw_gid;
        }
        if (group && parse_uint32(group, &number) >= 0) {
                request->gid = number;
        } else if (group) {
                struct group *g = getgrnam(group);

                if (!g)
                        return error_set(error, ESRCH, "This host has no group '%s'", group);
                request->gid = g->gr_gid;
        }
        return 0;
}

static int find_machine_owner(const Machine *m, const char *user, const char *group,
                              CopyRequest *request, Error *error)
{
        _cleanup_close_ int root_fd = machine_open_root(m, error);
        _cleanup_user_ User u = USER_NULL;
        int r = root_fd < 0 ? root_fd : 0;

        if (r >= 0 && user) {
                r = user_find(root_fd, user, &u, error);
                request->uid = u.uid;
                request->gid = u.gid;
        }
        if (r >= 0 && group)
                r = user_find_group(root_fd, group, &request->gid, error);
        if (r >= 0 && m->uid_size > 0 &&
            ((request->uid != (uid_t)-1 && request->uid >= m->uid_size) ||
             (request->gid != (gid_t)-1 && request->gid >= m->uid_size)))
                return error_set(error, ERANGE, "Machine '%s' has users from 0 to %u only", m->name,
                                 m->uid_size - 1);
        return r;
}

/* USER, USER:GROUP or :GROUP. A user brings its group. */
static int find_owner(const char *word, const Place *to, CopyRequest *request, Error *error)
{
        const char *colon = strchr(word, ':'), *group = colon && colon[1] ? colon + 1 : NULL;
        _cleanup_free_ char *user = NULL;

        if (colon != word) {
                user = colon ? strndup(word, (size_t)(colon - word)) : strdup(word);
                if (!user)
                        return error_set(error, ENOMEM, "Out of memory");
        }
        return to->machine ? find_machine_owner(to->machine, user, group, request, error)
                           : find_host_owner(user, group, request, error);
}

static int parse_options(const Arguments *a, const Place *to, CopyRequest *request, Error *error)
{
        const char *mode = arguments_value(a, "mode"), *owner = arguments_value(a, "owner");

        request->mode = (mode_t)-1;
        request->uid = (uid_t)-1;
        request->gid = (gid_t)-1;
        request->devices = arguments_has(a, "devices");
        if (mode) {
                size_t n = strspn(mode, "01234567");

                if (n == 0 || n > 5 || mode[n] != '\0' || strtoul(mode, NULL, 8) > 07777)
                        return arguments_usage(a->verb, error, "'%s' is no mode: write 0644 or 755",
                                               mode);
                request->mode = (mode_t)strtoul(mode, NULL, 8);
        }
        if (owner && (!*owner || strcmp(owner, ":") == 0))
                return arguments_usage(a->verb, error, "--owner= takes USER, USER:GROUP or :GROUP");
        return owner ? find_owner(owner, to, request, error) : 0;
}

static void say_failure(const char *message)
{
        fprintf(stderr, "stead: %s\n", message);
}

static void say_note(const CopyOutcome *o, CopyNoteKind kind, const char *what)
{
        uint64_t n = o->sent->notes[kind].count + o->received->notes[kind].count;
        const char *first = o->sent->notes[kind].count > 0 ? o->sent->notes[kind].first
                                                           : o->received->notes[kind].first;

        if (n == 1)
                fprintf(stderr, "stead: '%s': %s\n", first, what);
        else if (n > 1)
                fprintf(stderr, "stead: '%s' and %llu more: %s\n", first, (unsigned long long)n - 1,
                        what);
}

static int copy_one(const Arguments *a, const char *word, CopyRequest *request, const Place *to,
                    Error *error)
{
        _cleanup_(copy_outcome_done) CopyOutcome outcome = {};
        _cleanup_(place_done) Place from = {};
        _cleanup_free_ char *name = NULL;
        int r = place_parse(a->verb, word, &from, error);

        if (r < 0)
                return r;
        if (!from.machine && !to->machine) {
                r = arguments_usage(a->verb, error,
                                    "Neither '%s' nor '%s' is of a machine: write NAME:PATH", word,
                                    to->label);
                error_hint(error, "cp -a %s %s", word, to->label);
                return r;
        }
        if (base_name(from.path, &name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        request->from = (CopyEnd){ from.machine, from.path, from.label };
        request->name = name;
        r = copy_between(request, &outcome, error);
        if (r < 0)
                return r;
        say_note(&outcome, COPY_NOTE_OWNER, "the owner is unknown there and is nobody now");
        say_note(&outcome, COPY_NOTE_ATTRIBUTE, "not all extended attributes could be kept");
        say_note(&outcome, COPY_NOTE_DEVICE, "device nodes are left out (--devices)");
        return outcome.sent->n_failed + outcome.received->n_failed > 0 ? EXIT_FAILURE
                                                                       : EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        size_t n = strv_length(a->words) - 1;
        _cleanup_(place_done) Place to = {};
        CopyRequest request = { .on_failure = say_failure, .must_be_directory = n > 1 };
        int r = place_parse(a->verb, a->words[n], &to, error), status = EXIT_SUCCESS;

        if (r >= 0)
                r = parse_options(a, &to, &request, error);
        request.to = (CopyEnd){ to.machine, to.path, to.label };
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = copy_one(a, a->words[i], &request, &to, error);
                status = MAX_OF(status, r);
        }
        return r < 0 ? r : status;
}

const Verb verb_cp = {
        .name = "cp",
        .operands = "SRC... DST",
        .help = "Copy files between the host and running machines",
        .text = "SRC and DST are paths of the host or NAME:PATH, at least one of them the latter. "
                "Trees are\n"
                "copied as cp -a does, with owners (by number: 0 is 0 on both sides), modes, "
                "times, links,\n"
                "ACLs, attributes and holes; directories that exist are filled and stay what they "
                "are. SRC/.\n"
                "is the content of a directory. Links in a machine's paths lead nowhere else.",
        .group = VERB_GROUP_INSIDE,
        .operand_kind = OPERAND_COPY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 2,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
