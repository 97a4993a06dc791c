/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The creating side of a copy: where it goes, and what is done about each entry that arrives. */

#include "image/copy.h"

#include "base/fd.h"
#include "image/copy-make.h"
#include "os/path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel follows, path_resolution(7) */

/* What a copy of the entry is called here. */
static const char *name_of(const Receiver *c, const CopyEntry *e)
{
        return receiver_is_at_root(c) ? c->name : e->name;
}

static int refuse_device(const Receiver *c, const CopyEntry *e, Error *error)
{
        if (!receiver_is_at_root(c)) {
                receiver_note(c, COPY_NOTE_DEVICE, e->name);
                return 0;
        }
        error_hint(error, "--devices copies the node, not what is on the device");
        return error_set(error, EINVAL, "It is a device node");
}

static bool is_device(const CopyEntry *e)
{
        return e->kind == COPY_NODE && (S_ISBLK(e->mode) || S_ISCHR(e->mode));
}

static int make(Receiver *c, const CopyEntry *e, Error *error)
{
        const char *name = name_of(c, e);
        int r;

        if (receiver_is_at_root(c) && c->began)
                return error_set(error, EBADMSG, "The other side of the copy makes no sense");
        c->began = c->began || receiver_is_at_root(c);
        if (e->kind != COPY_DIRECTORY && receiver_is_at_root(c) && (c->directory_wanted || !*name))
                return error_errno(error, ENOTDIR, "Cannot write to '%s'",
                                   c->target->options.label);
        if (is_device(e) && !c->target->devices)
                return refuse_device(c, e, error);
        if (e->kind == COPY_DIRECTORY)
                r = copy_make_directory(c, e, name);
        else if (e->kind == COPY_FILE)
                r = copy_make_file(c, e, name);
        else if (e->kind == COPY_LINK)
                r = copy_make_link(c, e, name);
        else
                r = copy_make_other(c, e, name);
        if (r >= 0)
                return r;
        r = receiver_failed(c, e->name, r, error, "make");
        if (r >= 0 && e->kind == COPY_DIRECTORY)
                r = receiver_push(c, FRAME_SKIPPED, -EBADF, e->name, "");
        return r;
}

static int on_entry(Receiver *c, const CopyEntry *e, Error *error)
{
        bool skipped = receiver_top(c)->kind == FRAME_SKIPPED;
        int r;

        if (e->kind == COPY_ATTRIBUTE)
                return copy_attributes_add(&c->attributes, e);
        if (e->kind == COPY_LEAVE)
                r = copy_leave_directory(c, e, error);
        else if (skipped && e->kind == COPY_DIRECTORY)
                r = receiver_push(c, FRAME_SKIPPED, -EBADF, e->name, "");
        else
                r = skipped ? 0 : make(c, e, error);
        copy_attributes_clear(&c->attributes);
        return r;
}

/* Where the copy goes: into an existing directory, or in place of something, or to a new name. A
 * link at the end is followed, as cp(1) does. */
static int find_place(Receiver *c, Error *error)
{
        const CopyTarget *t = c->target;
        _cleanup_free_ char *path = strdup(t->path);
        int r = path ? 0 : -ENOMEM;

        for (int i = 0; r >= 0 && i < LINKS_MAX; i++) {
                _cleanup_close_ int fd = path_open(t->root_fd, path, O_RDONLY | O_DIRECTORY, 0);
                char link[PATH_MAX], *next = NULL;
                size_t length = strlen(path);
                const char *name;
                ssize_t n;

                if (fd >= 0) {
                        c->name = strdup(t->name);
                        c->name_shown = true;
                        r = receiver_push(c, FRAME_THERE, TAKE_FD(fd), "", "");
                        return c->name ? r : -ENOMEM;
                }
                if (t->must_be_directory || (fd != -ENOENT && fd != -ENOTDIR && fd != -ELOOP))
                        return fd;
                for (; length > 1 && path[length - 1] == '/'; c->directory_wanted = true)
                        path[--length] = '\0';
                fd = path_open_parent(t->root_fd, path, &name);
                if (fd < 0)
                        return fd;
                if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                        return -ENOENT;
                n = readlinkat(fd, name, link, sizeof(link) - 1);
                if (n < 0) {
                        c->name = strdup(name);
                        r = receiver_push(c, FRAME_THERE, TAKE_FD(fd), "", "");
                        return c->name ? r : -ENOMEM;
                }
                link[n] = '\0';
                if (link[0] == '/')
                        next = strdup(link);
                else if (asprintf(&next, "%.*s%s", (int)(name - path), path, link) < 0)
                        next = NULL;
                free(path);
                path = next;
                r = path ? 0 : -ENOMEM;
        }
        return r < 0 ? r : -ELOOP;
}

static int explain_place(const Receiver *c, int r, Error *error)
{
        const CopyTarget *t = c->target;

        if (r == -ENOENT && t->must_be_directory)
                return error_set(error, ENOENT,
                                 "There is no directory '%s' to copy several things into",
                                 t->options.label);
        return error_errno(error, -r, "Cannot write to '%s'", t->options.label);
}

static int receive_all(Receiver *c, Error *error)
{
        int socket_fd = c->target->options.socket_fd, r;

        for (;;) {
                CopyEntry entry;

                r = copy_entry_receive(socket_fd, c->buffer, &entry);
                if (r == 0)
                        return -ECONNABORTED;
                if (r < 0)
                        return error_errno(error, -r,
                                           "Failed to talk to the other side of the copy");
                if (entry.kind == COPY_END)
                        break;
                r = on_entry(c, &entry, error);
                closep(&entry.fd);
                if (r < 0)
                        return r;
        }
        if (!receiver_is_at_root(c))
                return -ECONNABORTED;
        r = copy_entry_send(socket_fd,
                            &(CopyEntry){ .kind = COPY_END, .name = "", .text = "", .fd = -EBADF });
        return r == -EPIPE ? -ECONNABORTED : r;
}

int copy_receive(const CopyTarget *target, Error *error)
{
        Receiver c = { .target = target,
                       .data = { .watch_fd = target->options.socket_fd },
                       .buffer = malloc(COPY_PACKET_MAX + 1) };
        struct rlimit limit;
        int r = c.buffer ? 0 : error_set(error, ENOMEM, "Out of memory");

        (void)umask(0); /* modes are those of the source */
        if (getrlimit(RLIMIT_NOFILE, &limit) >= 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit); /* a descriptor for each level */
        }
        if (r >= 0) {
                r = find_place(&c, error);
                if (r < 0)
                        (void)explain_place(&c, r, error);
        }
        if (r >= 0)
                r = receive_all(&c, error);
        receiver_done(&c);
        return r;
}
