/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages written and read back, messages that lie about their size, and what the kernel of a
 * namespace of our own says to good and bad ones. */

#include "netns.h"

#include <sys/socket.h>

static void test_write_and_read(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        const struct nlmsghdr *h;
        NetlinkMessage m, inner;
        const void *data;
        size_t size;

        netlink_begin(&b, 100, NLM_F_DUMP, "abcde", 5);
        netlink_put(&b, 1, "\x12", 1);
        netlink_put_u16(&b, 2, 0x1234);
        netlink_nest_begin(&b, 3);
        netlink_put_string(&b, 4, "text");
        netlink_put_u32(&b, 5, 0x12345678);
        netlink_nest_end(&b);
        netlink_put_u64(&b, 6, UINT64_MAX - 1);
        netlink_put(&b, 7, NULL, 0);
        netlink_end(&b);
        netlink_begin(&b, 101, 0, NULL, 0);
        netlink_put_u64(&b, 1, 1);
        netlink_end(&b);
        assert_int_equal(netlink_batch_error(&b), 0);

        data = b.bytes.data;
        size = b.bytes.size;
        assert_int_equal(netlink_next(&data, &size, &h), 1);
        assert_int_equal(h->nlmsg_type, 100);
        assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
        assert_int_equal(netlink_message_parse(h, 5, &m), 0);
        assert_memory_equal(m.fixed, "abcde", 5);
        assert_int_equal(netlink_u8(&m.attributes[1], 0), 0x12);
        assert_int_equal(netlink_u16(&m.attributes[2], 0), 0x1234);
        assert_int_equal(netlink_parse(m.attributes[3].data, m.attributes[3].size, inner.attributes,
                                       NETLINK_ATTRIBUTES_MAX),
                         0);
        assert_string_equal(netlink_string(&inner.attributes[4]), "text");
        assert_int_equal(netlink_u32(&inner.attributes[5], 0), 0x12345678);
        assert_int_equal(m.attributes[6].size, sizeof(uint64_t));
        assert_true(m.attributes[7].data && m.attributes[7].size == 0);
        assert_null(netlink_string(&m.attributes[7]));
        assert_int_equal(netlink_u32(&m.attributes[6], 42), 42); /* another size */
        assert_int_equal(netlink_u16(&m.attributes[8], 43), 43); /* missing */
        assert_int_equal(netlink_next(&data, &size, &h), 1);
        assert_int_equal(h->nlmsg_seq, 2);
        assert_int_equal(netlink_next(&data, &size, &h), 0);
}

static void test_too_large(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        static const char large[40000];

        netlink_begin(&b, 100, 0, NULL, 0);
        netlink_put(&b, 1, large, sizeof(large));
        netlink_end(&b);
        assert_int_equal(netlink_batch_error(&b), 0);
        netlink_begin(&b, 100, 0, NULL, 0);
        netlink_nest_begin(&b, 2);
        netlink_put(&b, 1, large, sizeof(large));
        netlink_put(&b, 1, large, sizeof(large));
        netlink_nest_end(&b);
        netlink_end(&b);
        assert_int_equal(netlink_batch_error(&b), -EMSGSIZE);
        assert_int_equal(netlink_call(-1, &b, NULL), -EMSGSIZE);
        netlink_batch_clear(&b);
        assert_int_equal(netlink_batch_error(&b), 0);
        assert_int_equal(netlink_call(-1, &b, NULL), 0); /* nothing to send */
}

static void test_lying_lengths(void **state)
{
        struct {
                struct nlmsghdr h;
                struct nlattr a;
                uint32_t value;
        } m = { { sizeof(m), 100, 0, 1, 0 }, { 8, 1 }, 7 };
        const struct nlmsghdr *h;
        NetlinkMessage parsed;
        const void *data = &m;
        size_t size = sizeof(m);

        assert_int_equal(netlink_message_parse(&m.h, 0, &parsed), 0);
        assert_int_equal(netlink_u32(&parsed.attributes[1], 0), 7);
        m.a.nla_len = 9; /* beyond the message */
        assert_int_equal(netlink_message_parse(&m.h, 0, &parsed), -EBADMSG);
        m.a.nla_len = 3; /* less than its own header */
        assert_int_equal(netlink_message_parse(&m.h, 0, &parsed), -EBADMSG);
        assert_int_equal(netlink_message_parse(&m.h, 9, &parsed), -EBADMSG);
        assert_int_equal(netlink_message_parse(&m.h, 8, &parsed), 0);
        m.h.nlmsg_len = sizeof(m) + 1;
        assert_int_equal(netlink_next(&data, &size, &h), -EBADMSG);
        m.h.nlmsg_len = 15;
        assert_int_equal(netlink_next(&data, &size, &h), -EBADMSG);
        size = 15;
        assert_int_equal(netlink_next(&data, &size, &h), -EBADMSG);
}

static void test_error_words(void **state)
{
        struct {
                struct nlmsghdr h;
                struct nlmsgerr e;
                struct nlattr a;
                char words[8];
        } m = {
                { sizeof(m), NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 1, 0 },
                { -EPERM, { .nlmsg_len = 5000 } },
                { 4 + 8, NLMSGERR_ATTR_MSG },
                "not you",
        };
        char text[5];
        int error = 0;

        assert_int_equal(netlink_error_parse(&m.h, &error, text, sizeof(text)), 0);
        assert_int_equal(error, -EPERM);
        assert_string_equal(text, "not "); /* cut */
        m.h.nlmsg_flags = NLM_F_ACK_TLVS;  /* the request of 5000 bytes is not there */
        assert_int_equal(netlink_error_parse(&m.h, &error, text, sizeof(text)), 0);
        assert_string_equal(text, "");
        m.words[7] = 'x'; /* no end */
        m.h.nlmsg_flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
        assert_int_equal(netlink_error_parse(&m.h, &error, text, sizeof(text)), 0);
        assert_string_equal(text, "");
        m.e.error = 1;
        assert_int_equal(netlink_error_parse(&m.h, &error, text, sizeof(text)), -EBADMSG);
        m.h.nlmsg_len = NLMSG_HDRLEN + 4;
        assert_int_equal(netlink_error_parse(&m.h, &error, text, sizeof(text)), -EBADMSG);
        m.h.nlmsg_type = NLMSG_DONE;
        m.e.error = 0;
        assert_int_equal(netlink_error_parse(&m.h, &error, text, sizeof(text)), 0);
}

/* The second of three fails, with the kernel's words; the third is carried out. */
static void test_failure(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        LinkSpec one = spec_named("one"), two = spec_named("two"), other = spec_named("other");
        LinkSpec large = spec_named("large");
        NetlinkFailure failure = {};

        large.mtu = 10000000;
        link_add_bridge(&b, &one);
        link_add_bridge(&b, &large);
        link_add_bridge(&b, &two);
        assert_true(netlink_call(rtnl, &b, &failure) == -EINVAL);
        assert_int_equal(failure.index, 1);
        assert_string_equal(failure.text, "mtu greater than device maximum");
        assert_true(index_of(rtnl, "two") > 0);

        netlink_batch_clear(&b);
        link_add_bridge(&b, &other);
        link_add_bridge(&b, &one);
        link_add_bridge(&b, &two);
        assert_int_equal(netlink_call(rtnl, &b, &failure), -EEXIST);
        assert_int_equal(failure.index, 1);
        assert_int_equal(netlink_call(rtnl, &b, NULL), -EEXIST);
}

static void test_unknown_kind(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        struct ifinfomsg header = {};
        NetlinkFailure failure = {};

        netlink_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
        netlink_nest_begin(&b, IFLA_LINKINFO);
        netlink_put_string(&b, IFLA_INFO_KIND, "no-such-kind");
        netlink_nest_end(&b);
        netlink_end(&b);
        assert_int_equal(netlink_call(rtnl, &b, &failure), -EOPNOTSUPP);
        assert_int_equal(failure.index, 0);
        assert_string_equal(failure.text, "Unknown device type");
}

/* More failures than the queue holds: the first is still known, and the socket still works. */
static void test_overrun(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        NetlinkFailure failure = {};
        int size = 4096;

        assert_int_equal(setsockopt(rtnl, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
        link_set_up(&b, LINK_BY_NAME("lo"), true);
        for (int i = 0; i < 500; i++)
                link_set_up(&b, LINK_BY_NAME("nothing"), true);
        assert_int_equal(netlink_call(rtnl, &b, &failure), -ENODEV);
        assert_int_equal(failure.index, 1);
        netlink_batch_clear(&b);
        for (int i = 0; i < 500; i++)
                link_set_up(&b, LINK_BY_NAME("lo"), true);
        run_batch(rtnl, &b);
        assert_true(index_of(rtnl, "lo") > 0);
}

static int refuse(const NetlinkMessage *message, void *userdata)
{
        ++*(int *)userdata;
        return -ECANCELED;
}

/* A reader that gives up leaves the socket usable. */
static void test_reader_fails(void **state)
{
        static const NetlinkReader reader = { RTM_NEWLINK, sizeof(struct ifinfomsg), refuse, NULL };
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        struct ifinfomsg header = {};
        int called = 0;

        (void)make_pair();
        netlink_begin(&b, RTM_GETLINK, NLM_F_DUMP, &header, sizeof(header));
        netlink_end(&b);
        assert_int_equal(netlink_query(rtnl, &b, &reader, &called, NULL), -ECANCELED);
        assert_int_equal(called, 1);
        assert_true(index_of(rtnl, "one") > 0);
}

/* A reader that changes the table while it is read. */
typedef struct Disturber {
        int fd;          /* a socket beside the one that is read from */
        unsigned passes; /* how many to disturb */
        unsigned restarts;
        size_t n; /* links seen in this pass */
} Disturber;

static int disturb(const NetlinkMessage *message, void *userdata)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        Disturber *d = userdata;
        char name[IFNAMSIZ];
        LinkSpec spec;

        if (d->n++ > 0 || d->passes == 0)
                return 0;
        d->passes--;
        (void)snprintf(name, sizeof(name), "new%u", d->passes);
        spec = spec_named(name);
        link_add_bridge(&b, &spec);
        return netlink_call(d->fd, &b, NULL);
}

static void start_over(void *userdata)
{
        Disturber *d = userdata;

        d->restarts++;
        d->n = 0;
}

static void test_disturbed(void **state)
{
        static const NetlinkReader reader = { RTM_NEWLINK, sizeof(struct ifinfomsg), disturb,
                                              start_over };
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_close_ int beside = netlink_open(NETLINK_ROUTE);
        Disturber d = { .fd = beside, .passes = 2 };
        struct ifinfomsg header = {};
        char name[IFNAMSIZ];

        for (unsigned i = 0; i < 150; i++) { /* several datagrams full */
                LinkSpec spec = spec_named(name);

                (void)snprintf(name, sizeof(name), "stays%u", i);
                link_add_bridge(&b, &spec);
        }
        run_batch(rtnl, &b);
        netlink_begin(&b, RTM_GETLINK, NLM_F_DUMP, &header, sizeof(header));
        netlink_end(&b);
        assert_int_equal(netlink_query(rtnl, &b, &reader, &d, NULL), 0);
        assert_int_equal(d.restarts, 2);
        assert_int_equal(d.n, 150 + 2 + 1); /* and lo */

        d = (Disturber){ .fd = beside, .passes = 99 };
        assert_int_equal(netlink_query(rtnl, &b, &reader, &d, NULL), -EAGAIN);
        assert_int_equal(d.restarts, 7);
}

/* Claims in the middle of a dump, from another socket, that the kernel refuses. */
static int forge(const NetlinkMessage *message, void *userdata)
{
        struct {
                struct nlmsghdr h;
                struct nlmsgerr e;
        } lie = { { sizeof(lie), NLMSG_ERROR, NLM_F_CAPPED, 1, 0 }, { .error = -EPERM } };
        struct sockaddr_nl to = {};
        socklen_t size = sizeof(to);
        Disturber *d = userdata;

        assert_int_equal(getsockname(rtnl, (void *)&to, &size), 0);
        assert_int_equal(sendto(d->fd, &lie, sizeof(lie), 0, (void *)&to, sizeof(to)), sizeof(lie));
        d->n++;
        return 0;
}

static void test_forged(void **state)
{
        static const NetlinkReader reader = { RTM_NEWLINK, sizeof(struct ifinfomsg), forge, NULL };
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_close_ int beside = netlink_open(NETLINK_ROUTE);
        Disturber d = { .fd = beside };
        struct ifinfomsg header = {};

        netlink_begin(&b, RTM_GETLINK, NLM_F_DUMP, &header, sizeof(header));
        netlink_end(&b);
        assert_int_equal(netlink_query(rtnl, &b, &reader, &d, NULL), 0);
        assert_int_equal(d.n, 1); /* lo */
        netlink_batch_clear(&b);
        link_set_up(&b, LINK_BY_NAME("lo"), true);
        run_batch(rtnl, &b);
}

/* Answers that nobody read, from who had the socket before. */
static void test_left_behind(void **state)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;

        link_delete(&b, LINK_BY_NAME("nothing"));
        assert_true(send(rtnl, b.bytes.data, b.bytes.size, 0) > 0);
        netlink_batch_clear(&b);
        link_set_up(&b, LINK_BY_NAME("lo"), true);
        run_batch(rtnl, &b);
}

static void test_other_families(void **state)
{
        static const int families[] = { NETLINK_NETFILTER, NETLINK_SOCK_DIAG };

        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                _cleanup_close_ int fd = netlink_open(families[i]);

                assert_true(fd >= 0);
        }
        assert_true(netlink_open(31) < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_write_and_read),
                cmocka_unit_test(test_too_large),
                cmocka_unit_test(test_lying_lengths),
                cmocka_unit_test(test_error_words),
                WITH_NETNS(test_failure),
                WITH_NETNS(test_unknown_kind),
                WITH_NETNS(test_overrun),
                WITH_NETNS(test_reader_fails),
                WITH_NETNS(test_disturbed),
                WITH_NETNS(test_forged),
                WITH_NETNS(test_left_behind),
                WITH_NETNS(test_other_families),
        };
        int r = world_enter();

        return r != 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
