/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stack/roots.h"

#include "base/directory.h"
#include "base/strv.h"
#include "stack/journal.h"
#include "stack/stack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void roots_done(Roots *r)
{
        for (size_t i = 0; i < r->n; i++) {
                free(r->uses[i].machine);
                free(r->uses[i].name);
        }
        free(r->uses);
        *r = ROOTS_NULL;
}

static int add(Roots *r, const char *machine, unsigned generation, bool current,
               const StackLayer *layer)
{
        LayerUse use = { .generation = generation,
                         .current = current,
                         .commit = layer->commit,
                         .tree = layer->tree };

        if (r->n == r->allocated) {
                LayerUse *grown = reallocarray(r->uses, r->allocated + 64, sizeof(LayerUse));

                if (!grown)
                        return -ENOMEM;
                r->uses = grown;
                r->allocated += 64;
        }
        use.machine = strdup(machine);
        use.name = strndup(layer->name, strcspn(layer->name, "@~"));
        if (!use.machine || !use.name) {
                free(use.machine);
                free(use.name);
                return -ENOMEM;
        }
        r->uses[r->n++] = use;
        return 0;
}

static int add_all(Roots *r, const char *machine, unsigned generation, bool current,
                   const StackLayer *layers, size_t n, Error *error)
{
        for (size_t i = 0; i < n; i++)
                if (add(r, machine, generation, current, &layers[i]) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        return 0;
}

/* Generated layers of before, which a rollback would otherwise make anew. A machine whose state is
 * an image keeps its records in there; it does without. */
static int add_record(Roots *r, const char *machine, int state_fd, unsigned generation,
                      Error *error)
{
        _cleanup_journal_ Journal record = JOURNAL_NULL;
        char path[48];
        int n;

        (void)snprintf(path, sizeof(path), "saved/%u/record", generation);
        if (journal_load(state_fd, path, &record, NULL) < 0)
                return 0;
        n = add_all(r, machine, 0, false, record.old, record.n_old, error);
        return n < 0 ? n : add_all(r, machine, 0, false, record.lowers, record.n_lowers, error);
}

static int add_generations(Roots *r, const char *machine, int state_fd, unsigned in_force,
                           Error *error)
{
        Generation *list = NULL;
        unsigned wanted = 0;
        size_t n = 0;
        int result = generation_wanted(state_fd, &wanted, error);

        if (result >= 0)
                result = generation_list(state_fd, &list, &n, error);
        for (size_t i = 0; result >= 0 && i < n; i++) {
                const Generation *g = &list[i];
                bool current = g->number == wanted || g->number == in_force;

                result = add_all(r, machine, g->number, current, g->layers, g->n_layers, error);
                if (result >= 0)
                        result = add_record(r, machine, state_fd, g->number, error);
        }
        generation_list_free(list, n);
        return result;
}

static int add_machine(Roots *r, const char *machine, Error *error)
{
        _cleanup_error_ Error none = ERROR_NULL;
        _cleanup_stack_ Stack stack = STACK_NULL;
        _cleanup_close_ int fd = -EBADF;
        int result = generation_open_state(machine, false, &fd, error);

        if (result < 0)
                return result;
        result = stack_load(fd, &stack, &none);
        if (result < 0 && result != -ENOENT)
                return error_move(error, &none);
        result = add_all(r, machine, 0, true, stack.lowers, stack.n_lowers, error);
        return result < 0 ? result : add_generations(r, machine, fd, stack.generation, error);
}

int roots_collect(Roots *ret, Error *error)
{
        const char *place = stack_states();
        _cleanup_closedir_ DIR *d = opendir(place);
        _cleanup_roots_ Roots r = ROOTS_NULL;
        struct dirent *e;
        int result = 0;

        if (!d && errno != ENOENT)
                return error_errno(error, errno, "Failed to read '%s'", place);
        while (d && (result = directory_next(d, &e)) > 0) {
                if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
                        continue;
                result = add_machine(&r, e->d_name, error);
                if (result < 0)
                        return error_prefix(error, "Machine '%s'", e->d_name);
        }
        if (result < 0) /* what is not seen would be collected */
                return error_errno(error, -result, "Failed to read '%s'", place);
        *ret = r;
        r = ROOTS_NULL;
        return 0;
}

int roots_hashes(const Roots *r, Hash **ret, size_t *ret_n)
{
        Hash *hashes = calloc(2 * r->n + 1, sizeof(Hash));
        size_t n = 0;

        if (!hashes)
                return -ENOMEM;
        for (size_t i = 0; i < r->n; i++) {
                hashes[n++] = r->uses[i].tree;
                if (!hash_is_null(&r->uses[i].commit))
                        hashes[n++] = r->uses[i].commit;
        }
        *ret = hashes;
        *ret_n = n;
        return 0;
}

int roots_users(const Roots *r, const char *layer, bool current, char ***ret)
{
        _cleanup_strv_ char **users = NULL;

        for (size_t i = 0; i < r->n; i++) {
                const LayerUse *use = &r->uses[i];

                if (strcmp(use->name, layer) != 0 || (current && !use->current) ||
                    strv_contains(users, use->machine))
                        continue;
                if (strv_push(&users, use->machine) < 0)
                        return -ENOMEM;
        }
        strv_sort(users);
        *ret = TAKE_PTR(users);
        return 0;
}
