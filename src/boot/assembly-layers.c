/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The root of a machine of layers. All checkouts are in one directory of the store, so one mapped
 * view of that shows them all. The upper layer is mapped, too: on disk it holds owners from 0 on,
 * as a layer does, whatever range the machine has at this start. */

#include "boot/assembly.h"

#include "os/capability.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

void lowers_done(Lowers *l)
{
        for (size_t i = 0; i < l->n; i++)
                closep(&l->fds[i]);
        free(l->fds);
        *l = LOWERS_NULL;
}

/* The data directory, mapped and attached, so that upper and work directory are on one mount. */
static int show_state(Assembly *a, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        int r = state_disk_mount(&a->layers->disk, a->layers->state, error);

        if (r < 0)
                return r;
        fd = assembly_map_consume(a, r, a->tree_map_fd, error);
        if (fd < 0)
                return fd;
        r = assembly_scratch(a, fd, error);
        return r < 0 ? r : TAKE_FD(fd);
}

static int open_state(const Assembly *a, int state, const char *name, Error *error)
{
        int fd = openat(state, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? error_errno(error, errno, "Failed to open '%s/%s'", a->layers->state, name)
                      : fd;
}

/* What the machine has written, if it has. */
static int add_state(Assembly *a, Lowers *l, Error *error)
{
        _cleanup_close_ int state = -EBADF;
        int fd;

        if (faccessat(a->layers->disk.fd, STATE_UPPER, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        state = show_state(a, error);
        if (state < 0)
                return state;
        fd = open_state(a, state, STATE_UPPER, error);
        if (fd < 0)
                return fd;
        l->fds[l->n++] = fd;
        return 0;
}

/* Of a try: what the machine itself has written. */
static int add_below(Assembly *a, Lowers *l, Error *error)
{
        _cleanup_close_ int view =
                assembly_clone_mapped(a, AT_FDCWD, a->layers->below, a->tree_map_fd, error);
        int r = view < 0 ? view : assembly_scratch(a, view, error);

        if (r >= 0)
                l->fds[l->n++] = TAKE_FD(view);
        return r;
}

int assembly_lowers(Assembly *a, bool with_state, Lowers *ret, Error *error)
{
        const LayerRoot *layers = a->layers;
        _cleanup_lowers_ Lowers l = { .fds = calloc(layers->n + 2, sizeof(int)) };
        _cleanup_close_ int all = -EBADF;
        int r;

        if (!l.fds)
                return error_set(error, ENOMEM, "Out of memory");
        all = assembly_clone_mapped(a, AT_FDCWD, layers->checkouts, a->tree_map_fd, error);
        if (all < 0)
                return all;
        r = assembly_scratch(a, all, error);
        if (r < 0)
                return r;
        for (; l.n < layers->n; l.n++) {
                l.fds[l.n] = layer_root_open_layer(layers, l.n, all, error);
                if (l.fds[l.n] < 0)
                        return l.fds[l.n];
        }
        r = layers->below ? add_below(a, &l, error) : 0;
        if (r >= 0 && with_state)
                r = add_state(a, &l, error);
        if (r < 0)
                return r;
        *ret = l;
        l = LOWERS_NULL;
        return 0;
}

/* Mounted by the machine's root, whom a quota binds. */
static int mount_overlay(Assembly *a, const Lowers *l, int upper, int work, Error *error)
{
        Creator creator = CREATOR_NULL;
        CapabilitySet had = 0;
        int r = creator_enter(a->mapped ? a->base : 0, &creator), fd;

        if (r < 0)
                return error_errno(error, -r, "Failed to create files as user %u", a->base);
        r = capability_suspend(CAP_BIT(CAP_SYS_RESOURCE), &had);
        fd = r < 0 ? error_errno(error, -r, "Failed to give up CAP_SYS_RESOURCE")
                   : assembly_overlay(a, l->fds, l->n, upper, work, error);
        capability_resume(had);
        creator_leave(&creator);
        return fd;
}

/* Whoever mounts an overlay is who writes to its upper layer ever after. He needs a place in that
 * one's map, or the kernel mounts it read-only without a word: so he is the machine's root. And he
 * must not be one whom no quota binds. */
static int make_writable(Assembly *a, const Lowers *l, Error *error)
{
        _cleanup_close_ int state = -EBADF, upper = -EBADF, work = -EBADF;
        const StateDisk *disk = &a->layers->disk;
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = layer_root_make_upper(a->layers, error), fd;
        uint64_t limit;

        if (r < 0)
                return r;
        state = show_state(a, error);
        if (state < 0)
                return state;
        upper = open_state(a, state, STATE_UPPER, error);
        work = upper < 0 ? upper : open_state(a, state, STATE_WORK, error);
        if (work < 0)
                return work;
        fd = mount_overlay(a, l, upper, work, &problem);
        /* a machine that is full must start, for it is inside that files are removed */
        if (fd == -EROFS && state_disk_make_room(disk, &limit) > 0) {
                fd = mount_overlay(a, l, upper, work, error);
                state_disk_end_room(disk, limit);
                return fd;
        }
        return fd < 0 ? error_move(error, &problem) : fd;
}

int assembly_layered_root(Assembly *a, bool writable, Error *error)
{
        _cleanup_lowers_ Lowers l = LOWERS_NULL;
        int r = assembly_lowers(a, !writable, &l, error);

        if (r < 0)
                return r;
        if (writable)
                return make_writable(a, &l, error);
        if (l.n > 1)
                return assembly_overlay(a, l.fds, l.n, -EBADF, -EBADF, error);
        /* one layer is no overlay; the mount that it is of is mapped already */
        return assembly_clone_mapped(a, l.fds[0], "", -EBADF, error);
}
