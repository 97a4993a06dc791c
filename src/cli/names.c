/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of machines: running ones, definitions, and trees. */

#include "cli/names.h"

#include "base/nearest.h"
#include "base/strv.h"
#include "config/definition.h"
#include "machine/machine.h"

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

static int add_trees(char ***names, Error *error)
{
        _cleanup_closedir_ DIR *d = opendir(TREES_DIRECTORY);

        if (!d)
                return errno == ENOENT
                               ? 0
                               : error_errno(error, errno, "Failed to read '%s'", TREES_DIRECTORY);
        for (struct dirent *e; (e = readdir(d));) {
                struct stat st;
                int r;

                if (!machine_name_is_valid(e->d_name) || fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
                    !S_ISDIR(st.st_mode))
                        continue;
                r = strv_push(names, e->d_name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(char **names)
{
        size_t n = strv_length(names), kept = 0;

        if (n == 0)
                return;
        qsort(names, n, sizeof(char *), compare);
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

/* @names is the scope. Says what is wrong with the name, and what to type instead. */
static int unknown_name(NameScope scope, char *const *names, const char *word, Error *error)
{
        _cleanup_strv_ char **all = NULL;
        const char *nearest = nearest_name(word, names);

        if (!machine_name_is_valid(word))
                return error_set(error, EINVAL, "'%s' is not a machine name", word);
        if (names_list(NAMES_ALL, &all, NULL) >= 0 && scope == NAMES_RUNNING &&
            strv_contains(all, word)) {
                error_hint(error, "stead start %s", word);
                return error_set(error, ENXIO, "Machine '%s' is not running", word);
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

int names_select(NameScope scope, char *const *words, char ***ret, Error *error)
{
        _cleanup_strv_ char **names = NULL, **chosen = NULL;
        int r = names_list(scope, &names, error);

        for (char *const *w = words; r >= 0 && w && *w; w++) {
                bool any = false;

                STRV_FOREACH (n, names) {
                        if (is_pattern(*w) ? fnmatch(*w, *n, 0) != 0 : strcmp(*w, *n) != 0)
                                continue;
                        any = true;
                        if (!strv_contains(chosen, *n) && strv_push(&chosen, *n) < 0)
                                return error_set(error, ENOMEM, "Out of memory");
                }
                if (!any && is_pattern(*w)) {
                        error_hint(error, "stead list --all");
                        return error_set(error, ENXIO, "No %smachine matches '%s'",
                                         scope == NAMES_RUNNING ? "running " : "", *w);
                }
                if (!any)
                        return unknown_name(scope, names, *w, error);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(chosen);
        return 0;
}

int names_check(NameScope scope, const char *name, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        int r = names_list(scope, &names, error);

        if (r < 0)
                return r;
        return strv_contains(names, name) ? 0 : unknown_name(scope, names, name, error);
}
