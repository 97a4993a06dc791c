/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one side of a copy tells the other, over a SOCK_SEQPACKET pair: one packet an entry, files
 * as open descriptors. The sides may live in different namespaces, each with the rights of its own
 * machine and no others: numbers of users are what each side sees them as.
 *
 *   sender                                         receiver
 *   DIRECTORY name, mode  ---------------------->  makes or opens it, goes into it
 *     (ATTRIBUTE name, value)* FILE name (fd) --->  content, owner, attributes, mode, times, name
 *     (ATTRIBUTE)* SYMLINK name, target --------->
 *     (ATTRIBUTE)* NODE name ------------------->  fifo, socket or device
 *     (ATTRIBUTE)* LINK name, earlier path (fd) ->  another name; or the content, if that fails
 *   (ATTRIBUTE)* LEAVE ------------------------->  owner, attributes, mode, times, name
 *   END ---------------------------------------->  all of it is there
 *   <-------------------------------------- END
 *
 * An end of file before END is an interruption: the receiver removes what has no name yet. */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

typedef enum CopyKind {
        COPY_DIRECTORY,
        COPY_LEAVE,
        COPY_FILE,
        COPY_LINK,
        COPY_SYMLINK,
        COPY_NODE,
        COPY_ATTRIBUTE,
        COPY_END,
        _COPY_KIND_MAX,
} CopyKind;

typedef struct CopyEntry {
        CopyKind kind;
        mode_t mode;
        uid_t uid;
        gid_t gid;
        dev_t device; /* of a device node */
        struct timespec accessed, modified;
        const char *name; /* one component; "": the root of the copy itself */
        const char *text; /* target, earlier path or value; has a NUL behind it */
        size_t text_size;
        int fd; /* content, or -EBADF */
} CopyEntry;

#define COPY_ENTRY_NULL ((CopyEntry){ .name = "", .text = "", .fd = -EBADF })

/* Longest text of an entry: XATTR_SIZE_MAX. */
#define COPY_TEXT_MAX ((size_t)65536)
#define COPY_PACKET_MAX (COPY_TEXT_MAX + 512)

void copy_entry_set(CopyEntry *entry, CopyKind kind, const char *name, const struct stat *st);

/* Keeps entry->fd. -EPIPE: the other side has ended. */
int copy_entry_send(int socket_fd, const CopyEntry *entry);

/* Into @buffer, of COPY_PACKET_MAX + 1 bytes, which name and text point into. entry->fd is the
 * caller's. 1, or 0 when the other side has ended. */
int copy_entry_receive(int socket_fd, char *buffer, CopyEntry *ret);
