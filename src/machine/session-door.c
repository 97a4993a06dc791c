/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One errand into the machine; what it opens comes back over a socket. */

#include "machine/session-door.h"

#include "image/errand.h"
#include "machine/join.h"
#include "os/namespace.h"
#include "os/pty.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* systemd's own socket is there in every tree, the bus only where a daemon was installed. */
static const char *const sockets[] = { "/run/systemd/private", "/run/dbus/system_bus_socket" };

/* For a connection that nobody accepts. */
#define PATIENCE_SEC 2

typedef struct Message {
        bool is_bus;
        int tty_number;
} Message;

typedef struct Inside {
        const Machine *m;
        bool terminal;
        uid_t owner;
        int socket_fd;
} Inside;

void session_door_done(SessionDoor *door)
{
        closep(&door->bus_fd);
        closep(&door->pty_fd);
        closep(&door->tty_fd);
        *door = SESSION_DOOR_NULL;
}

static int connect_to(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct timeval patience = { .tv_sec = PATIENCE_SEC };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
            connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int open_bus(const Machine *m, bool *ret_is_bus, Error *error)
{
        int fd = -ENXIO;

        for (size_t i = 0; i < ELEMENTSOF(sockets) && fd < 0; i++) {
                fd = connect_to(sockets[i]);
                *ret_is_bus = i > 0;
        }
        if (fd >= 0)
                return fd;
        (void)error_errno(error, -fd, "systemd of machine '%s' does not answer", m->name);
        return -ENXIO;
}

static int open_terminal(uid_t owner, int *ret_pty, int *ret_tty, int *ret_number)
{
        _cleanup_close_ int devpts = open("/dev/pts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int pty = devpts < 0 ? -errno : pty_open(devpts, ret_number);
        _cleanup_close_ int tty = -EBADF;

        if (pty < 0)
                return pty;
        tty = ioctl(pty, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (tty < 0 || fchown(tty, owner, (gid_t)-1) < 0 || fchmod(tty, 0620) < 0 ||
            fcntl(pty, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        *ret_pty = TAKE_FD(pty);
        *ret_tty = TAKE_FD(tty);
        return 0;
}

static int send_door(int socket_fd, const Message *m, const int *fds, size_t n)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(3 * sizeof(int))];
        } control = {};
        struct iovec data = { (void *)m, sizeof(*m) };
        struct msghdr message = { .msg_iov = &data,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

        control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                           .cmsg_type = SCM_RIGHTS,
                                           .cmsg_len = CMSG_LEN(n * sizeof(int)) };
        memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
        return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_door(int socket_fd, size_t n, SessionDoor *ret)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(3 * sizeof(int))];
        } control = {};
        int fds[3] = { -EBADF, -EBADF, -EBADF };
        Message m;
        struct iovec data = { &m, sizeof(m) };
        struct msghdr message = { .msg_iov = &data,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control) };

        if (recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != sizeof(m))
                return -EBADMSG;
        if (control.header.cmsg_type != SCM_RIGHTS ||
            control.header.cmsg_len != CMSG_LEN(n * sizeof(int)))
                return -EBADMSG;
        memcpy(fds, CMSG_DATA(&control.header), n * sizeof(int));
        *ret = (SessionDoor){ fds[0], m.is_bus, fds[1], fds[2], m.tty_number };
        return 0;
}

static int open_inside(void *argument, Error *error)
{
        const Inside *inside = argument;
        int fds[3] = { -EBADF, -EBADF, -EBADF }, r;
        Message message = {};

        fds[0] = open_bus(inside->m, &message.is_bus, error);
        if (fds[0] < 0)
                return fds[0];
        if (inside->terminal) {
                r = open_terminal(inside->owner, &fds[1], &fds[2], &message.tty_number);
                if (r < 0)
                        return error_errno(error, -r, "Failed to make a terminal in machine '%s'",
                                           inside->m->name);
        }
        r = send_door(inside->socket_fd, &message, fds, inside->terminal ? 3 : 1);
        return r < 0 ? error_errno(error, -r, "Failed to hand over a connection") : 0;
}

/* systemd talks only to a process that has a number in its own namespace: a child of one that has
 * joined. It lives for the moment of opening. */
static int go_inside(void *argument, Error *error)
{
        const Inside *inside = argument;
        int r = machine_join(inside->m, error);

        if (r < 0)
                return r;
        (void)errand_die_with_caller(); /* quick either way */
        r = namespace_join(inside->m->leader_fd, CLONE_NEWPID);
        return r < 0 ? error_errno(error, -r, "Failed to join machine '%s'", inside->m->name)
                     : errand_run(open_inside, argument, error);
}

int session_door_open(const Machine *m, bool terminal, uid_t owner, SessionDoor *ret, Error *error)
{
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        Inside inside = { .m = m, .terminal = terminal, .owner = owner };
        int r, pair[2];

        if (m->init != INIT_SYSTEMD)
                return error_set(error, ENXIO, "Machine '%s' does not run systemd", m->name);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_errno(error, errno, "Failed to make a socket");
        ours = pair[0];
        inside.socket_fd = theirs = pair[1];
        r = errand_run(go_inside, &inside, error);
        if (r >= 0)
                r = receive_door(ours, terminal ? 3 : 1, ret);
        return r < 0 ? error_errno(error, -r, "Failed to reach systemd of machine '%s'", m->name)
                     : 0;
}
