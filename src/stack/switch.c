/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the stack in force to the wanted one. */

#include "stack/switch.h"

#include "stack/journal.h"
#include "stack/undo.h"
#include "store/checkout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define RESERVE_SIZE 65536 /* for what is written when there is no way back */

typedef struct Switch {
        Store *store;
        const SwitchPlace *place;
        Progress *progress;
        int upper_fd;
        Stack stack; /* in force; generation 0: there is none */
        Generation before, after;
        MergeResult merge;
        Undo undo;
        Journal journal;
        Manifest files; /* "/0", "/1": what comes into upper/, to be made in switch/ */
} Switch;

static void switch_done(Switch *s)
{
        closep(&s->upper_fd);
        stack_done(&s->stack);
        generation_done(&s->before);
        generation_done(&s->after);
        merge_result_done(&s->merge);
        undo_done(&s->undo);
        journal_done(&s->journal);
        manifest_done(&s->files);
}

int switch_resolve(const Store *store, char *const *layers, const Generation *keep, Generation *ret,
                   Error *error)
{
        _cleanup_generation_ Generation g = GENERATION_NULL;

        for (char *const *l = layers; *l; l++) {
                _cleanup_commit_ Commit commit = COMMIT_NULL;
                _cleanup_free_ char *name = NULL;
                Hash id = HASH_NULL;
                int r = 0;

                for (size_t i = 0; keep && i < keep->n_layers; i++)
                        if (strcmp(keep->layers[i].name, *l) == 0)
                                id = keep->layers[i].commit;
                if (hash_is_null(&id))
                        r = store_resolve(store, *l, &id, &name, error);
                if (r >= 0)
                        r = store_load_commit(store, &id, &commit, error);
                if (r >= 0 && (commit.kind == LAYER_BASE) != (l == layers)) {
                        error_hint(error, "stead layer show %s", *l);
                        r = error_set(error, EINVAL, "Layer '%s' is %s", *l,
                                      l == layers ? "no base, but the first one must be"
                                                  : "a base, which only the first one may be");
                }
                if (r >= 0 && generation_add_layer(&g, *l, &id, &commit.tree) < 0)
                        r = error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        return r;
        }
        *ret = g;
        g = GENERATION_NULL;
        return 0;
}

int switch_check_trees(const Store *store, const Generation *g, Error *error)
{
        for (size_t i = 0; i < g->n_layers; i++) {
                const StackLayer *l = &g->layers[i];
                char commit[HASH_TEXT_SIZE];

                if (store_has_tree(store, &l->tree))
                        continue;
                error_hint(error, "stead layer log %s; stead pull %.*s", l->name,
                           (int)strcspn(l->name, "@~"), l->name);
                return error_set(error, ENOENT,
                                 "The store does not hold version %.12s of layer '%s' (generation "
                                 "%u) any more",
                                 hash_to_string(&l->commit, commit), l->name, g->number);
        }
        return 0;
}

/* The generation that is to be in force; a new one if the definition has changed. */
static int find_wanted(Switch *s, char *const *layers, Error *error)
{
        _cleanup_generation_ Generation wanted = GENERATION_NULL;
        unsigned number;
        int r = generation_wanted(s->place->state_fd, &number, error);

        if (r >= 0 && number > 0)
                r = generation_load(s->place->state_fd, number, &wanted, error);
        if (r < 0)
                return r;
        if (number > 0 && generation_has_names(&wanted, layers)) {
                s->after = wanted;
                wanted = GENERATION_NULL;
                return 0;
        }
        r = switch_resolve(s->store, layers, number > 0 ? &wanted : NULL, &s->after, error);
        if (r < 0)
                return r;
        s->after.reason = strdup(number > 0 ? "definition" : "create");
        if (!s->after.reason)
                return error_set(error, ENOMEM, "Out of memory");
        return generation_add(s->place->state_fd, &s->after, error);
}

static int find_in_force(Switch *s, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = stack_load(s->place->state_fd, &s->stack, &problem);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return error_move(error, &problem);
        return generation_load(s->place->state_fd, s->stack.generation, &s->before, error);
}

static int make_checkouts(Store *store, const StackLayer *lowers, size_t n, Progress *progress,
                          Error *error)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;
                int r = checkout_make(store, &lowers[i].tree, progress, &path, error);

                if (r < 0 && strcmp(lowers[i].name, "-") != 0)
                        (void)error_prefix(error, "Layer '%s'", lowers[i].name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_layers(const StackLayer *from, size_t n, StackLayer **to, size_t *ret_n)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = stack_layer_append(to, ret_n, from[i].name, NULL, &from[i].tree);
        return r;
}

static bool all_trees_are_there(const Store *store, const StackLayer *lowers, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!store_has_tree(store, &lowers[i].tree))
                        return false;
        return true;
}

/* What the machine will be mounted from: that of old where the way back ends there, or if nothing
 * but the number changes; else the layers and what is generated for them. */
static int find_lowers(Switch *s, Error *error)
{
        const Manifest *const manifests[] = { &s->merge.generated };
        Journal *j = &s->journal;
        Hash tree;
        int r;

        if (s->undo.generation && all_trees_are_there(s->store, s->undo.lowers, s->undo.n_lowers))
                return copy_layers(s->undo.lowers, s->undo.n_lowers, &j->lowers, &j->n_lowers);
        r = copy_layers(s->after.layers, s->after.n_layers, &j->lowers, &j->n_lowers);
        if (r < 0 || s->merge.generated.n == 0)
                return r;
        r = store_publish_objects(s->store, manifests, 1, error);
        if (r >= 0)
                r = store_add_tree(s->store, &s->merge.generated, &tree, error);
        return r < 0 ? r : stack_layer_append(&j->lowers, &j->n_lowers, "-", NULL, &tree);
}

static int merge(Switch *s, Error *error)
{
        const Stack *stack = &s->stack;
        const StackLayer *last = stack->n_lowers > 0 ? &stack->lowers[stack->n_lowers - 1] : NULL;
        const MergeRequest request = {
                .store = s->store,
                .before = stack->generation ? &s->before : NULL,
                .before_generated = last && strcmp(last->name, "-") == 0 ? &last->tree : NULL,
                .after = &s->after,
                .upper_fd = s->upper_fd,
        };

        return merge_stack(&request, &s->merge, error);
}

static int add_file(Switch *s, Entry *entry, char *name)
{
        Entry copy = ENTRY_NULL;
        int r = entry_copy(entry, &copy);

        if (r < 0)
                return r;
        free(copy.path);
        copy.path = strdup(name);
        r = copy.path ? manifest_add_take(&s->files, &copy) : -ENOMEM;
        entry_done(&copy);
        return r;
}

static int add_edit(Switch *s, StateEdit *edit)
{
        const char *name;
        _cleanup_close_ int parent = journal_open_parent(s->upper_fd, edit->path, &name);
        char source[32];
        int r;

        if (parent < 0)
                return 0; /* nothing of ours hides anything there */
        if (edit->remove)
                return faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0
                               ? 0
                               : journal_add_edit(&s->journal, edit->path, NULL);
        (void)snprintf(source, sizeof(source), "switch/%zu", s->journal.n_edits);
        r = add_file(s, &edit->entry, source + strlen("switch"));
        return r < 0 ? r : journal_add_edit(&s->journal, edit->path, source);
}

static int plan_edits(Switch *s, Error *error)
{
        int r = 0;

        if (s->undo.generation)
                r = undo_add_edits(&s->undo, s->place->data_fd, s->upper_fd, &s->journal);
        for (size_t i = 0; r >= 0 && i < s->merge.n_edits; i++)
                if (!undo_covers(&s->undo, s->upper_fd, s->merge.edits[i].path))
                        r = add_edit(s, &s->merge.edits[i]);
        if (r >= 0)
                r = journal_add_times(&s->journal, s->upper_fd);
        return r < 0 ? error_errno(error, -r, "Failed to plan the edits of the state") : 0;
}

/* The new files, beside upper/ on the same file system. */
static int make_files(Switch *s, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        Entry root = { .kind = ENTRY_DIRECTORY, .mode = 0700 };
        char saved[32];
        int r;

        (void)snprintf(saved, sizeof(saved), "saved/%u", s->journal.generation);
        if ((mkdirat(s->place->data_fd, "saved", 0700) < 0 && errno != EEXIST) ||
            (mkdirat(s->place->data_fd, saved, 0700) < 0 && errno != EEXIST))
                return error_errno(error, errno, "Failed to make '%s'", saved);
        if (s->files.n == 0)
                return 0;
        root.path = strdup("/");
        r = root.path ? manifest_add_take(&s->files, &root) : -ENOMEM;
        entry_done(&root);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        manifest_sort(&s->files);
        if (mkdirat(s->place->data_fd, "switch", 0700) < 0)
                return error_errno(error, errno, "Failed to make 'switch'");
        fd = openat(s->place->data_fd, "switch", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return error_errno(error, errno, "Failed to open 'switch'");
        r = checkout_copy(s->store, &s->files, fd, NULL, error);
        if (r >= 0 && syncfs(fd) < 0)
                r = error_errno(error, errno, "Failed to write the new files to disk");
        return r;
}

/* Room for `stack` and the record, which are written when there is no way back. */
static int reserve(int directory_fd, Error *error)
{
        _cleanup_close_ int fd =
                openat(directory_fd, "reserve", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r = fd < 0 ? errno : posix_fallocate(fd, 0, RESERVE_SIZE);

        if (r == 0)
                return 0;
        (void)unlinkat(directory_fd, "reserve", 0);
        return error_errno(error, r, "Failed to reserve room for the switch");
}

static void release(const SwitchPlace *place)
{
        (void)unlinkat(place->state_fd, "reserve", 0);
        (void)unlinkat(place->data_fd, "reserve", 0);
}

/* All that can fail before anything has changed. */
static int prepare(Switch *s, Error *error)
{
        Journal *j = &s->journal;
        int r;

        j->generation = s->after.number;
        j->from = s->stack.generation;
        r = copy_layers(s->stack.lowers, s->stack.n_lowers, &j->old, &j->n_old);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (s->stack.generation) {
                r = undo_find(s->place, s->stack.generation, &s->after, &s->undo, error);
                if (r < 0)
                        return r;
        }
        r = switch_check_trees(s->store, &s->after, error);
        if (r >= 0)
                r = merge(s, error);
        if (r >= 0)
                r = find_lowers(s, error);
        if (r < 0)
                return error_errno(error, -r, "Failed to make the stack of machine '%s'",
                                   s->place->machine);
        r = make_checkouts(s->store, j->lowers, j->n_lowers, s->progress, error);
        if (r >= 0)
                r = plan_edits(s, error);
        if (r >= 0)
                r = make_files(s, error);
        if (r >= 0)
                r = reserve(s->place->state_fd, error);
        if (r >= 0 && s->place->data_fd != s->place->state_fd)
                r = reserve(s->place->data_fd, error);
        return r;
}

/* A machine that never ran has none: then nothing hides anything. */
static int open_upper(Switch *s, Error *error)
{
        s->upper_fd =
                openat(s->place->data_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return s->upper_fd < 0 && errno != ENOENT
                       ? error_errno(error, errno, "Failed to open 'upper'")
                       : 0;
}

static int switch_run(Switch *s, Error *error)
{
        int r = open_upper(s, error);

        if (r < 0)
                return r;
        if (s->stack.generation && generation_is_same(&s->before, &s->after)) {
                s->journal.generation = s->after.number;
                s->journal.from = s->stack.generation;
                s->journal.restores = s->stack.generation;
                r = copy_layers(s->stack.lowers, s->stack.n_lowers, &s->journal.lowers,
                                &s->journal.n_lowers);
                if (r >= 0)
                        r = make_checkouts(s->store, s->journal.lowers, s->journal.n_lowers,
                                           s->progress, error);
                if (r >= 0)
                        r = make_files(s, error);
        } else {
                r = prepare(s, error);
        }
        if (r >= 0)
                r = journal_save(s->place->data_fd, "journal", &s->journal, error);
        release(s->place);
        if (r < 0) {
                journal_clean(s->place);
                if (r == -ENOSPC || r == -EDQUOT)
                        error_hint(error, "df -h %s; stead layer gc", STATE_DIRECTORY);
                return r;
        }
        return journal_apply(s->place, &s->journal, error);
}

int switch_recover(const SwitchPlace *place, Error *error)
{
        _cleanup_stack_ Stack stack = STACK_NULL;
        _cleanup_journal_ Journal j = JOURNAL_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r;

        release(place);
        if (faccessat(place->data_fd, "journal", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
                journal_clean(place);
                return 0;
        }
        r = journal_load(place->data_fd, "journal", &j, error);
        if (r < 0)
                return r;
        if (stack_load(place->state_fd, &stack, &problem) >= 0 &&
            stack.generation == j.generation) {
                journal_finish(place, &j);
                return 0;
        }
        r = journal_apply(place, &j, error);
        if (r < 0)
                (void)error_prefix(error, "Finishing a switch that was interrupted");
        return r;
}

int switch_make_ready(Store *store, const SwitchPlace *place, char *const *layers,
                      Progress *progress, Drift *ret_drift, Error *error)
{
        _cleanup_(switch_done) Switch s = {
                .store = store, .place = place, .progress = progress, .upper_fd = -EBADF
        };
        int r = switch_recover(place, error);

        if (r >= 0)
                r = find_wanted(&s, layers, error);
        if (r >= 0)
                r = find_in_force(&s, error);
        if (r < 0)
                return r;
        if (s.stack.generation == s.after.number)
                return make_checkouts(store, s.stack.lowers, s.stack.n_lowers, progress, error);
        r = switch_run(&s, error);
        if (r >= 0 && ret_drift) {
                *ret_drift = s.merge.drift;
                s.merge.drift = DRIFT_NULL;
        }
        return r;
}

bool switch_is_usable(Store *store, const SwitchPlace *place)
{
        _cleanup_stack_ Stack stack = STACK_NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        return faccessat(place->data_fd, "journal", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
               stack_load(place->state_fd, &stack, &error) >= 0 &&
               make_checkouts(store, stack.lowers, stack.n_lowers, NULL, &error) >= 0;
}
