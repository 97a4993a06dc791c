/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of machines: running ones, definitions, and trees. */

#include "cli/names.h"

#include "base/nearest.h"
#include "base/strv.h"
#include "config/definition.h"
#include "machine/machine.h"
#include "machine/pod-network.h"
#include "stack/stack.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

static int add_running(char ***names, Error *error)
{
        Machine **list = NULL;
        size_t n = 0;
        int r = machine_list(&list, &n, error);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = strv_push(names, list[i]->name);
        machine_list_free(list, n);
        return r;
}

static int add_defined(char ***names, Error *error)
{
        _cleanup_strv_ char **list = NULL;
        int r = definition_list("", &list);

        if (r < 0 && r != -ENOENT)
                return error_errno(error, -r, "Failed to list definitions");
        return strv_extend(names, list);
}

/* "web" of "web.raw". */
static int add_disk(const char *file, char ***names)
{
        size_t n = strlen(file);
        _cleanup_free_ char *name = NULL;

        if (n <= 4 || strcmp(file + n - 4, ".raw") != 0)
                return 0;
        name = strndup(file, n - 4);
        if (!name)
                return -ENOMEM;
        return machine_name_is_valid(name) ? strv_push(names, name) : 0;
}

static int add_places(const char *place, bool disks, char ***names, Error *error)
{
        _cleanup_closedir_ DIR *d = opendir(place);

        if (!d)
                return errno == ENOENT ? 0
                                       : error_errno(error, errno, "Failed to read '%s'", place);
        for (struct dirent *e; (e = readdir(d));) {
                struct stat st;
                int r;

                if (!machine_name_is_valid(e->d_name) || fstatat(dirfd(d), e->d_name, &st, 0) < 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        r = strv_push(names, e->d_name);
                else
                        r = disks && S_ISREG(st.st_mode) ? add_disk(e->d_name, names) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Trees, disk images, and what machines of layers have written. Only root may look at that; who may
 * not, sees those that are defined. */
static int add_trees(char ***names, Error *error)
{
        int r = add_places(TREES_DIRECTORY, true, names, error);

        if (r >= 0 && access(stack_states(), R_OK | X_OK) >= 0)
                r = add_places(stack_states(), false, names, error);
        return r;
}

static int add_pods(char ***names, Error *error)
{
        _cleanup_strv_ char **list = NULL;
        int r = pod_network_list(&list, error);

        return r < 0 ? r : strv_extend(names, list);
}

static void sort_unique(char **names)
{
        size_t n = strv_length(names), kept = 0;

        if (n == 0)
                return;
        strv_sort(names);
        for (size_t i = 0; i < n; i++) {
                if (kept > 0 && strcmp(names[kept - 1], names[i]) == 0)
                        free(names[i]);
                else
                        names[kept++] = names[i];
        }
        names[kept] = NULL;
}

int names_list(NameScope scope, char ***ret, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        if (scope & NAMES_RUNNING)
                r = add_running(&names, error);
        if (r >= 0 && scope & NAMES_DEFINED)
                r = add_defined(&names, error);
        if (r >= 0 && scope & NAMES_TREES)
                r = add_trees(&names, error);
        if (r >= 0 && scope & NAMES_PODS)
                r = add_pods(&names, error);
        if (r < 0)
                return error_errno(error, -r, "Failed to list machines");
        sort_unique(names);
        *ret = TAKE_PTR(names);
        return 0;
}

static bool is_pattern(const char *word)
{
        return strpbrk(word, "*?[");
}

static const char *nearest_name(const char *word, char *const *names)
{
        Nearest nearest = NEAREST(word);

        for (; names && *names; names++)
                nearest_offer(&nearest, *names);
        return nearest.best;
}

static bool is_defined_pod(const char *name)
{
        _cleanup_strv_ char **pods = NULL;

        return definition_list_pods("", &pods) >= 0 && strv_contains(pods, name);
}

static bool is_of_running(NameScope scope)
{
        return !(scope & (NAMES_DEFINED | NAMES_TREES));
}

/* @names is the scope. Says what is wrong with the name, and what to type instead. */
static int unknown_name(NameScope scope, char *const *names, const char *word, Error *error)
{
        _cleanup_strv_ char **all = NULL;
        const char *nearest = nearest_name(word, names);

        if (!machine_name_is_valid(word))
                return error_set(error, EINVAL, "'%s' is not a machine name", word);
        if (scope & NAMES_PODS && is_defined_pod(word)) {
                error_hint(error, "stead pod start %s", word);
                return error_set(error, ENXIO, "Pod '%s' is not running", word);
        }
        if (names_list(NAMES_ALL, &all, NULL) >= 0 && is_of_running(scope) &&
            strv_contains(all, word)) {
                error_hint(error, "stead start %s", word);
                return error_set(error, ENXIO, "Machine '%s' is not running", word);
        }
        if (scope == NAMES_DEFINED && strv_contains(all, word)) {
                error_hint(error, "stead edit %s", word);
                return error_set(error, ENXIO, "Machine '%s' has no definition", word);
        }
        if (is_defined_pod(word)) {
                error_hint(error, "stead pod status %s", word);
                return error_set(error, ENXIO, "'%s' is a pod, not a machine", word);
        }
        if (!nearest)
                nearest = nearest_name(word, all);
        if (nearest) {
                error_hint(error, "stead status %s", nearest);
                return error_set(error, ENXIO, "There is no machine '%s'; did you mean '%s'?", word,
                                 nearest);
        }
        error_hint(error, "stead list --all");
        return error_set(error, ENXIO, "There is no machine '%s'", word);
}

/* Most verbs name one running machine; finding it must not cost a look at all others. */
static bool is_running(NameScope scope, const char *name)
{
        _cleanup_machine_ Machine *m = NULL;

        return scope & NAMES_RUNNING && machine_name_is_valid(name) &&
               machine_open(name, &m, NULL) >= 0;
}

/* Adds what one word means. @names is the scope, listed when it is first needed. */
static int select_word(NameScope scope, const char *word, char ***names, char ***chosen,
                       Error *error)
{
        bool any = false;
        int r;

        if (!is_pattern(word) && is_running(scope, word))
                return strv_contains(*chosen, word) ? 0 : strv_push(chosen, word);
        if (!*names) {
                r = names_list(scope, names, error);
                if (r < 0)
                        return r;
        }
        STRV_FOREACH (n, *names) {
                if (is_pattern(word) ? fnmatch(word, *n, 0) != 0 : strcmp(word, *n) != 0)
                        continue;
                any = true;
                r = strv_contains(*chosen, *n) ? 0 : strv_push(chosen, *n);
                if (r < 0)
                        return r;
        }
        if (!any && is_pattern(word)) {
                error_hint(error, "stead list --all");
                return error_set(error, ENXIO, "No %smachine matches '%s'",
                                 is_of_running(scope) ? "running " : "", word);
        }
        return any ? 0 : unknown_name(scope, *names, word, error);
}

int names_select(NameScope scope, char *const *words, char ***ret, Error *error)
{
        _cleanup_strv_ char **names = NULL, **chosen = NULL;

        for (char *const *w = words; w && *w; w++) {
                int r = select_word(scope, *w, &names, &chosen, error);

                if (r < 0)
                        return error_errno(error, -r, "Failed to list machines");
        }
        *ret = TAKE_PTR(chosen);
        return 0;
}

int names_check(NameScope scope, const char *name, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        if (is_running(scope, name))
                return 0;
        r = names_list(scope, &names, error);
        if (r < 0)
                return r;
        return strv_contains(names, name) ? 0 : unknown_name(scope, names, name, error);
}

int names_find_disk(const char *name, char **ret)
{
        _cleanup_free_ char *tree = NULL, *disk = NULL;
        struct stat st;

        if (asprintf(&tree, TREES_DIRECTORY "/%s", name) < 0)
                tree = NULL;
        if (asprintf(&disk, TREES_DIRECTORY "/%s.raw", name) < 0)
                disk = NULL;
        if (!tree || !disk)
                return -ENOMEM;
        if (access(tree, F_OK) >= 0 || stat(disk, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        if (ret)
                *ret = TAKE_PTR(disk);
        return 1;
}
