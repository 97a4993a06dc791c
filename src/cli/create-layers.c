/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Staging directory, switch, identity through an overlay, definition. */

#include "cli/create-layers.h"

#include "base/fd.h"
#include "base/strv.h"
#include "cli/layered.h"
#include "cli/names.h"
#include "image/identity.h"
#include "image/layer-base.h"
#include "image/staging.h"
#include "os/overlay.h"
#include "stack/switch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFINITIONS "/etc/stead"

typedef struct Creation {
        const CreateLayers *request;
        Progress *progress;
        Store store;
        Staging staging;
        char **layers;  /* those of the request, or of what is copied */
        Layered source; /* what is copied */
        int source_lock;
        bool has_definition; /* a person wrote one before, and it names these layers */
} Creation;

static void creation_done(Creation *c)
{
        staging_done(&c->staging);
        store_close(&c->store);
        strv_free(c->layers);
        layered_done(&c->source);
        closep(&c->source_lock);
}

bool create_layers_is_layer(const char *word)
{
        _cleanup_free_ char *name = strndup(word, strcspn(word, "@~")), *resolved = NULL;
        _cleanup_store_ Store store = STORE_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        Hash commit;

        return name && ref_name_is_valid(name) &&
               store_open(NULL, STORE_READ, &store, &error) >= 0 &&
               store_resolve(&store, word, &commit, &resolved, &error) >= 0;
}

/* A definition of the same name may be there before its machine, with ports and limits; but it must
 * not say that the machine is something else. */
static int check_definition(Creation *c, Error *error)
{
        const char *name = c->request->name;
        _cleanup_strv_ char **named = NULL;
        _cleanup_free_ char *tree = NULL, *image = NULL, *ours = NULL, *theirs = NULL, *root = NULL;
        int r = layered_names(name, &named, error);

        if (r >= 0)
                r = layered_other_root(name, &root, error);
        if (r < 0)
                return r;
        if (root) {
                error_hint(error, "stead start %s; or stead edit %s", name, name);
                return error_set(error, EEXIST,
                                 "The definition of machine '%s' has another root already: %s",
                                 name, root);
        }
        if (asprintf(&tree, TREES_DIRECTORY "/%s", name) < 0)
                tree = NULL;
        if (asprintf(&image, TREES_DIRECTORY "/%s.raw", name) < 0)
                image = NULL;
        if (!tree || !image)
                return error_set(error, ENOMEM, "Out of memory");
        if (access(tree, F_OK) >= 0 || access(image, F_OK) >= 0) {
                error_hint(error, "stead remove %s", name);
                return error_set(error, EEXIST, "There is a tree '%s' already",
                                 access(tree, F_OK) >= 0 ? tree : image);
        }
        if (!named)
                return 0;
        ours = strv_join(c->layers, " ");
        theirs = strv_join(named, " ");
        if (!ours || !theirs)
                return error_set(error, ENOMEM, "Out of memory");
        if (strcmp(ours, theirs) != 0) {
                error_hint(error, "stead create %s %s; or stead edit %s", name, theirs, name);
                return error_set(error, EEXIST,
                                 "The definition of machine '%s' has other layers already: %s",
                                 name, theirs);
        }
        c->has_definition = true;
        return 0;
}

static int open_source(Creation *c, Error *error)
{
        const CreateLayers *request = c->request;
        int r = layered_open(request->from, &c->source, error);

        if (r >= 0 && c->source.stack.generation == 0) {
                error_hint(error, "stead start %s", request->from);
                r = error_set(error, ENOENT, "Machine '%s' has no stack yet: it never started",
                              request->from);
        }
        if (r >= 0 && faccessat(c->source.state_fd, "state.img", F_OK, AT_SYMLINK_NOFOLLOW) >= 0) {
                error_hint(error, "stead create %s LAYER...; stead cp %s:/PATH %s:/PATH",
                           request->name, request->from, request->name);
                r = error_set(error, EOPNOTSUPP,
                              "The state of machine '%s' is a file system of its own (DiskMax=), "
                              "which cannot be copied yet",
                              request->from);
        }
        if (r >= 0 && !request->from_busy)
                r = generation_lock_state(c->source.state_fd, request->from, false, &c->source_lock,
                                          error);
        if (r >= 0 && strv_copy(c->source.layers, &c->layers) < 0)
                r = error_set(error, ENOMEM, "Out of memory");
        return r;
}

/* The versions that the source runs on, not the newest. */
static int copy_generation(Creation *c, Error *error)
{
        _cleanup_generation_ Generation g = GENERATION_NULL, from = GENERATION_NULL;
        int r = generation_load(c->source.state_fd, c->source.stack.generation, &from, error);

        if (r < 0)
                return r;
        for (size_t i = 0; i < from.n_layers; i++)
                if (generation_add_layer(&g, from.layers[i].name, &from.layers[i].commit,
                                         &from.layers[i].tree) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        if (asprintf(&g.reason, "copy of %s", c->request->from) < 0) {
                g.reason = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        if (!generation_has_names(&g, c->layers)) {
                error_hint(error, "stead restart %s", c->request->from);
                return error_set(error, EBUSY,
                                 "The definition of machine '%s' names other layers than it runs "
                                 "on",
                                 c->request->from);
        }
        return generation_add(c->staging.fd, &g, error);
}

static void on_copy(const char *stage, void *userdata)
{
        const Creation *c = userdata;

        (void)progress_step(c->progress, 0, 0);
}

static int copy_upper(Worker *worker, void *argument, Error *error)
{
        const Creation *c = argument;
        _cleanup_free_ char *from = NULL, *to = NULL;
        char cp[] = "cp", archive[] = "-a", reflink[] = "--reflink=auto", as[] = "-T";
        char *argv[] = { cp, archive, reflink, as, NULL, NULL, NULL };

        if (asprintf(&from, "%s/%s/upper", stack_states(), c->request->from) < 0 ||
            asprintf(&to, "%s/%s/upper", stack_states(), c->staging.temporary) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        argv[4] = from;
        argv[5] = to;
        return worker_program(worker, argv, NULL, error);
}

static int make_upper(const Creation *c, const int *lowers, size_t n, Error *error)
{
        struct stat st;

        /* the machine's "/" has the mode of the upper layer's root */
        if (fstat(lowers[n - 1], &st) < 0 ||
            (mkdirat(c->staging.fd, "upper", 0700) < 0 && errno != EEXIST) ||
            fchmodat(c->staging.fd, "upper", st.st_mode & 07777, 0) < 0 ||
            (mkdirat(c->staging.fd, "work", 0700) < 0 && errno != EEXIST))
                return error_errno(error, errno, "Failed to make the upper layer of machine '%s'",
                                   c->request->name);
        return 0;
}

/* Only what differs from the layers comes into upper/: the kernel sees to that. */
static int give_identity(Creation *c, const Stack *stack, Error *error)
{
        _cleanup_close_ int upper = -EBADF, work = -EBADF, fd = -EBADF;
        int *top_first = NULL, lowers[OVERLAY_LOWERS_MAX];
        OverlayLayers layers = { .lowers = lowers, .n_lowers = stack->n_lowers };
        int r;

        if (stack->n_lowers > ELEMENTSOF(lowers))
                return error_set(error, E2BIG, "A machine cannot have more than %d layers",
                                 OVERLAY_LOWERS_MAX);
        r = layered_open_lowers(&c->store, stack->lowers, stack->n_lowers, &top_first, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < stack->n_lowers; i++)
                lowers[i] = top_first[stack->n_lowers - 1 - i];
        r = c->request->from ? 0 : make_upper(c, top_first, stack->n_lowers, error);
        if (r >= 0) {
                upper = openat(c->staging.fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                work = openat(c->staging.fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                layers.upper = upper;
                layers.work = work;
                fd = upper < 0 || work < 0 ? -errno : overlay_new(&layers);
                if (fd < 0)
                        r = error_errno(error, -fd, "Failed to stack the layers of machine '%s'",
                                        c->request->name);
        }
        if (r >= 0)
                r = identity_reset(fd, c->request->name, error);
        layered_close_lowers(top_first);
        return r;
}

static int fill(Creation *c, Error *error)
{
        SwitchPlace place = { .machine = c->request->name,
                              .state_fd = c->staging.fd,
                              .data_fd = c->staging.fd };
        _cleanup_stack_ Stack stack = STACK_NULL;
        int r = 0;

        if (fchmod(c->staging.fd, 0700) < 0)
                return error_errno(error, errno, "Failed to make the state of machine '%s'",
                                   c->request->name);
        if (c->request->from)
                r = copy_generation(c, error);
        if (r >= 0)
                r = switch_make_ready(&c->store, &place, c->layers, c->progress, NULL, error);
        if (r >= 0)
                r = stack_load(c->staging.fd, &stack, error);
        if (r >= 0 && c->request->from) {
                c->progress->stage = "Copying";
                r = worker_run(copy_upper, c, on_copy, c, error);
                if (r >= 0 && mkdirat(c->staging.fd, "work", 0700) < 0)
                        r = error_errno(error, errno, "Failed to make 'work'");
        }
        if (r >= 0)
                r = give_identity(c, &stack, error);
        (void)unlinkat(c->staging.fd, "lock", 0);
        return r;
}

static int copy_definition_file(const char *from, const char *to, Error *error)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(AT_FDCWD, from, (size_t)1024 * 1024, &text);
        int r;

        if (n < 0)
                return n == -ENOENT ? 0 : error_errno(error, (int)-n, "Failed to read '%s'", from);
        r = write_file_synced_at(AT_FDCWD, to, text, 0644);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", to) : 1;
}

/* 1: there was one in /etc. Drop-ins of all machines count for the copy anyway. */
static int copy_definition(const Creation *c, Error *error)
{
        const char *name = c->request->name, *from = c->request->from;
        _cleanup_free_ char *source = NULL, *target = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        int r;

        if (asprintf(&source, DEFINITIONS "/%s.machine", from) < 0 ||
            asprintf(&target, DEFINITIONS "/%s.machine", name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = copy_definition_file(source, target, error);
        if (r <= 0)
                return r;
        free(source);
        free(target);
        source = target = NULL;
        if (asprintf(&source, DEFINITIONS "/%s.machine.d", from) < 0 ||
            asprintf(&target, DEFINITIONS "/%s.machine.d", name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        d = opendir(source);
        if (d && mkdir(target, 0755) < 0 && errno != EEXIST)
                return error_errno(error, errno, "Failed to make '%s'", target);
        for (struct dirent *e; r >= 0 && d && (e = readdir(d));) {
                _cleanup_free_ char *a = NULL, *b = NULL;

                if (e->d_name[0] == '.')
                        continue;
                if (asprintf(&a, "%s/%s", source, e->d_name) < 0 ||
                    asprintf(&b, "%s/%s", target, e->d_name) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                r = copy_definition_file(a, b, error);
        }
        return r < 0 ? r : 1;
}

/* Nothing of a definition is ever overwritten. */
static int new_definition(const Creation *c, Error *error)
{
        const char *name = c->request->name;
        _cleanup_free_ char *layers = strv_join(c->layers, " "), *path = NULL, *text = NULL;
        int r;

        if (!layers || asprintf(&path, DEFINITIONS "/%s.machine", name) < 0 ||
            asprintf(&text, "# Made by `stead create`; see stead.machine(5).\n[Image]\nLayers=%s\n",
                     layers) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = mkdir_parents_at(AT_FDCWD, DEFINITIONS, 0755);
        if (r >= 0)
                r = write_file_new_at(AT_FDCWD, path, text, 0644);
        if (r == -EEXIST) /* it says nothing of layers, but ports and limits may be in it */
                return layered_set_names(name, c->layers, error);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", path) : 0;
}

static int write_definition(const Creation *c, Error *error)
{
        int r = 0;

        if (c->has_definition)
                return 0;
        if (c->request->from)
                r = copy_definition(c, error);
        return r != 0 ? r : new_definition(c, error);
}

static int ensure_base(Creation *c, Error *error)
{
        _cleanup_free_ char *name = NULL;
        LayerBase base = {};

        if (!c->request->base)
                return 0;
        base.debian = *c->request->base;
        base.name = c->layers[0];
        return layer_base_ensure(&c->store, &base, c->progress, &name, error);
}

int create_layers(const CreateLayers *request, Progress *progress, Error *error)
{
        _cleanup_(creation_done) Creation c = { .request = request,
                                                .progress = progress,
                                                .store = STORE_NULL,
                                                .staging = STAGING_NULL,
                                                .source = LAYERED_NULL,
                                                .source_lock = -EBADF };
        int r = request->from ? open_source(&c, error) : strv_copy(request->layers, &c.layers);

        if (r >= 0)
                r = check_definition(&c, error);
        if (r >= 0)
                r = store_open(NULL, STORE_ADD, &c.store, error);
        if (r >= 0)
                r = ensure_base(&c, error);
        if (r >= 0)
                r = staging_new_state(stack_states(), request->name, &c.staging, error);
        if (r >= 0)
                r = fill(&c, error);
        if (r >= 0)
                r = staging_commit(&c.staging, error);
        if (r < 0)
                return error_errno(error, -r, "Failed to create machine '%s'", request->name);
        r = write_definition(&c, error);
        if (r < 0)
                (void)staging_remove(stack_states(), request->name, NULL);
        return r;
}
