/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead remove: the end of a tree. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/launcher.h"
#include "cli/life.h"
#include "cli/names.h"
#include "image/disk-beside.h"
#include "image/staging.h"
#include "image/tree-lock.h"
#include "machine/console-log.h"
#include "machine/machine.h"
#include "os/subvolume.h"
#include "stack/stack.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const Flag flags[] = {
        { "yes", 'y', NULL, "Do not ask" },
        { "purge", 0, NULL, "Remove /etc/stead/NAME.machine as well" },
        { "dry-run", 0, NULL, "Say what would be removed" },
};

static char *definition_path(const char *name)
{
        char *path = NULL;

        return asprintf(&path, "/etc/stead/%s.machine", name) < 0 ? NULL : path;
}

/* Whether a person said yes. Without a terminal nobody can: the flag is needed there. */
static int ask(char *const *names, bool purge, Error *error)
{
        _cleanup_free_ char *list = strv_join(names, ", "), *words = strv_join(names, " ");
        char answer[16] = "";

        if (!isatty(STDIN_FILENO)) {
                error_hint(error, "stead remove --yes %s", words ?: "NAME");
                return error_set(error, ECANCELED, "Nothing is removed without --yes");
        }
        fprintf(stderr, "Remove the tree%s of %s%s, with everything in %s? [y/N] ",
                names[1] ? "s" : "", list ?: "?", purge ? " and the definition" : "",
                names[1] ? "them" : "it");
        if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
                return error_set(error, ECANCELED, "Nothing was removed");
        return 0;
}

static int check_stopped(const char *name, Error *error)
{
        _cleanup_machine_ Machine *m = NULL;

        if (machine_open(name, &m, NULL) < 0)
                return 0;
        error_hint(error, "stead stop %s", name);
        return error_set(error, EBUSY, "Machine '%s' is running", name);
}

/* Of a subvolume the kernel keeps all as long as anything in it is open. */
static int remove_locked(const char *name, uint64_t *ret_group, Error *error)
{
        _cleanup_close_ int state = -EBADF, lock = -EBADF;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = generation_open_state(name, false, &state, &problem);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return error_move(error, &problem);
        if (subvolume_get_group(state, ret_group) < 0)
                *ret_group = 0;
        r = generation_lock_state(state, name, false, &lock, error);
        if (r >= 0)
                r = staging_remove(stack_states(), name, error);
        return r < 0 ? error_errno(error, -r, "Failed to remove '%s/%s'", stack_states(), name) : 1;
}

/* What it has written and which versions it ran on. The layers are everybody's. 1: there was some.
 */
static int remove_state(const char *name, Error *error)
{
        uint64_t group = 0;
        int r = remove_locked(name, &group, error);

        if (r > 0 && group > 0)
                subvolume_forget_group(stack_states(), group);
        return r;
}

/* The drop-in that names layers, which stead wrote; a person's own stay. */
static void remove_drop_in(const char *definition)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s.d/50-layers.conf", definition) < 0) {
                path = NULL;
                return;
        }
        (void)unlink(path); /* most machines have none */
        *strrchr(path, '/') = '\0';
        (void)rmdir(path);
}

static int remove_files(const char *name, bool purge, bool had_tree, Error *error)
{
        _cleanup_free_ char *definition = definition_path(name);

        (void)console_log_remove(name); /* a record of what is gone */
        launcher_forget(name, true);
        if (!definition)
                return error_set(error, ENOMEM, "Out of memory");
        if (purge && unlink(definition) < 0 && errno != ENOENT)
                return error_errno(error, errno, "Failed to remove '%s'", definition);
        if (purge)
                remove_drop_in(definition);
        if (!purge && access(definition, F_OK) >= 0)
                fprintf(stderr, "'%s' was kept (--purge removes it).\n", definition);
        else if (!had_tree && !purge)
                return error_set(error, ENOENT, "Machine '%s' has no tree in %s", name,
                                 TREES_DIRECTORY);
        return 0;
}

/* With the hashes and signatures that lie beside it under its name. */
static int remove_disk(const char *name, const char *path, Error *error)
{
        _cleanup_(tree_lock_release) TreeLock lock = TREE_LOCK_NULL;
        int r = tree_lock_take(path, true, &lock, error);

        if (r < 0)
                return r;
        if (unlink(path) < 0)
                return error_errno(error, errno, "Failed to remove '%s'", path);
        disk_beside_remove(TREES_DIRECTORY, name);
        return 0;
}

static int remove_one(const char *name, bool purge, Error *error)
{
        _cleanup_(tree_lock_release) TreeLock lock = TREE_LOCK_NULL;
        _cleanup_free_ char *path = NULL, *disk = NULL;
        bool has_tree;
        int r = check_stopped(name, error), had_state;

        if (r < 0)
                return r;
        if (asprintf(&path, TREES_DIRECTORY "/%s", name) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        had_state = remove_state(name, error);
        if (had_state < 0)
                return had_state;
        /* a machine of layers is its definition and its state: without the one, the other would be
         * a new machine of that name */
        if (had_state > 0)
                return remove_files(name, true, true, error);
        if (names_find_disk(name, &disk) > 0) {
                r = remove_disk(name, disk, error);
                return r < 0 ? r : remove_files(name, purge, true, error);
        }
        has_tree = access(path, F_OK) >= 0;
        if (has_tree) {
                r = tree_lock_take(path, true, &lock, error);
                if (r >= 0)
                        r = staging_remove(TREES_DIRECTORY, name, error);
                if (r < 0)
                        return error_errno(error, -r, "Failed to remove '%s'", path);
        }
        return remove_files(name, purge, has_tree, error);
}

static bool is_defined(const char *name)
{
        _cleanup_free_ char *definition = definition_path(name);

        return definition && access(definition, F_OK) >= 0;
}

static int add_if_there(char ***paths, const char *directory, const char *name, const char *ending)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s%s", directory, name, ending) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        return access(path, F_OK) < 0 ? 0 : strv_push(paths, path);
}

/* What remove_one() would remove. */
static int find_all(const char *name, bool purge, char ***paths)
{
        _cleanup_free_ char *disk = NULL;
        int r = add_if_there(paths, stack_states(), name, "");

        if (r >= 0 && *paths) {
                purge = true;
        } else if (r >= 0 && names_find_disk(name, &disk) > 0) {
                r = strv_push(paths, disk);
                if (r >= 0)
                        r = disk_beside_list(TREES_DIRECTORY, name, paths);
        } else if (r >= 0) {
                r = add_if_there(paths, TREES_DIRECTORY, name, "");
        }
        if (r >= 0 && purge)
                r = add_if_there(paths, "/etc/stead", name, ".machine");
        return r < 0 || !purge
                       ? r
                       : add_if_there(paths, "/etc/stead", name, ".machine.d/50-layers.conf");
}

static int print_plan(const char *name, bool purge, Error *error)
{
        _cleanup_strv_ char **paths = NULL;

        if (find_all(name, purge, &paths) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (!paths)
                return error_set(error, ENOENT, "Machine '%s' has no tree in %s", name,
                                 TREES_DIRECTORY);
        STRV_FOREACH (path, paths)
                puts(*path);
        return 0;
}

static int remove_all(char **names, bool purge, Error *error)
{
        _cleanup_strv_ char **gone = NULL;
        int r = 0, forgotten;

        STRV_FOREACH (n, names) {
                r = remove_one(*n, purge, error);
                /* what still has a definition may be given a tree again */
                if (r >= 0 && !is_defined(*n) && strv_push(&gone, *n) < 0)
                        r = error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        break;
        }
        forgotten = gone ? life_forget(gone, r < 0 ? NULL : error) : 0;
        return r < 0 ? r : forgotten < 0 ? forgotten : EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        bool purge = arguments_has(a, "purge");
        int r = names_select(NAMES_TREES | NAMES_DEFINED, a->words, &names, error);

        for (char **n = names; r >= 0 && n && *n; n++)
                r = check_stopped(*n, error);
        if (r < 0)
                return r;
        if (arguments_has(a, "dry-run")) {
                for (char **n = names; r >= 0 && *n; n++)
                        r = print_plan(*n, purge, error);
                return r < 0 ? r : EXIT_SUCCESS;
        }
        if (!arguments_has(a, "yes")) {
                r = ask(names, purge, error);
                if (r < 0)
                        return r;
        }
        return remove_all(names, purge, error);
}

const Verb verb_remove = {
        .name = "remove",
        .operands = "NAME...",
        .help = "Remove machines' trees and disk images",
        .text = "Refused while a machine is running, or while anything is mounted in the tree. Of "
                "a "
                "machine of layers what it has written and its definition are removed; the layers "
                "stay in the store.",
        .group = VERB_GROUP_TREES,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
