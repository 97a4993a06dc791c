/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making what is carried. Directories get their attributes last, from the deepest, so that what
 * comes into them changes nothing of theirs. */

#include "image/carry.h"

#include "base/fd.h"
#include "os/copy-data.h"
#include "os/path.h"
#include "store/inode.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The same place in both trees: the directory, and the name in it. */
typedef struct Pair {
        int from, to;
        const char *name; /* "." for the root itself */
} Pair;

static void pair_done(Pair *p)
{
        closep(&p->from);
        closep(&p->to);
}

static int pair_open(const Carry *c, int target_fd, const char *path, Pair *ret)
{
        const char *name, *same;

        ret->from = path_open_parent(c->root_fd, path, &name);
        if (ret->from < 0)
                return ret->from;
        ret->to = path_open_parent(target_fd, path, &same);
        if (ret->to < 0)
                return ret->to;
        ret->name = *name ? name : ".";
        return 0;
}

static int set_attributes(const Pair *p, const Entry *e)
{
        char path[64 + NAME_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", fd_path(p->to).path, p->name);
        return inode_set_attributes(path, e);
}

static int make_file(const Pair *p, DataCopier *copier)
{
        /* a machine that runs in the tree may have put a fifo in its place */
        _cleanup_close_ int from = path_open_regular(p->from, p->name), to = -EBADF;

        if (from < 0)
                return from;
        to = openat(p->to, p->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return to < 0 ? -errno : copy_data(copier, from, to);
}

static int make_item(const Carry *c, const CarryItem *item, int target_fd, DataCopier *copier)
{
        _cleanup_(entry_done) Entry e = ENTRY_NULL;
        _cleanup_(pair_done) Pair p = { -EBADF, -EBADF, NULL };
        int r = pair_open(c, target_fd, item->path, &p);

        if (r < 0)
                return r;
        if (S_ISDIR(item->type))
                return mkdirat(p.to, p.name, 0700) < 0 ? -errno : 0;
        r = inode_read(p.from, p.name, &e);
        if (r >= 0 && S_ISLNK(item->type))
                r = symlinkat(item->target, p.to, p.name) < 0 ? -errno : 0;
        else if (r >= 0)
                r = make_file(&p, copier);
        return r < 0 ? r : set_attributes(&p, &e);
}

static int finish_directory(const Carry *c, const char *path, int target_fd)
{
        _cleanup_(entry_done) Entry e = ENTRY_NULL;
        _cleanup_(pair_done) Pair p = { -EBADF, -EBADF, NULL };
        int r = pair_open(c, target_fd, path, &p);

        if (r >= 0)
                r = inode_read(p.from, p.name, &e);
        return r < 0 ? r : set_attributes(&p, &e);
}

int carry_copy(const Carry *c, int target_fd, Error *error)
{
        DataCopier copier = { .watch_fd = -EBADF };
        const char *at = "/";
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->n; i++) {
                at = c->items[i].path;
                r = make_item(c, &c->items[i], target_fd, &copier);
        }
        data_copier_done(&copier);
        for (size_t i = c->n; r >= 0 && i > 0; i--)
                if (S_ISDIR(c->items[i - 1].type)) {
                        at = c->items[i - 1].path;
                        r = finish_directory(c, at, target_fd);
                }
        return r < 0 ? error_errno(error, -r, "Failed to copy '%s'", at) : 0;
}
