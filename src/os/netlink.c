/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sending a batch and reading what comes back. The kernel works on requests inside send(), and on a
 * dump inside each receive; so an empty queue means that nothing more will come. */

#include "os/netlink.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define RECEIVE_SIZE 32768 /* what the kernel fills at most in a dump, see netlink_dump() there */
#define DUMP_TRIES 8
#define FOREIGN_MAX 1000 /* datagrams that are not from the kernel, before we refuse to read on */

/* One batch with its answers. */
typedef struct Exchange {
        const NetlinkReader *reader; /* NULL: only acknowledgements are wanted */
        void *userdata;
        uint32_t n;       /* sequence numbers run from 1 to this */
        uint32_t awaited; /* the one whose answer must come */
        int result;
        NetlinkFailure failure;
        bool answered;
        bool disturbed; /* a dump is not one consistent picture */
        bool lost;      /* the queue ran over */
        char *buffer;
        size_t size;
} Exchange;

static void exchange_done(Exchange *x)
{
        free(x->buffer);
}

int netlink_open(int protocol)
{
        static const int required[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK };
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        int one = 1;

        if (fd < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(required); i++)
                if (setsockopt(fd, SOL_NETLINK, required[i], &one, sizeof(one)) < 0)
                        return -errno;
        /* 4.20+: dumps are filtered by the kernel; readers filter too */
        (void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
        return TAKE_FD(fd);
}

/* One datagram: its size, or -EAGAIN when the queue is empty. 0 if it is not from the kernel: who
 * has CAP_NET_ADMIN over the namespace may send to us too, the root of a machine for one. */
static ssize_t receive(int fd, Exchange *x, int flags)
{
        struct sockaddr_nl from = {};
        struct iovec iov = { x->buffer, x->size };
        struct msghdr m = {
                .msg_name = &from,
                .msg_namelen = sizeof(from),
                .msg_iov = &iov,
                .msg_iovlen = 1,
        };
        ssize_t n;

        do {
                n = recvmsg(fd, &m, flags | MSG_DONTWAIT | MSG_TRUNC);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (flags & MSG_PEEK)
                return n;
        if (m.msg_namelen != sizeof(from) || from.nl_pid != 0)
                return 0;
        return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

/* The same with a buffer that is large enough. */
static ssize_t receive_whole(int fd, Exchange *x)
{
        ssize_t n = receive(fd, x, MSG_PEEK);
        char *grown;

        if (n < 0)
                return n;
        if ((size_t)n > x->size) {
                grown = realloc(x->buffer, (size_t)n);
                if (!grown)
                        return -ENOMEM;
                x->buffer = grown;
                x->size = (size_t)n;
        }
        return receive(fd, x, 0);
}

static void record_failure(Exchange *x, uint32_t index, int error, const char *text)
{
        if (x->result < 0 && x->failure.index <= index)
                return;
        x->result = error;
        x->failure.index = index;
        (void)snprintf(x->failure.text, sizeof(x->failure.text), "%s", text);
}

static int on_answer(Exchange *x, const struct nlmsghdr *h)
{
        char text[NETLINK_TEXT_MAX];
        int error, r;

        r = netlink_error_parse(h, &error, text, sizeof(text));
        if (r < 0)
                return r;
        if (error < 0)
                record_failure(x, h->nlmsg_seq - 1, error, text);
        if (h->nlmsg_seq == x->awaited)
                x->answered = true;
        return 0;
}

static int on_data(Exchange *x, const struct nlmsghdr *h)
{
        NetlinkMessage message;
        int r;

        if (!(h->nlmsg_flags & NLM_F_MULTI))
                x->answered = true;
        if (!x->reader || h->nlmsg_type != x->reader->type || x->result < 0 || x->disturbed)
                return 0; /* the rest of a dump is read nevertheless, or the next would be busy */
        r = netlink_message_parse(h, x->reader->fixed_size, &message);
        if (r < 0)
                return r;
        r = x->reader->on_message(&message, x->userdata);
        if (r < 0)
                record_failure(x, h->nlmsg_seq - 1, r, "");
        return 0;
}

static int on_datagram(Exchange *x, size_t size)
{
        const void *data = x->buffer;
        const struct nlmsghdr *h;
        int r;

        while ((r = netlink_next(&data, &size, &h)) > 0) {
                if (h->nlmsg_seq == 0 || h->nlmsg_seq > x->n)
                        continue;
                if (h->nlmsg_flags & NLM_F_DUMP_INTR)
                        x->disturbed = true;
                if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
                        r = on_answer(x, h);
                else if (h->nlmsg_type >= NLMSG_MIN_TYPE)
                        r = on_data(x, h);
                if (r < 0)
                        return r;
        }
        return r;
}

/* Reads until the queue is empty; the first mistake counts, but the queue is emptied. */
static int read_answers(int fd, Exchange *x)
{
        unsigned foreign = 0;
        int result = 0;

        for (;;) {
                ssize_t n = receive_whole(fd, x);

                if (n == -EAGAIN)
                        return result;
                if (n == -ENOBUFS) {
                        x->lost = true;
                        continue;
                }
                if (n < 0)
                        return (int)n;
                if (n == 0 && ++foreign > FOREIGN_MAX)
                        return -EPROTO;
                if (result == 0)
                        result = on_datagram(x, (size_t)n);
        }
}

/* What an earlier user of the socket left behind is not our answer. */
static int exchange_init(Exchange *x, int fd, const NetlinkBatch *b)
{
        int r;

        *x = (Exchange){ .buffer = malloc(RECEIVE_SIZE), .size = RECEIVE_SIZE };
        if (!x->buffer)
                return -ENOMEM;
        r = read_answers(fd, x);
        x->lost = false;
        x->n = b->n;
        x->awaited = b->awaited > 0 ? b->awaited : b->n;
        return r;
}

static int exchange_run(Exchange *x, int fd, const NetlinkBatch *b)
{
        ssize_t n;
        int r;

        do {
                n = send(fd, b->bytes.data, b->bytes.size, 0);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        r = read_answers(fd, x);
        if (r < 0)
                return r;
        if (x->result < 0)
                return x->result;
        if (x->lost)
                return -ENOBUFS;
        return x->answered || x->disturbed ? 0 : -EBADMSG;
}

static int exchange(int fd, const NetlinkBatch *b, const NetlinkReader *reader, void *userdata,
                    NetlinkFailure *ret_failure)
{
        _cleanup_(exchange_done) Exchange x = {};
        int r;

        r = exchange_init(&x, fd, b);
        if (r < 0)
                return r;
        x.reader = reader;
        x.userdata = userdata;
        r = exchange_run(&x, fd, b);
        if (r < 0 && ret_failure)
                *ret_failure = x.failure;
        return r < 0 ? r : x.disturbed;
}

int netlink_call(int fd, NetlinkBatch *b, NetlinkFailure *ret_failure)
{
        struct nlmsghdr *last;
        int r = netlink_batch_error(b);

        if (r < 0 || b->n == 0)
                return r;
        /* A failure is answered in any case and answers keep their order: one acknowledgement tells
         * about all, and the queue holds thousands of messages. nf_tables never acknowledges the
         * end of its batches before 6.10, hence the caller's own choice. */
        if (b->awaited == 0) {
                last = (void *)(b->bytes.data + b->message);
                last->nlmsg_flags |= NLM_F_ACK;
        }
        r = exchange(fd, b, NULL, NULL, ret_failure);
        return r < 0 ? r : 0;
}

int netlink_query(int fd, NetlinkBatch *b, const NetlinkReader *reader, void *userdata,
                  NetlinkFailure *ret_failure)
{
        int r = netlink_batch_error(b);

        assert(b->n == 1);
        if (r < 0)
                return r;
        for (int i = 0; i < DUMP_TRIES; i++) {
                if (i > 0 && reader->on_restart)
                        reader->on_restart(userdata);
                r = exchange(fd, b, reader, userdata, ret_failure);
                if (r != 1 && r != -ENOBUFS)
                        return r;
        }
        return r == 1 ? -EAGAIN : r;
}
