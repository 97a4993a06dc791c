/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything is made by one name in an open directory and set up through its own descriptor. In a
 * directory that was there before, an entry is made under another name and gets its own when it is
 * complete; in one of ours nobody looks yet. */

#include "image/copy-make.h"

#include "base/fd.h"
#include "os/remove-tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

#define NOBODY 65534U

/* The name under which an entry is made. */
static const char *made_as(Receiver *c, const char *name, char staged[STAGED_NAME_SIZE])
{
        if (receiver_top(c)->kind != FRAME_THERE) {
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
        int dirfd = receiver_top(c)->fd;

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

        if (receiver_top(c)->kind == FRAME_THERE &&
            fstatat(receiver_top(c)->fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
            S_ISDIR(st.st_mode))
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
                receiver_note(c, COPY_NOTE_OWNER, e->name);
}

static void apply_attributes(Receiver *c, const CopyEntry *e, CopyPlace place)
{
        CopyLoss loss = {};

        copy_attributes_apply(&c->attributes, place, c->target->size, &loss);
        if (loss.owner)
                receiver_note(c, COPY_NOTE_OWNER, e->name);
        if (loss.attribute)
                receiver_note(c, COPY_NOTE_ATTRIBUTE, e->name);
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
        if (receiver_is_at_root(c) && e->kind == COPY_FILE && c->target->mode != (mode_t)-1)
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
                receiver_note(c, COPY_NOTE_OWNER, e->name);
}

int copy_make_file(Receiver *c, const CopyEntry *e, const char *name)
{
        _cleanup_close_ int fd = -EBADF;
        char staged[STAGED_NAME_SIZE];
        const char *as = made_as(c, name, staged);
        int r = check_place(c, name);

        if (r < 0)
                return r;
        fd = openat(receiver_top(c)->fd, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
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
                (void)unlinkat(receiver_top(c)->fd, as, 0); /* half a file is none */
        return r;
}

/* Owner and times of what cannot be opened. It is held first and looked at: whoever may write to
 * the directory could have put something else there. */
static int set_other_metadata(Receiver *c, const CopyEntry *e, const char *as)
{
        const struct timespec times[2] = { e->accessed, e->modified };
        _cleanup_close_ int fd = openat(receiver_top(c)->fd, as, O_PATH | O_NOFOLLOW | O_CLOEXEC);
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
        if (c->attributes.n > 0 && fchdir(receiver_top(c)->fd) >= 0)
                apply_attributes(c, e, (CopyPlace){ .fd = -EBADF, .name = as });
        if (utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return 0;
}

int copy_make_other(Receiver *c, const CopyEntry *e, const char *name)
{
        char staged[STAGED_NAME_SIZE];
        const char *as = made_as(c, name, staged);
        int r = check_place(c, name);

        if (r < 0)
                return r;
        if (e->kind == COPY_SYMLINK ? symlinkat(e->text, receiver_top(c)->fd, as) < 0
                                    : mknodat(receiver_top(c)->fd, as, e->mode, e->device) < 0)
                return -errno;
        r = set_other_metadata(c, e, as);
        if (r >= 0)
                r = settle(c, staged, name);
        if (r < 0)
                (void)unlinkat(receiver_top(c)->fd, as, 0); /* incomplete */
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

int copy_make_link(Receiver *c, const CopyEntry *e, const char *name)
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
        if (from < 0 || linkat(from, earlier, receiver_top(c)->fd, as, 0) < 0)
                return copy_make_file(c, e, name);
        r = settle(c, staged, name);
        if (r < 0)
                (void)unlinkat(receiver_top(c)->fd, as, 0); /* it has another name */
        return r;
}

int copy_make_directory(Receiver *c, const CopyEntry *e, const char *name)
{
        FrameKind kind = receiver_top(c)->kind == FRAME_THERE ? FRAME_STAGED : FRAME_OURS;
        char staged[STAGED_NAME_SIZE] = "";
        const char *as = name;
        struct stat st;
        int fd;

        if (kind == FRAME_STAGED && *name &&
            fstatat(receiver_top(c)->fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
                if (!S_ISDIR(st.st_mode))
                        return -ENOTDIR;
                kind = FRAME_THERE;
        }
        if (!*name) { /* the content of the copy's root goes straight into the target */
                kind = c->target->adopt ? FRAME_OURS : FRAME_THERE;
                as = ".";
        } else if (kind != FRAME_THERE) {
                as = made_as(c, name, staged);
                if (mkdirat(receiver_top(c)->fd, as, 0700) < 0)
                        return -errno;
        }
        fd = openat(receiver_top(c)->fd, as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (kind == FRAME_STAGED)
                copy_attributes_disinherit((CopyPlace){ .fd = fd });
        return receiver_push(c, kind, fd, e->name, staged);
}

int copy_leave_directory(Receiver *c, const CopyEntry *e, Error *error)
{
        Frame frame = *receiver_top(c);
        int r = 0;

        if (receiver_is_at_root(c))
                return -EBADMSG;
        if (frame.kind == FRAME_STAGED || frame.kind == FRAME_OURS)
                r = set_metadata(c, e, frame.fd);
        c->n--; /* names in messages are those of the directory that it is in */
        if (r >= 0 && frame.kind == FRAME_STAGED) {
                const char *name = receiver_is_at_root(c) ? c->name : frame.name;

                if (renameat2(receiver_top(c)->fd, frame.staged, receiver_top(c)->fd, name,
                              RENAME_NOREPLACE) < 0)
                        r = -errno;
        }
        if (r < 0) {
                r = receiver_failed(c, frame.name, r, error, "make");
                if (frame.kind == FRAME_STAGED)
                        (void)remove_tree_one_mount(receiver_top(c)->fd, frame.staged);
        }
        c->n++;
        receiver_pop(c);
        return r;
}
