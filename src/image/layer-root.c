/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From names of layers to open directories. */

#include "image/layer-root.h"

#include "base/fd.h"
#include "base/strv.h"
#include "image/layer-switch.h"
#include "image/private-mounts.h"
#include "os/mount.h"
#include "os/overlay.h"
#include "os/userns.h"
#include "stack/stack.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>

#define TRIES 3 /* a garbage collection may take away what was made a moment ago */

static int out_of_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

static void close_layers(LayerRoot *l)
{
        for (size_t i = 0; l->fds && i < l->n; i++)
                closep(&l->fds[i]);
        free(l->fds);
        l->fds = NULL;
        l->trees = strv_free(l->trees);
        l->n = 0;
}

LayerRoot *layer_root_free(LayerRoot *l)
{
        if (!l)
                return NULL;
        layer_root_end_view(l);
        close_layers(l);
        state_disk_close(&l->disk);
        closep(&l->lock_fd);
        closep(&l->state_fd);
        strv_free(l->names);
        free(l->store);
        free(l->checkouts);
        free(l->state);
        free(l->below);
        free(l->machine);
        free(l);
        return NULL;
}

static int layer_root_new(const char *machine, char *const *layers, LayerRoot **ret, Error *error)
{
        _cleanup_layer_root_ LayerRoot *l = calloc(1, sizeof(*l));
        const char *store = store_place();

        if (!l)
                return out_of_memory(error);
        l->state_fd = l->lock_fd = l->view_fd = -EBADF;
        l->disk = STATE_DISK_NULL;
        l->machine = strdup(machine);
        l->store = strdup(store);
        if (!l->machine || !l->store || strv_copy(layers, &l->names) < 0)
                return out_of_memory(error);
        if (asprintf(&l->checkouts, "%s/checkouts", store) < 0) {
                l->checkouts = NULL;
                return out_of_memory(error);
        }
        if (asprintf(&l->state, "%s/%s", stack_states(), machine) < 0) {
                l->state = NULL;
                return out_of_memory(error);
        }
        *ret = TAKE_PTR(l);
        return 0;
}

/* 1: it is as it is to be. @s: empty if there is none yet. */
static int load_stack(const LayerRoot *l, Stack *s, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        unsigned wanted;
        int r = stack_load(l->state_fd, s, &problem);

        if (r < 0 && r != -ENOENT)
                return error_move(error, &problem);
        r = generation_wanted(l->state_fd, &wanted, error);
        return r < 0 ? r : stack_is_ready(s, wanted, l->names, l->store);
}

/* A machine whose update cannot be made runs on as it was. */
static int keep_old_stack(const LayerRoot *l, Stack *s, Error *problem, Error *error)
{
        int r = stack_load(l->state_fd, s, error);

        if (r < 0)
                return r;
        if (!stack_is_ready(s, s->generation, l->names, l->store))
                return error_move(error, problem); /* these are not the layers that it is to have */
        error_print(problem);
        fprintf(stderr, "Machine '%s' starts on its generation %u all the same.\n", l->machine,
                s->generation);
        return 0;
}

static int make_stack(const LayerRoot *l, Stack *s, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = layer_switch_run(l->machine, l->names, l->lock_fd, l->disk.fd, &problem);

        stack_done(s);
        if (r == -ESTALE)
                return keep_old_stack(l, s, &problem, error);
        if (r < 0)
                return error_move(error, &problem);
        r = load_stack(l, s, error);
        if (r != 0)
                return r;
        return error_set(error, EBADMSG,
                         "The stack of machine '%s' is not what it is to be even now that it was "
                         "made",
                         l->machine);
}

/* The stack as it is to be, made so if it is not. */
static int ready_stack(const LayerRoot *l, Stack *ret, Error *error)
{
        _cleanup_stack_ Stack s = STACK_NULL;
        int r = load_stack(l, &s, error);

        if (r == 0 && l->lock_fd < 0) {
                error_hint(error, "stead start %s", l->machine);
                return error_set(error, ENOENT,
                                 "The layers of machine '%s' are not together yet as they are "
                                 "to be; its next start does that",
                                 l->machine);
        }
        if (r == 0)
                r = make_stack(l, &s, error);
        if (r < 0)
                return r;
        *ret = s;
        s = STACK_NULL;
        return 0;
}

/* -ESTALE: it was removed in between. */
static int open_locked(const char *checkouts, const char *tree, int *ret)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (asprintf(&path, "%s/%s", checkouts, tree) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESTALE : -errno;
        do
                r = flock(fd, LOCK_SH);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        if (stat(path, &st) < 0)
                return errno == ENOENT ? -ESTALE : -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static int open_layers(LayerRoot *l, const Stack *s, Error *error)
{
        l->fds = calloc(s->n_lowers, sizeof(int));
        if (!l->fds)
                return out_of_memory(error);
        for (size_t i = 0; i < s->n_lowers; i++) {
                char tree[HASH_TEXT_SIZE];
                int r = strv_push(&l->trees, hash_to_string(&s->lowers[i].tree, tree));

                if (r >= 0)
                        r = open_locked(l->checkouts, tree, &l->fds[i]);
                if (r < 0) {
                        error_hint(error, "stead layer fsck");
                        return error_errno(error, -r,
                                           "Failed to open layer '%s' of machine '%s' in '%s'",
                                           s->lowers[i].name, l->machine, l->checkouts);
                }
                l->n = i + 1;
        }
        l->generation = s->generation;
        return 0;
}

static int take_layers(LayerRoot *l, Error *error)
{
        for (unsigned try = 1;; try++) {
                _cleanup_error_ Error problem = ERROR_NULL;
                _cleanup_stack_ Stack s = STACK_NULL;
                int r = ready_stack(l, &s, &problem);

                if (r >= 0)
                        r = open_layers(l, &s, &problem);
                if (r >= 0)
                        return 0;
                close_layers(l);
                if (r != -ESTALE || try == TRIES)
                        return error_move(error, &problem);
        }
}

static int open_state(LayerRoot *l, bool look_only, Error *error)
{
        int r = generation_open_state(l->machine, !look_only, &l->state_fd, error);

        if (r == -ENOENT)
                error_hint(error, "stead start %s  (makes its directory)", l->machine);
        if (r < 0 || look_only)
                return r;
        return generation_lock_state(l->state_fd, l->machine, false, &l->lock_fd, error);
}

int layer_root_open(const char *machine, char *const *layers, uint64_t disk_max, bool look_only,
                    LayerRoot **ret, Error *error)
{
        _cleanup_layer_root_ LayerRoot *l = NULL;
        int r = layer_root_new(machine, layers, &l, error);

        if (r >= 0)
                r = open_state(l, look_only, error);
        if (r >= 0)
                r = state_disk_open(l->state_fd, l->state, machine, disk_max, look_only, &l->disk,
                                    error);
        if (r >= 0)
                r = take_layers(l, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

static int find_below(LayerRoot *l, Error *error)
{
        if (faccessat(l->state_fd, "state.img", F_OK, AT_SYMLINK_NOFOLLOW) >= 0) {
                error_hint(error, "stead create NEW LAYER...; stead try NEW -- ...");
                return error_set(error, EOPNOTSUPP,
                                 "The state of machine '%s' is a file system of its own "
                                 "(DiskMax=), on which nothing can be tried",
                                 l->machine);
        }
        if (faccessat(l->state_fd, STATE_UPPER, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0; /* it has never run */
        if (asprintf(&l->below, "%s/" STATE_UPPER, l->state) < 0) {
                l->below = NULL;
                return out_of_memory(error);
        }
        return 0;
}

/* The try is a directory of the same form as the machine's own. */
static int enter_try(LayerRoot *l, Error *error)
{
        char *state = NULL;

        if (asprintf(&state, "%s/" STATE_TRY, l->state) < 0)
                return out_of_memory(error);
        free(l->state);
        l->state = state;
        l->is_try = true;
        if (mkdirat(l->state_fd, STATE_TRY, 0700) < 0 && errno != EEXIST)
                return error_errno(error, errno, "Failed to make '%s'", state);
        l->disk.fd =
                openat(l->state_fd, STATE_TRY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (l->disk.fd < 0)
                return error_errno(error, errno, "Failed to open '%s'", state);
        if (generation_lock_state(l->disk.fd, l->machine, false, &l->lock_fd, NULL) >= 0)
                return 0;
        error_hint(error, "stead stop %s-try", l->machine);
        return error_set(error, EBUSY, "Something is being tried on machine '%s' just now",
                         l->machine);
}

static int take_names(LayerRoot *l, const Stack *s, Error *error)
{
        for (size_t i = 0; i < s->n_lowers; i++)
                if (strcmp(s->lowers[i].name, "-") != 0 &&
                    strv_push(&l->names, s->lowers[i].name) < 0)
                        return out_of_memory(error);
        return 0;
}

int layer_root_open_try(const char *machine, LayerRoot **ret, Error *error)
{
        _cleanup_layer_root_ LayerRoot *l = NULL;
        _cleanup_stack_ Stack s = STACK_NULL;
        int r = layer_root_new(machine, NULL, &l, error);

        if (r >= 0)
                r = generation_open_state(machine, false, &l->state_fd, error);
        if (r >= 0)
                r = stack_load(l->state_fd, &s, error);
        if (r >= 0)
                r = open_layers(l, &s, error);
        if (r >= 0)
                r = take_names(l, &s, error);
        if (r >= 0)
                r = find_below(l, error);
        if (r >= 0)
                r = enter_try(l, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

int layer_root_refresh(LayerRoot *l, Error *error)
{
        LayerRoot old = *l;
        unsigned wanted;
        int r = l->is_try ? 0 : generation_wanted(l->state_fd, &wanted, error);

        if (r < 0 || l->is_try || wanted == l->generation)
                return r;
        l->fds = NULL;
        l->trees = NULL;
        l->n = 0;
        r = take_layers(l, error);
        if (r < 0) {
                *l = old;
                return r;
        }
        close_layers(&old);
        return 0;
}

int layer_root_open_layer(const LayerRoot *l, size_t i, int dirfd, Error *error)
{
        _cleanup_close_ int fd =
                openat(dirfd, l->trees[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat here, locked;

        if (fd < 0 || fstat(fd, &here) < 0 || fstat(l->fds[i], &locked) < 0)
                return error_errno(error, errno, "Failed to open '%s/%s'", l->checkouts,
                                   l->trees[i]);
        if (here.st_dev != locked.st_dev || here.st_ino != locked.st_ino)
                return error_set(error, ESTALE, "'%s/%s' was replaced during the start",
                                 l->checkouts, l->trees[i]);
        return TAKE_FD(fd);
}

int layer_root_make_upper(const LayerRoot *l, Error *error)
{
        struct stat st;
        int r = 0;

        if (l->disk.fd < 0)
                return 0; /* only looked at */
        if (fstat(l->fds[l->n - 1], &st) < 0)
                r = -errno;
        /* under another name until the mode is right, which is that of the machine's "/" */
        else if (faccessat(l->disk.fd, STATE_UPPER, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                r = (mkdirat(l->disk.fd, STATE_UPPER ".new", 0700) < 0 && errno != EEXIST) ||
                                    fchmodat(l->disk.fd, STATE_UPPER ".new", st.st_mode & 07777,
                                             0) < 0 ||
                                    renameat(l->disk.fd, STATE_UPPER ".new", l->disk.fd,
                                             STATE_UPPER) < 0
                            ? -errno
                            : 0;
        if (r >= 0 && mkdirat(l->disk.fd, STATE_WORK, 0700) < 0 && errno != EEXIST)
                r = -errno;
        return r < 0 ? error_errno(error, -r, "Failed to make the upper layer in '%s'", l->state)
                     : 0;
}

static int make_view(const LayerRoot *l, const int *lowers, size_t n, Error *error)
{
        int fd;

        if (n == 1) {
                fd = fcntl(lowers[0], F_DUPFD_CLOEXEC, 3);
                return fd < 0 ? error_errno(error, errno, "Failed to keep a descriptor") : fd;
        }
        fd = overlay_new(&(OverlayLayers){ .lowers = lowers,
                                           .n_lowers = n,
                                           .upper = -EBADF,
                                           .work = -EBADF,
                                           .user_xattr = !userns_is_initial(),
                                           .attributes = MOUNT_ATTR_RDONLY });
        if (fd < 0) {
                error_errno(error, -fd, "Failed to look at the layers of machine '%s' together",
                            l->machine);
                error_hint(error, fd == -EPERM ? "run as root" : "modprobe overlay; dmesg | tail");
        }
        return fd;
}

/* Opens the layers below @checkouts, what a try is made on, and what was written in @data if there
 * is anything. */
static int view_of(const LayerRoot *l, int checkouts, int data, Error *error)
{
        _cleanup_free_ int *lowers = calloc(l->n + 2, sizeof(int));
        size_t n = 0;
        int r = lowers ? 0 : out_of_memory(error);

        for (; r >= 0 && n < l->n; n++) {
                lowers[n] = layer_root_open_layer(l, n, checkouts, error);
                if (lowers[n] < 0)
                        r = lowers[n];
        }
        if (r >= 0 && l->below) {
                lowers[n] = open(l->below, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (lowers[n] < 0)
                        r = error_errno(error, errno, "Failed to open '%s'", l->below);
                else
                        n++;
        }
        if (r >= 0 && data >= 0) {
                lowers[n] =
                        openat(data, STATE_UPPER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                n += lowers[n] >= 0;
        }
        if (r >= 0)
                r = make_view(l, lowers, n, error);
        for (size_t i = 0; lowers && i < n; i++)
                closep(&lowers[i]);
        return r;
}

/* An overlay takes only what is attached in our mount namespace: in a private one the machine's
 * file system is on its directory. */
static int view_elsewhere(const void *argument, Error *error)
{
        const LayerRoot *l = argument;
        _cleanup_close_ int checkouts = -EBADF, data = state_disk_mount(&l->disk, l->state, error);
        int r;

        if (data < 0)
                return data;
        r = mount_attach(data, AT_FDCWD, l->state);
        if (r < 0)
                return error_errno(error, -r, "Failed to mount on '%s'", l->state);
        checkouts = open(l->checkouts, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (checkouts < 0)
                return error_errno(error, errno, "Failed to open '%s'", l->checkouts);
        return view_of(l, checkouts, data, error);
}

static int find_view(const LayerRoot *l, Error *error)
{
        _cleanup_close_ int checkouts = -EBADF;

        if (l->disk.detached && l->disk.fd >= 0)
                return private_mounts_run(view_elsewhere, l, error);
        checkouts = open(l->checkouts, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (checkouts < 0)
                return error_errno(error, errno, "Failed to open '%s'", l->checkouts);
        return view_of(l, checkouts, l->disk.fd, error);
}

int layer_root_view(LayerRoot *l, Error *error)
{
        if (l->view_fd < 0)
                l->view_fd = find_view(l, error);
        return l->view_fd;
}

void layer_root_end_view(LayerRoot *l)
{
        closep(&l->view_fd);
        l->view_fd = -EBADF;
}
