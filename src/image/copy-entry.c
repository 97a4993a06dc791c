/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets of a copy: a fixed header, the name with its NUL, the text. */

#include "image/copy-entry.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct Header {
        uint32_t kind, mode, uid, gid;
        uint64_t device;
        int64_t accessed, modified;
        uint32_t accessed_nsec, modified_nsec;
        uint32_t name_size, text_size; /* the first with its NUL */
} Header;

void copy_entry_set(CopyEntry *entry, CopyKind kind, const char *name, const struct stat *st)
{
        *entry = (CopyEntry){
                .kind = kind,
                .mode = st->st_mode,
                .uid = st->st_uid,
                .gid = st->st_gid,
                .device = st->st_rdev,
                .accessed = st->st_atim,
                .modified = st->st_mtim,
                .name = name,
                .text = "",
                .fd = -EBADF,
        };
}

int copy_entry_send(int socket_fd, const CopyEntry *entry)
{
        Header header = {
                .kind = entry->kind,
                .mode = entry->mode,
                .uid = entry->uid,
                .gid = entry->gid,
                .device = entry->device,
                .accessed = entry->accessed.tv_sec,
                .accessed_nsec = (uint32_t)entry->accessed.tv_nsec,
                .modified = entry->modified.tv_sec,
                .modified_nsec = (uint32_t)entry->modified.tv_nsec,
                .name_size = (uint32_t)strlen(entry->name) + 1,
                .text_size = (uint32_t)entry->text_size,
        };
        struct iovec parts[] = {
                { &header, sizeof(header) },
                { (void *)entry->name, header.name_size },
                { (void *)entry->text, entry->text_size },
        };
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };
        ssize_t n;

        if (entry->text_size > COPY_TEXT_MAX || header.name_size > NAME_MAX + 1)
                return -E2BIG;
        if (entry->fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof(control);
                control.header = (struct cmsghdr){
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                        .cmsg_len = CMSG_LEN(sizeof(int)),
                };
                memcpy(CMSG_DATA(&control.header), &entry->fd, sizeof(int));
        }
        do
                n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? -EPIPE : -errno;
        return 0;
}

/* Whatever came with the packet must not be leaked, even if it is no use. */
static int take_fd(struct msghdr *message)
{
        struct cmsghdr *c = CMSG_FIRSTHDR(message);
        int fd = -EBADF;

        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(&fd, CMSG_DATA(c), sizeof(int));
        return fd;
}

static int unpack(const Header *h, char *data, size_t size, int fd, CopyEntry *ret)
{
        if (h->kind >= _COPY_KIND_MAX || h->name_size == 0 || h->name_size > size ||
            size - h->name_size != h->text_size || data[h->name_size - 1] != '\0' ||
            strchr(data, '/') || strcmp(data, ".") == 0 || strcmp(data, "..") == 0)
                return -EBADMSG;
        if ((fd >= 0) != (h->kind == COPY_FILE || h->kind == COPY_LINK))
                return -EBADMSG;
        data[size] = '\0';
        *ret = (CopyEntry){
                .kind = (CopyKind)h->kind,
                .mode = h->mode,
                .uid = h->uid,
                .gid = h->gid,
                .device = h->device,
                .accessed = { h->accessed, h->accessed_nsec },
                .modified = { h->modified, h->modified_nsec },
                .name = data,
                .text = data + h->name_size,
                .text_size = h->text_size,
                .fd = fd,
        };
        return 1;
}

int copy_entry_receive(int socket_fd, char *buffer, CopyEntry *ret)
{
        Header header;
        struct iovec parts[] = {
                { &header, sizeof(header) },
                { buffer, COPY_PACKET_MAX },
        };
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct msghdr message = {
                .msg_iov = parts,
                .msg_iovlen = 2,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;
        int fd, r;

        do
                n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? 0 : -errno;
        if (n == 0)
                return 0;
        fd = take_fd(&message);
        r = (size_t)n < sizeof(header) || (message.msg_flags & MSG_TRUNC)
                    ? -EBADMSG
                    : unpack(&header, buffer, (size_t)n - sizeof(header), fd, ret);
        if (r < 0 && fd >= 0)
                (void)close(fd); /* not handed on */
        return r;
}
