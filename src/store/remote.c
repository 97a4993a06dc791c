/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of remotes: read, checked line by line, and written whole. */

#include "store/remote.h"

#include "base/fd.h"
#include "base/nearest.h"
#include "base/strv.h"
#include "config/definition.h"
#include "config/key-file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SIZE_LIMIT (64 * 1024)
#define SUFFIX ".remote"

void remote_done(Remote *r)
{
        free(r->name);
        free(r->url);
        key_list_free(r->keys, r->n_keys);
        *r = REMOTE_NULL;
}

void remote_list_free(Remote *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                remote_done(&list[i]);
        free(list);
}

bool remote_name_is_valid(const char *name)
{
        return machine_name_is_valid(name);
}

/* Nothing that a URL would have to quote, and nothing after the path. */
static bool is_clean(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f ||
                    strchr("\"<>\\^`{|}?#", *s))
                        return false;
        return true;
}

static int check_url(const char *url, Error *error)
{
        static const char *const schemes[] = { "https://", "http://", "file:///" };

        for (size_t i = 0; i < ELEMENTSOF(schemes); i++) {
                size_t n = strlen(schemes[i]);

                if (strncmp(url, schemes[i], n) != 0)
                        continue;
                if (!is_clean(url) || url[n] == '\0' || url[n] == '/' || strlen(url) > 2000)
                        return error_set(error, EINVAL,
                                         "a URL is SCHEME://HOST/PATH without spaces, '?' or '#'");
                return 0;
        }
        return error_set(error, EINVAL, "not a URL of https://, http:// or file:///");
}

int remote_set_url(Remote *remote, const char *url, Error *error)
{
        size_t n = strlen(url);
        char *copy;
        int r = check_url(url, error);

        if (r < 0)
                return r;
        while (n > 0 && url[n - 1] == '/')
                n--;
        copy = strndup(url, n);
        if (!copy)
                return error_set(error, ENOMEM, "Out of memory");
        free(remote->url);
        remote->url = copy;
        return 0;
}

int remote_add_key(Remote *remote, const char *word, Error *error)
{
        Key k = KEY_NULL, *grown;
        int r = key_read_public(word, &k, error);

        if (r < 0)
                return r;
        grown = reallocarray(remote->keys, remote->n_keys + 1, sizeof(*grown));
        if (!grown) {
                key_done(&k);
                return error_set(error, ENOMEM, "Out of memory");
        }
        remote->keys = grown;
        remote->keys[remote->n_keys++] = k;
        return 0;
}

static int parse_url(void *field, const char *value, Error *error)
{
        return remote_set_url(field, value, error);
}

static int parse_key(void *field, const char *value, Error *error)
{
        return remote_add_key(field, value, error);
}

static const KeyFileKey keys[] = {
        { "Remote", "Url", parse_url, 0 },
        { "Remote", "Key", parse_key, 0 },
};

int remote_parse(const char *path, char *text, Remote *remote, Diagnostics *diagnostics)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = key_file_parse(path, text, keys, ELEMENTSOF(keys), remote, diagnostics);

        if (r < 0 || diagnostics->n_errors > 0)
                return r;
        if (!remote->url)
                (void)error_set(&problem, EINVAL, "Url= is missing in section [Remote]");
        else if (remote->n_keys == 0)
                (void)error_set(
                        &problem, EINVAL,
                        "Key= is missing: without one nothing that is pulled can be trusted");
        return problem.number == 0 ? 0
                                   : diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, path, &problem);
}

static int no_such_remote(const char *directory, const char *name, Error *error)
{
        _cleanup_closedir_ DIR *d = opendir(directory);
        _cleanup_strv_ char **all = NULL;
        Nearest nearest = NEAREST(name);

        for (struct dirent *e; d && (e = readdir(d));) {
                char *dot = strrchr(e->d_name, '.');

                if (dot && strcmp(dot, SUFFIX) == 0) {
                        *dot = '\0';
                        (void)strv_push(&all, e->d_name); /* one less to offer */
                }
        }
        STRV_FOREACH (s, all)
                nearest_offer(&nearest, *s);
        if (nearest.best)
                error_hint(error, "did you mean '%s'? (stead remote list)", nearest.best);
        else
                error_hint(error, "stead remote add %s URL --key=KEY", name);
        return error_set(error, ENOENT, "There is no remote '%s'", name);
}

static int path_of(const char *directory, const char *name, char **ret, Error *error)
{
        if (!remote_name_is_valid(name))
                return error_set(error, EINVAL,
                                 "'%s' is no name for a remote: letters, digits and '-'", name);
        return asprintf(ret, "%s/%s" SUFFIX, directory, name) < 0
                       ? error_set(error, ENOMEM, "Out of memory")
                       : 0;
}

int remote_load(const char *directory, const char *name, Remote *ret, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_remote_ Remote remote = REMOTE_NULL;
        _cleanup_free_ char *path = NULL, *text = NULL;
        ssize_t n;
        int r = path_of(directory, name, &path, error);

        if (r < 0)
                return r;
        n = read_file_at(AT_FDCWD, path, SIZE_LIMIT, &text);
        if (n == -ENOENT)
                return no_such_remote(directory, name, error);
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read '%s'", path);
        remote.name = strdup(name);
        if (!remote.name || remote_parse(path, text, &remote, &diagnostics) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = diagnostics_first(&diagnostics, error);
        if (r < 0)
                return r;
        *ret = remote;
        remote = REMOTE_NULL;
        return 0;
}

int remote_save(const char *directory, const Remote *remote, bool replace, Error *error)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r = path_of(directory, remote->name, &path, error);

        if (r < 0)
                return r;
        if (!replace && access(path, F_OK) == 0) {
                error_hint(error, "stead remote add --force %s ...  (replaces it)", remote->name);
                return error_set(error, EEXIST, "There is a remote '%s' already", remote->name);
        }
        buffer_printf(&text, "[Remote]\nUrl=%s\n", remote->url);
        for (size_t i = 0; i < remote->n_keys; i++) {
                buffer_puts(&text, "Key=");
                (void)key_write_public(&remote->keys[i], &text); /* checked below */
        }
        if (buffer_error(&text) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = mkdir_parents_at(AT_FDCWD, directory, 0755);
        if (r >= 0)
                r = write_file_synced_at(AT_FDCWD, path, text.data, 0644);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", path) : 0;
}

int remote_remove(const char *directory, const char *name, Error *error)
{
        _cleanup_free_ char *path = NULL;
        int r = path_of(directory, name, &path, error);

        if (r < 0)
                return r;
        if (unlink(path) == 0)
                return 0;
        if (errno == ENOENT)
                return no_such_remote(directory, name, error);
        return error_errno(error, errno, "Failed to remove '%s'", path);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const Remote *)a)->name, ((const Remote *)b)->name);
}

int remote_list(const char *directory, Remote **ret, size_t *ret_n, Error *error)
{
        _cleanup_closedir_ DIR *d = opendir(directory);
        Remote *list = NULL;
        size_t n = 0;
        int r = 0;

        if (!d && errno != ENOENT)
                return error_errno(error, errno, "Failed to open '%s'", directory);
        for (struct dirent *e; r >= 0 && d && (e = readdir(d));) {
                char *dot = strrchr(e->d_name, '.');
                Remote *grown;

                if (!dot || strcmp(dot, SUFFIX) != 0)
                        continue;
                *dot = '\0';
                if (!remote_name_is_valid(e->d_name))
                        continue; /* an editor's leftover */
                grown = reallocarray(list, n + 1, sizeof(*list));
                if (grown)
                        list = grown;
                r = grown ? remote_load(directory, e->d_name, &list[n], error)
                          : error_set(error, ENOMEM, "Out of memory");
                n += r >= 0;
        }
        if (r < 0) {
                remote_list_free(list, n);
                return r;
        }
        if (n > 0)
                qsort(list, n, sizeof(*list), by_name);
        *ret = list;
        *ret_n = n;
        return 0;
}
