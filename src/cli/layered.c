/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines of layers, for the verbs. */

#include "cli/layered.h"

#include "base/fd.h"
#include "base/strv.h"
#include "cli/names.h"
#include "config/definition.h"
#include "store/checkout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEFINITIONS "/etc/stead"
#define DEFINITION_MAX ((size_t)1024 * 1024)

void layered_done(Layered *l)
{
        free(l->name);
        strv_free(l->layers);
        closep(&l->state_fd);
        generation_done(&l->wanted);
        stack_done(&l->stack);
        *l = LAYERED_NULL;
}

/* What the definition says last of one of these options; *ret NULL: nothing. */
static int last_value(const char *name, const char *const *options, char **ret, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_definition_ Definition *d = NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        DefinitionPlace place = { .root = "", .trust = DEFINITION_TRUST_BY_PLACE };
        const char *value = NULL;
        int r = definition_read(&place, name, &d, &diagnostics, &problem);

        if (r < 0 && r != -ENOENT)
                return error_move(error, &problem);
        for (size_t i = 0; d && i < d->assignments.n; i++) {
                const Assignment *a = &d->assignments.items[i];

                for (const char *const *o = options; *o; o++)
                        if (a->option->name && strcmp(a->option->name, *o) == 0)
                                value = a->value;
        }
        *ret = value && *value ? strdup(value) : NULL;
        return value && *value && !*ret ? error_set(error, ENOMEM, "Out of memory") : 0;
}

int layered_names(const char *name, char ***ret, Error *error)
{
        static const char *const options[] = { "layers", NULL };
        _cleanup_free_ char *value = NULL;
        int r = last_value(name, options, &value, error);

        *ret = NULL;
        if (r >= 0 && value && strv_split(value, " \t", ret) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return r;
}

int layered_other_root(const char *name, char **ret, Error *error)
{
        static const char *const options[] = { "directory", "image", NULL };

        return last_value(name, options, ret, error);
}

static int load(Layered *l, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        unsigned wanted;
        int r = generation_wanted(l->state_fd, &wanted, error);

        if (r >= 0 && wanted > 0)
                r = generation_load(l->state_fd, wanted, &l->wanted, error);
        if (r < 0)
                return r;
        r = stack_load(l->state_fd, &l->stack, &problem);
        return r == -ENOENT ? 0 : r < 0 ? error_move(error, &problem) : 0;
}

int layered_open(const char *name, Layered *ret, Error *error)
{
        _cleanup_layered_ Layered l = LAYERED_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_free_ char *disk = NULL;
        int r = names_check(NAMES_ALL, name, error);

        if (r >= 0)
                r = layered_names(name, &l.layers, error);
        if (r < 0)
                return r;
        if (!l.layers && names_find_disk(name, &disk) > 0) {
                error_hint(error,
                           "stead create COPY --from=%s  (to go back to); stead create NEW "
                           "debian/12  (makes a machine of layers)",
                           name);
                return error_set(error, ENXIO,
                                 "Machine '%s' is the disk image '%s': it has no layers that could "
                                 "be compared, changed or taken back",
                                 name, disk);
        }
        if (!l.layers) {
                error_hint(error, "stead create NEW debian/12  (makes a machine of layers)");
                return error_set(error, ENXIO,
                                 "Machine '%s' is not made of layers: its definition "
                                 "has no Layers=",
                                 name);
        }
        l.name = strdup(name);
        if (!l.name)
                return error_set(error, ENOMEM, "Out of memory");
        r = generation_open_state(name, false, &l.state_fd, &problem);
        if (r == -ENOENT) {
                error_hint(error, "stead start %s", name);
                return error_set(error, ENOENT, "Machine '%s' has no layers yet: it never started",
                                 name);
        }
        r = r < 0 ? error_move(error, &problem) : load(&l, error);
        if (r < 0)
                return r;
        *ret = l;
        l = LAYERED_NULL;
        return 0;
}

static bool has_state(const char *name)
{
        _cleanup_close_ int fd = -EBADF;

        return generation_open_state(name, false, &fd, NULL) >= 0;
}

int layered_list(char ***ret, Error *error)
{
        _cleanup_strv_ char **names = NULL, **layered = NULL;
        int r = names_list(NAMES_DEFINED, &names, error);

        STRV_FOREACH (n, names) {
                _cleanup_strv_ char **layers = NULL;

                r = layered_names(*n, &layers, error);
                if (r >= 0 && layers && has_state(*n) && strv_push(&layered, *n) < 0)
                        r = error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                *ret = TAKE_PTR(layered);
        return r;
}

static bool is_layers_line(const char *line)
{
        line += strspn(line, " \t");
        if (strncmp(line, "Layers", 6) != 0)
                return false;
        line += 6;
        line += strspn(line, " \t");
        return *line == '=';
}

/* The text with its only line Layers= replaced. NULL: there is none, or it is more than a line. */
static int replace_line(const char *text, const char *value, char **ret)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        unsigned n = 0;

        for (const char *line = text, *next; *line; line = next) {
                next = strchrnul(line, '\n');
                if (!is_layers_line(line))
                        buffer_append(&out, line, (size_t)(next - line));
                else if (n++ == 0 && next > line && next[-1] != '\\')
                        buffer_printf(&out, "Layers=%s", value);
                else
                        return 0;
                if (*next) {
                        buffer_puts(&out, "\n");
                        next++;
                }
        }
        if (n != 1)
                return 0;
        *ret = buffer_steal(&out);
        return *ret ? 0 : -ENOMEM;
}

static int write_definition(const char *name, const char *value, Error *error)
{
        _cleanup_free_ char *path = NULL, *drop_in = NULL, *text = NULL, *changed = NULL;
        ssize_t n;
        int r;

        if (asprintf(&path, DEFINITIONS "/%s.machine", name) < 0 ||
            asprintf(&drop_in, DEFINITIONS "/%s.machine.d/50-layers.conf", name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        n = read_file_at(AT_FDCWD, path, DEFINITION_MAX, &text);
        if (n < 0 && n != -ENOENT)
                return error_errno(error, (int)-n, "Failed to read '%s'", path);
        if (access(drop_in, F_OK) < 0 && text && replace_line(text, value, &changed) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (changed) {
                r = write_file_synced_at(AT_FDCWD, path, changed, 0644);
                return r < 0 ? error_errno(error, -r, "Failed to write '%s'", path) : 0;
        }
        if (asprintf(&changed, "# Written by stead.\n[Image]\nLayers=%s\n", value) < 0) {
                changed = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        *strrchr(drop_in, '/') = '\0';
        r = mkdir_parents_at(AT_FDCWD, drop_in, 0755);
        drop_in[strlen(drop_in)] = '/';
        if (r >= 0)
                r = write_file_synced_at(AT_FDCWD, drop_in, changed, 0644);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", drop_in) : 0;
}

int layered_set_names(const char *name, char *const *layers, Error *error)
{
        _cleanup_free_ char *value = strv_join(layers, " ");

        return value ? write_definition(name, value, error)
                     : error_set(error, ENOMEM, "Out of memory");
}

int layered_version(const StackLayer *layer, char **ret)
{
        char hash[HASH_TEXT_SIZE];
        int r;

        if (hash_is_null(&layer->commit) || strchr(layer->name, '@')) {
                *ret = strdup(layer->name);
                return *ret ? 0 : -ENOMEM;
        }
        r = asprintf(ret, "%s@%.8s", layer->name, hash_to_string(&layer->commit, hash));
        return r < 0 ? -ENOMEM : 0;
}

void layered_close_lowers(int *fds)
{
        for (int *fd = fds; fd && *fd >= 0; fd++)
                (void)close(*fd);
        free(fds);
}

int layered_open_lowers(Store *store, const StackLayer *lowers, size_t n, int **ret, Error *error)
{
        int *fds = calloc(n + 1, sizeof(*fds));

        if (!fds)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 0; i <= n; i++)
                fds[i] = -EBADF;
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;
                int r = checkout_make(store, &lowers[n - 1 - i].tree, NULL, &path, error);

                if (r >= 0) {
                        fds[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        if (fds[i] < 0)
                                r = error_errno(error, errno, "Failed to open '%s'", path);
                }
                if (r < 0) {
                        layered_close_lowers(fds);
                        return r;
                }
        }
        *ret = fds;
        return 0;
}

int layered_open_upper(const Layered *l, const char *path)
{
        if (faccessat(l->state_fd, "state.img", F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                return -EBADF;
        return openat(l->state_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}
