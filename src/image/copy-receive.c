/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The creating side of a copy. Everything is made by one name in an open directory and set up
 * through its own descriptor. In a directory that was there before, an entry is made under another
 * name and gets its own when it is complete; in one of ours nobody looks yet. */

#include "image/copy.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "image/copy-attribute.h"
#include "image/copy-entry.h"
#include "os/copy-data.h"
#include "os/path.h"
#include "os/remove-tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

#define NOBODY 65534U
#define LINKS_MAX 40 /* as the kernel follows, path_resolution(7) */
#define STAGED_NAME_SIZE 64

typedef enum FrameKind {
        FRAME_THERE,   /* was there before: entries are staged, it keeps what it has */
        FRAME_STAGED,  /* ours, under another name until it is complete */
        FRAME_OURS,    /* ours, inside of a staged one */
        FRAME_SKIPPED, /* could not be made: so is nothing in it */
} FrameKind;

/* A directory that we are in. */
typedef struct Frame {
        FrameKind kind;
        int fd;
        char *name; /* in the frame below, as it will be; "" for the first two */
        char staged[STAGED_NAME_SIZE];
} Frame;

typedef struct Receiver {
        const CopyTarget *target;
        Frame *frames; /* the first is where the copy goes */
        size_t n, n_allocated;
        char *name; /* of the copy there; "": it is the directory itself */
        bool name_shown, directory_wanted, began;
        CopyAttributes attributes;
        DataCopier data;
        unsigned n_staged;
        char *buffer;
} Receiver;

static Frame *top(const Receiver *c)
{
        return &c->frames[c->n - 1];
}

static bool at_root(const Receiver *c)
{
        return c->n == 1;
}

/* How the entry @name in the directory where we are is called for people. */
static const char *shown(const Receiver *c, const char *name, Buffer *text)
{
        buffer_puts(text, c->target->options.label);
        if (c->name_shown && *c->name)
                buffer_printf(text, "%s%s", text->data[text->size - 1] == '/' ? "" : "/", c->name);
        for (size_t i = 2; i < c->n; i++)
                buffer_printf(text, "/%s", c->frames[i].name);
        if (!at_root(c) && *name)
                buffer_printf(text, "/%s", name);
        return buffer_error(text) < 0 ? c->target->options.label : text->data;
}

static bool is_fatal(int r)
{
        return r == -ENOSPC || r == -EDQUOT || r == -EROFS || r == -ECONNABORTED || r == -ENOMEM;
}

static int failed(const Receiver *c, const char *name, int r, Error *error, const char *what)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        const char *path = shown(c, name, &text);

        if (r == -ECONNABORTED)
                return r;
        if (is_fatal(r))
                return error_errno(error, -r, "Failed to %s '%s'", what, path);
        return copy_failed(&c->target->options, path, r, error, what);
}

static void note(const Receiver *c, CopyNoteKind kind, const char *name)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        copy_note(c->target->options.totals, kind, shown(c, name, &text));
}

/* Takes @fd. */
static int push(Receiver *c, FrameKind kind, int fd, const char *name, const char *staged)
{
        if (c->n == c->n_allocated) {
                size_t n = c->n_allocated > 0 ? 2 * c->n_allocated : 16;
                Frame *grown = reallocarray(c->frames, n, sizeof(Frame));

                if (!grown) {
                        closep(&fd);
                        return -ENOMEM;
                }
                c->frames = grown;
                c->n_allocated = n;
        }
        c->frames[c->n] = (Frame){ .kind = kind, .fd = fd, .name = strdup(name) };
        (void)snprintf(c->frames[c->n].staged, STAGED_NAME_SIZE, "%s", staged);
        c->n++; /* also without memory for its name: it is to be cleaned up */
        return top(c)->name ? 0 : -ENOMEM;
}

static void pop(Receiver *c)
{
        Frame *f = top(c);

        closep(&f->fd);
        free(f->name);
        c->n--;
}

/* The name under which an entry is made. */
static const char *made_as(Receiver *c, const char *name, char staged[STAGED_NAME_SIZE])
{
        if (top(c)->kind != FRAME_THERE) {
                staged[0] = '\0';
                return name;
        }
        (void)snprintf(staged, STAGED_NAME_SIZE, ".#stead-cp-%s-%x", c->target->options.token,
                       c->n_staged++);
        return staged;
}

/* Gives the entry its own name, in place of what has it. */
static int settle(const Receiver *c, const char *staged, const char *name)
{
        int dirfd = top(c)->fd;

        if (!staged[0])
                return 0;
        if (renameat(dirfd, staged, dirfd, name) < 0)
                return -errno;
        (void)unlinkat(dirfd, staged, 0); /* two names of one file: rename(2) then does nothing */
        return 0;
}

/* A file is never put in place of a directory, and this is better known before it is copied. */
static int check_place(const Receiver *c, const char *name)
{
        struct stat st;

        if (top(c)->kind == FRAME_THERE &&
            fstatat(top(c)->fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISDIR(st.st_mode))
                return -EISDIR;
        return 0;
}

static uint32_t known(const CopyTarget *t, uint32_t id, bool *lost)
{
        if (t->size == 0 || id < t->size)
                return id;
        *lost = true;
        return NOBODY;
}

static void owner_of(const Receiver *c, const CopyEntry *e, uid_t *ret_uid, gid_t *ret_gid)
{
        const CopyTarget *t = c->target;
        bool lost = false;

        *ret_uid = t->uid != (uid_t)-1 ? t->uid : known(t, e->uid, &lost);
        *ret_gid = t->gid != (gid_t)-1 ? t->gid : known(t, e->gid, &lost);
        if (lost)
                note(c, COPY_NOTE_OWNER, e->name);
}

static void apply_attributes(Receiver *c, const CopyEntry *e, CopyPlace place)
{
        CopyLoss loss = {};

        copy_attributes_apply(&c->attributes, place, c->target->size, &loss);
        if (loss.owner)
                note(c, COPY_NOTE_OWNER, e->name);
        if (loss.attribute)
                note(c, COPY_NOTE_ATTRIBUTE, e->name);
}

/* Of a file or directory of ours that is open. Attributes after the owner, whose change takes file
 * capabilities away; the mode after both. */
static int set_metadata(Receiver *c, const CopyEntry *e, int fd)
{
        const struct timespec times[2] = { e->accessed, e->modified };
        mode_t mode = e->mode & 07777;
        uid_t uid;
        gid_t gid;

        owner_of(c, e, &uid, &gid);
        if (fchown(fd, uid, gid) < 0)
                return -errno;
        apply_attributes(c, e, (CopyPlace){ .fd = fd });
        if (at_root(c) && e->kind == COPY_FILE && c->target->mode != (mode_t)-1)
                mode = c->target->mode;
        if (fchmod(fd, mode) < 0 || futimens(fd, times) < 0)
                return -errno;
        return 0;
}

/* The sender sees users that its side does not know as nobody. With the host's eyes one sees who
 * they are. */
static void look_for_strangers(const Receiver *c, const CopyEntry *e)
{
        const CopyTarget *t = c->target;
        struct stat st;

        if (t->source_size == 0 || (e->uid != NOBODY && e->gid != NOBODY) || fstat(e->fd, &st) < 0)
                return;
        if (st.st_uid - t->source_base >= t->source_size ||
            st.st_gid - t->source_base >= t->source_size)
                note(c, COPY_NOTE_OWNER, e->name);
}

static int make_file(Receiver *c, const CopyEntry *e, const char *name)
{
        _cleanup_close_ int fd = -EBADF;
        char staged[STAGED_NAME_SIZE];
        const char *as = made_as(c, name, staged);
        int r = check_place(c, name);

        if (r < 0)
                return r;
        fd = openat(top(c)->fd, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (staged[0])
                copy_attributes_disinherit((CopyPlace){ .fd = fd });
        look_for_strangers(c, e);
        r = copy_data(&c->data, e->fd, fd);
        if (r >= 0)
                r = set_metadata(c, e, fd);
        if (r >= 0)
                r = settle(c, staged, name);
        if (r < 0)
                (void)unlinkat(top(c)->fd, as, 0); /* half a file is none */
        return r;
}

/* Owner and times of what cannot be opened. It is held first and looked at: whoever may write to
 * the directory could have put something else there. */
static int set_other_metadata(Receiver *c, const CopyEntry *e, const char *as)
{
        const struct timespec times[2] = { e->accessed, e->modified };
        _cleanup_close_ int fd = openat(top(c)->fd, as, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        uid_t uid;
        gid_t gid;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if ((st.st_mode & S_IFMT) != (e->mode & S_IFMT) || st.st_nlink != 1)
                return -ESTALE;
        owner_of(c, e, &uid, &gid);
        if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (c->attributes.n > 0 && fchdir(top(c)->fd) >= 0)
                apply_attributes(c, e, (CopyPlace){ .fd = -EBADF, .name = as });
        if (utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

static int make_other(Receiver *c, const CopyEntry *e, const char *name)
{
        char staged[STAGED_NAME_SIZE];
        const char *as = made_as(c, name, staged);
        int r = check_place(c, name);

        if (r < 0)
                return r;
        if (e->kind == COPY_SYMLINK ? symlinkat(e->text, top(c)->fd, as) < 0
                                    : mknodat(top(c)->fd, as, e->mode, e->device) < 0)
                return -errno;
        r = set_other_metadata(c, e, as);
        if (r >= 0)
                r = settle(c, staged, name);
        if (r < 0)
                (void)unlinkat(top(c)->fd, as, 0); /* incomplete */
        return r;
}

/* The directory of a path that was sent before, and its last component. Directories that we are
 * still in may not have their names yet. */
static int open_earlier(const Receiver *c, char *path, const char **ret_name)
{
        struct open_how how = {
                .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        };
        char *last = strrchr(path, '/');
        size_t i = 1;
        long fd;

        *ret_name = last ? last + 1 : path;
        if (last)
                *last = '\0';
        else
                path += strlen(path); /* in the root of the copy */
        for (; i + 1 < c->n && *path; i++) {
                const char *name = c->frames[i + 1].name;
                size_t n = strlen(name);

                if (strncmp(path, name, n) != 0 || (path[n] != '/' && path[n] != '\0'))
                        break;
                path += n + (path[n] == '/');
        }
        if (i >= c->n)
                return -ENOENT;
        fd = syscall(SYS_openat2, c->frames[i].fd, *path ? path : ".", &how, sizeof(how));
        return fd < 0 ? -errno : (int)fd;
}

static int make_link(Receiver *c, const CopyEntry *e, const char *name)
{
        _cleanup_free_ char *path = strndup(e->text, e->text_size);
        _cleanup_close_ int from = -EBADF;
        char staged[STAGED_NAME_SIZE];
        const char *as, *earlier;
        int r = path ? check_place(c, name) : -ENOMEM;

        if (r < 0)
                return r;
        from = open_earlier(c, path, &earlier);
        as = made_as(c, name, staged);
        /* the earlier one may have failed, or have too many names already */
        if (from < 0 || linkat(from, earlier, top(c)->fd, as, 0) < 0)
                return make_file(c, e, name);
        r = settle(c, staged, name);
        if (r < 0)
                (void)unlinkat(top(c)->fd, as, 0); /* it has another name */
        return r;
}

static int make_directory(Receiver *c, const CopyEntry *e, const char *name)
{
        FrameKind kind = top(c)->kind == FRAME_THERE ? FRAME_STAGED : FRAME_OURS;
        char staged[STAGED_NAME_SIZE] = "";
        const char *as = name;
        struct stat st;
        int fd;

        if (kind == FRAME_STAGED && *name &&
            fstatat(top(c)->fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
                if (!S_ISDIR(st.st_mode))
                        return -ENOTDIR;
                kind = FRAME_THERE;
        }
        if (!*name) { /* the content of the copy's root goes straight into the target */
                kind = c->target->adopt ? FRAME_OURS : FRAME_THERE;
                as = ".";
        } else if (kind != FRAME_THERE) {
                as = made_as(c, name, staged);
                if (mkdirat(top(c)->fd, as, 0700) < 0)
                        return -errno;
        }
        fd = openat(top(c)->fd, as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (kind == FRAME_STAGED)
                copy_attributes_disinherit((CopyPlace){ .fd = fd });
        return push(c, kind, fd, e->name, staged);
}

static int leave_directory(Receiver *c, const CopyEntry *e, Error *error)
{
        Frame frame = *top(c);
        int r = 0;

        if (at_root(c))
                return -EBADMSG;
        if (frame.kind == FRAME_STAGED || frame.kind == FRAME_OURS)
                r = set_metadata(c, e, frame.fd);
        c->n--; /* names in messages are those of the directory that it is in */
        if (r >= 0 && frame.kind == FRAME_STAGED) {
                const char *name = at_root(c) ? c->name : frame.name;

                if (renameat2(top(c)->fd, frame.staged, top(c)->fd, name, RENAME_NOREPLACE) < 0)
                        r = -errno;
        }
        if (r < 0) {
                r = failed(c, frame.name, r, error, "make");
                if (frame.kind == FRAME_STAGED)
                        (void)remove_tree_one_mount(top(c)->fd, frame.staged);
        }
        c->n++;
        pop(c);
        return r;
}

/* What a copy of the entry is called here. */
static const char *name_of(const Receiver *c, const CopyEntry *e)
{
        return at_root(c) ? c->name : e->name;
}

static int refuse_device(const Receiver *c, const CopyEntry *e, Error *error)
{
        if (!at_root(c)) {
                note(c, COPY_NOTE_DEVICE, e->name);
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

        if (at_root(c) && c->began)
                return error_set(error, EBADMSG, "The other side of the copy makes no sense");
        c->began = c->began || at_root(c);
        if (e->kind != COPY_DIRECTORY && at_root(c) && (c->directory_wanted || !*name))
                return error_errno(error, ENOTDIR, "Cannot write to '%s'",
                                   c->target->options.label);
        if (is_device(e) && !c->target->devices)
                return refuse_device(c, e, error);
        if (e->kind == COPY_DIRECTORY)
                r = make_directory(c, e, name);
        else if (e->kind == COPY_FILE)
                r = make_file(c, e, name);
        else if (e->kind == COPY_LINK)
                r = make_link(c, e, name);
        else
                r = make_other(c, e, name);
        if (r >= 0)
                return r;
        r = failed(c, e->name, r, error, "make");
        if (r >= 0 && e->kind == COPY_DIRECTORY)
                r = push(c, FRAME_SKIPPED, -EBADF, e->name, "");
        return r;
}

static int on_entry(Receiver *c, const CopyEntry *e, Error *error)
{
        bool skipped = top(c)->kind == FRAME_SKIPPED;
        int r;

        if (e->kind == COPY_ATTRIBUTE)
                return copy_attributes_add(&c->attributes, e);
        if (e->kind == COPY_LEAVE)
                r = leave_directory(c, e, error);
        else if (skipped && e->kind == COPY_DIRECTORY)
                r = push(c, FRAME_SKIPPED, -EBADF, e->name, "");
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
                        r = push(c, FRAME_THERE, TAKE_FD(fd), "", "");
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
                        r = push(c, FRAME_THERE, TAKE_FD(fd), "", "");
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

/* What has no name yet, from the innermost out: removing the outermost is enough. */
static void clean_up(Receiver *c)
{
        for (size_t i = 1; i < c->n; i++)
                if (c->frames[i].kind == FRAME_STAGED) {
                        (void)remove_tree_one_mount(c->frames[i - 1].fd, c->frames[i].staged);
                        break;
                }
        while (c->n > 0)
                pop(c);
        free(c->frames);
        free(c->name);
        free(c->buffer);
        data_copier_done(&c->data);
        copy_attributes_clear(&c->attributes);
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
        if (!at_root(c))
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
        clean_up(&c);
        return r;
}
