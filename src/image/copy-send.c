/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walking side of a copy. Nothing below the given path is looked up by more than one name at a
 * time, no link is followed, and only what was seen to be a file or a directory is opened, without
 * waiting: whoever changes the tree meanwhile can change what is copied, but not where from. */

#include "image/copy.h"

#include "base/buffer.h"
#include "base/directory.h"
#include "base/fd.h"
#include "image/copy-attribute.h"
#include "image/copy-entry.h"
#include "os/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Only whoever means harm goes deeper: a path has at most twice as many components. */
#define DEPTH_MAX 1000U
#define LINK_PATH_MAX COPY_TEXT_MAX

/* A file with several names, for the second one. */
typedef struct Inode {
        dev_t device;
        ino_t number;
        char *path; /* relative to the root of the copy; NULL: free */
} Inode;

typedef struct Sender {
        const CopySource *source;
        Buffer path; /* relative to the root of the copy, for messages and links */
        dev_t device;
        unsigned depth;
        Inode *inodes; /* open addressing, never more than half full */
        size_t n_inodes, n_slots;
        char link_target[PATH_MAX];
} Sender;

static const char *shown(const Sender *s, Buffer *text)
{
        buffer_puts(text, s->source->options.label);
        if (s->path.size > 0)
                buffer_printf(text, "%s%s",
                              text->data && text->data[text->size - 1] == '/' ? "" : "/",
                              s->path.data);
        return buffer_error(text) < 0 ? s->source->options.label : text->data;
}

static int failed(const Sender *s, int r, Error *error, const char *what)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        return copy_failed(&s->source->options, shown(s, &text), r, error, what);
}

/* The other side's end is its own story. */
static int lost(int r, Error *error)
{
        if (r == -EPIPE || r == 0)
                return -ECONNABORTED;
        return error_errno(error, -r, "Failed to talk to the other side of the copy");
}

static void note(const Sender *s, CopyNoteKind kind)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        copy_note(s->source->options.totals, kind, shown(s, &text));
}

static int send_attributes(const Sender *s, CopyPlace place, Error *error)
{
        CopyLoss loss = {};
        int r = copy_attributes_send(s->source->options.socket_fd, place, &loss);

        if (loss.owner)
                note(s, COPY_NOTE_OWNER);
        if (loss.attribute)
                note(s, COPY_NOTE_ATTRIBUTE);
        return r < 0 ? lost(r, error) : 0;
}

static int send_packet(const Sender *s, const CopyEntry *entry, Error *error)
{
        int r = copy_entry_send(s->source->options.socket_fd, entry);

        return r < 0 ? lost(r, error) : 0;
}

static size_t slot_of(const Inode *inodes, size_t n_slots, dev_t device, ino_t number)
{
        size_t i = (size_t)((number * UINT64_C(0x9E3779B97F4A7C15)) ^ device) & (n_slots - 1);

        while (inodes[i].path && (inodes[i].device != device || inodes[i].number != number))
                i = (i + 1) & (n_slots - 1);
        return i;
}

static int grow_inodes(Sender *s)
{
        size_t n = s->n_slots > 0 ? 2 * s->n_slots : 256;
        Inode *grown = calloc(n, sizeof(Inode));

        if (!grown)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_slots; i++)
                if (s->inodes[i].path)
                        grown[slot_of(grown, n, s->inodes[i].device, s->inodes[i].number)] =
                                s->inodes[i];
        free(s->inodes);
        s->inodes = grown;
        s->n_slots = n;
        return 0;
}

/* The path that this file was sent under before, or NULL: now it is known. */
static int find_link(Sender *s, const struct stat *st, const char **ret)
{
        Inode *inode;

        *ret = NULL;
        if (st->st_nlink < 2 || s->path.size == 0 || s->path.size > LINK_PATH_MAX)
                return 0;
        if (2 * (s->n_inodes + 1) > s->n_slots && grow_inodes(s) < 0)
                return -ENOMEM;
        inode = &s->inodes[slot_of(s->inodes, s->n_slots, st->st_dev, st->st_ino)];
        *ret = inode->path;
        if (inode->path)
                return 0;
        *inode = (Inode){ st->st_dev, st->st_ino, strdup(s->path.data) };
        s->n_inodes += inode->path != NULL;
        return inode->path ? 0 : -ENOMEM;
}

/* Opens what was seen to be of this type, and looks again. */
static int open_seen(int dirfd, const char *name, int flags, struct stat *st)
{
        mode_t type = st->st_mode & S_IFMT;
        _cleanup_close_ int fd = openat(
                dirfd, name, flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                return errno == ELOOP || errno == ENOTDIR || errno == ENXIO ? -ESTALE : -errno;
        if (fstat(fd, st) < 0)
                return -errno;
        return (st->st_mode & S_IFMT) == type ? TAKE_FD(fd) : -ESTALE;
}

static int send_file(Sender *s, int dirfd, const char *name, struct stat *st, Error *error)
{
        _cleanup_close_ int fd = open_seen(dirfd, name, 0, st);
        const char *earlier;
        CopyEntry entry;
        int r;

        if (fd < 0)
                return fd == -ENOENT ? 0 : failed(s, fd, error, "read");
        r = find_link(s, st, &earlier);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = send_attributes(s, (CopyPlace){ .fd = fd }, error);
        if (r < 0)
                return r;
        copy_entry_set(&entry, earlier ? COPY_LINK : COPY_FILE, name, st);
        if (earlier) {
                entry.text = earlier;
                entry.text_size = strlen(earlier);
        }
        entry.fd = fd;
        return send_packet(s, &entry, error);
}

static int send_other(Sender *s, int dirfd, const char *name, const struct stat *st, Error *error)
{
        CopyEntry entry;
        int r;

        copy_entry_set(&entry, S_ISLNK(st->st_mode) ? COPY_SYMLINK : COPY_NODE, name, st);
        if (S_ISLNK(st->st_mode)) {
                ssize_t n = readlinkat(dirfd, name, s->link_target, sizeof(s->link_target));

                if (n < 0 || n == sizeof(s->link_target))
                        return failed(s,
                                      n < 0 ? (errno == EINVAL ? -ESTALE : -errno) : -ENAMETOOLONG,
                                      error, "read");
                entry.text = s->link_target;
                entry.text_size = (size_t)n;
        }
        /* these calls take a path only */
        if (fchdir(dirfd) < 0)
                return failed(s, -errno, error, "read");
        r = send_attributes(s, (CopyPlace){ .fd = -EBADF, .name = name }, error);
        return r < 0 ? r : send_packet(s, &entry, error);
}

static int send_entry(Sender *s, int dirfd, const char *name, Error *error);

static int send_children(Sender *s, DIR *d, Error *error)
{
        size_t length = s->path.size;
        struct dirent *e;
        int r;

        while ((r = directory_next(d, &e)) > 0) {
                if (strstr(e->d_name, s->source->options.token))
                        continue;
                buffer_printf(&s->path, "%s%s", length > 0 ? "/" : "", e->d_name);
                if (buffer_error(&s->path) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                r = send_entry(s, dirfd(d), e->d_name, error);
                s->path.size = length;
                s->path.data[length] = '\0';
                if (r < 0)
                        return r;
        }
        return r < 0 ? failed(s, r, error, "read") : 0;
}

/* Goes in, sends what is there, and comes out with what the directory has of its own. Takes @fd. */
static int send_open_directory(Sender *s, int fd, const char *name, const struct stat *st,
                               Error *error)
{
        _cleanup_closedir_ DIR *d = fdopendir(fd);
        CopyEntry entry;
        int r;

        if (!d) {
                r = -errno;
                (void)close(fd); /* fdopendir() did not take it */
                return failed(s, r, error, "read");
        }
        copy_entry_set(&entry, COPY_DIRECTORY, name, st);
        r = send_packet(s, &entry, error);
        if (r >= 0 && (!s->source->one_mount || st->st_dev == s->device))
                r = send_children(s, d, error);
        if (r >= 0)
                r = send_attributes(s, (CopyPlace){ .fd = dirfd(d) }, error);
        copy_entry_set(&entry, COPY_LEAVE, name, st);
        return r < 0 ? r : send_packet(s, &entry, error);
}

static int send_directory(Sender *s, int dirfd, const char *name, struct stat *st, Error *error)
{
        int fd, r;

        if (s->depth >= DEPTH_MAX)
                return failed(s, -ENAMETOOLONG, error, "read");
        fd = open_seen(dirfd, name, O_DIRECTORY, st);
        if (fd < 0)
                return fd == -ENOENT ? 0 : failed(s, fd, error, "read");
        s->depth++;
        r = send_open_directory(s, fd, name, st, error);
        s->depth--;
        return r;
}

static int send_entry(Sender *s, int dirfd, const char *name, Error *error)
{
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT && s->depth > 0 ? 0 /* it is gone by now */
                                                       : failed(s, -errno, error, "read");
        if (S_ISDIR(st.st_mode))
                return send_directory(s, dirfd, name, &st, error);
        if (S_ISREG(st.st_mode))
                return send_file(s, dirfd, name, &st, error);
        return send_other(s, dirfd, name, &st, error);
}

/* Such a path is a directory, whatever links lead to it; it has no last component to be looked up
 * without following it, and ".." must not be looked up by itself at all. */
static bool ends_in_directory(const char *path)
{
        const char *last = strrchr(path, '/') + 1;

        return *last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

static int send_root(Sender *s, Error *error)
{
        const CopySource *source = s->source;
        _cleanup_close_ int fd = -EBADF;
        const char *name = "";
        struct stat st;
        int r;

        if (ends_in_directory(source->path))
                fd = path_open(source->root_fd, source->path, O_RDONLY | O_DIRECTORY, 0);
        else
                fd = path_open_parent(source->root_fd, source->path, &name);
        r = fd < 0                                                            ? fd
            : fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0 ? -errno
                                                                              : 0;
        if (r < 0)
                return error_errno(error, -r, "Cannot copy '%s'", source->options.label);
        s->device = st.st_dev;
        if (*name)
                return send_entry(s, fd, name, error);
        s->depth = 1;
        return send_open_directory(s, TAKE_FD(fd), "", &st, error);
}

/* A descriptor for each level; what more the limit allows costs nothing. */
static void raise_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) >= 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit); /* else deep trees fail with a message */
        }
}

static int say_end(const Sender *s, Error *error)
{
        char buffer[COPY_PACKET_MAX + 1];
        CopyEntry entry = COPY_ENTRY_NULL;
        int r;

        entry.kind = COPY_END;
        r = send_packet(s, &entry, error);
        if (r < 0)
                return r;
        /* while we live, the other side knows that it goes on */
        r = copy_entry_receive(s->source->options.socket_fd, buffer, &entry);
        return r == 1 && entry.kind == COPY_END ? 0 : lost(MIN_OF(r, 0), error);
}

int copy_send(const CopySource *source, Error *error)
{
        Sender s = { .source = source };
        int r;

        raise_limit();
        r = send_root(&s, error);
        if (r >= 0)
                r = say_end(&s, error);
        for (size_t i = 0; i < s.n_slots; i++)
                free(s.inodes[i].path);
        free(s.inodes);
        buffer_done(&s.path);
        return r;
}
