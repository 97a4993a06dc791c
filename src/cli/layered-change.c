/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* New generations, and the restarts that bring them into force. */

#include "cli/layered-change.h"

#include "base/strv.h"
#include "cli/life.h"
#include "machine/machine.h"
#include "stack/switch.h"

#include <stdio.h>
#include <string.h>

int layered_resolve(Store *store, const Layered *l, Generation *ret, Error *error)
{
        _cleanup_generation_ Generation g = GENERATION_NULL;
        int r = switch_resolve(store, l->layers, NULL, &g, error);

        if (r < 0)
                return r;
        g.reason = strdup("update");
        if (!g.reason)
                return error_set(error, ENOMEM, "Out of memory");
        *ret = g;
        g = GENERATION_NULL;
        return 0;
}

int layered_look(Store *store, const Layered *l, const Generation *after, Drift *ret, Error *error)
{
        const StackLayer *last =
                l->stack.n_lowers > 0 ? &l->stack.lowers[l->stack.n_lowers - 1] : NULL;
        _cleanup_generation_ Generation before = GENERATION_NULL;
        _cleanup_merge_result_ MergeResult result = MERGE_RESULT_NULL;
        _cleanup_close_ int upper_fd = layered_open_upper(l, "upper");
        MergeRequest request = {
                .store = store, .after = after, .upper_fd = upper_fd, .look_only = true
        };
        int r = l->stack.generation
                        ? generation_load(l->state_fd, l->stack.generation, &before, error)
                        : 0;

        if (r < 0)
                return r;
        if (before.n_layers > 0)
                request.before = &before;
        if (last && strcmp(last->name, "-") == 0)
                request.before_generated = &last->tree;
        r = merge_stack(&request, &result, error);
        if (r < 0)
                return r;
        *ret = result.drift;
        result.drift = DRIFT_NULL;
        return 0;
}

static int refuse_names(const Layered *l, const Generation *g, Error *error)
{
        _cleanup_buffer_ Buffer names = BUFFER_NULL;

        for (size_t i = 0; i < g->n_layers; i++)
                buffer_printf(&names, "%s%s", i > 0 ? " " : "", g->layers[i].name);
        error_hint(error, "stead edit %s  (Layers=%s), then the rollback again", l->name,
                   names.data ?: "");
        return error_set(error, EINVAL,
                         "Generation %u of machine '%s' has other layers than its definition: %s",
                         g->number, l->name, names.data ?: "");
}

int layered_go_back(Store *store, const Layered *l, unsigned number, Generation *ret, Error *error)
{
        _cleanup_generation_ Generation g = GENERATION_NULL;
        int r = generation_load(l->state_fd, number, &g, error);

        if (r < 0) {
                error_hint(error, "stead history %s", l->name);
                return r;
        }
        if (!generation_has_names(&g, l->layers))
                return refuse_names(l, &g, error);
        r = switch_check_trees(store, &g, error);
        if (r < 0)
                return r;
        free(g.reason);
        g.time = 0;
        if (asprintf(&g.reason, "rollback to %u", number) < 0) {
                g.reason = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        r = generation_add(l->state_fd, &g, error);
        if (r < 0)
                return r;
        *ret = g;
        g = GENERATION_NULL;
        return 0;
}

static bool runs(const char *name)
{
        _cleanup_machine_ Machine *m = NULL;

        return machine_open(name, &m, NULL) >= 0;
}

static bool is_in_force(const char *name)
{
        _cleanup_layered_ Layered l = LAYERED_NULL;

        return layered_open(name, &l, NULL) >= 0 && l.wanted.number == l.stack.generation;
}

static int restart_on(const char *name, unsigned number, uint64_t timeout_usec, unsigned *ret,
                      Error *error)
{
        _cleanup_layered_ Layered l = LAYERED_NULL;
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_generation_ Generation g = GENERATION_NULL;
        char *const names[] = { (char *)name, NULL };
        int r = layered_open(name, &l, error);

        if (r >= 0)
                r = store_open(NULL, STORE_ADD, &store,
                               error); /* no garbage collection meanwhile */
        if (r >= 0)
                r = layered_go_back(&store, &l, number, &g, error);
        if (r < 0)
                return r;
        *ret = g.number;
        return life_restart(names, timeout_usec) == EXIT_SUCCESS ? 0 : -EIO;
}

int layered_restart(const char *name, uint64_t timeout_usec, unsigned back, Error *error)
{
        char *const names[] = { (char *)name, NULL };
        unsigned number = 0;

        if (!runs(name))
                return 0;
        if (life_restart(names, timeout_usec) == EXIT_SUCCESS && is_in_force(name))
                return 1;
        if (back == 0) {
                error_hint(error, "stead rollback --now %s", name);
                return error_set(error, EIO, "Machine '%s' did not become ready on its new layers",
                                 name);
        }
        fprintf(stderr, "Machine '%s' did not become ready on its new layers; going back.\n", name);
        if (restart_on(name, back, timeout_usec, &number, error) < 0) {
                error_hint(error, "stead logs %s", name);
                return error_set(error, EIO,
                                 "Machine '%s' became ready neither on its new layers nor on those "
                                 "before",
                                 name);
        }
        error_hint(error, "stead update --now --keep-failed %s; stead logs %s", name, name);
        return error_set(error, EIO,
                         "Machine '%s' did not become ready on its new layers and is back on "
                         "those of generation %u",
                         name, back);
}

json_t *layered_layers_json(const Generation *g)
{
        json_t *array = json_array();

        for (size_t i = 0; i < g->n_layers; i++) {
                char commit[HASH_TEXT_SIZE];

                (void)json_array_append_new(
                        array, json_pack("{s:s, s:s}", "name", g->layers[i].name, "version",
                                         hash_to_string(&g->layers[i].commit, commit)));
        }
        return array;
}
