/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at the host's table straight through netlink: it is asked after each change that anybody
 * makes to nftables, and before each change of ours. */

#include "network/table-check.h"

#include "network/table-text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

typedef struct Question {
        struct nlmsghdr header;
        struct nfgenmsg family;
        char attributes[128];
} Question;

static void put_string(Question *q, unsigned short type, const char *value)
{
        size_t n = strlen(value) + 1;
        struct nlattr a = { .nla_type = type, .nla_len = (unsigned short)(NLA_HDRLEN + n) };
        char *p = (char *)q + q->header.nlmsg_len;

        memcpy(p, &a, sizeof(a));
        memcpy(p + NLA_HDRLEN, value, n);
        q->header.nlmsg_len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + n);
}

static Question question(int type)
{
        return (Question){
                .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
                            .nlmsg_type = (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type),
                            .nlmsg_flags = NLM_F_REQUEST },
                .family = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 },
        };
}

/* Sends, and reads the one answer. Its length; -ENOENT: there is no such thing. */
static ssize_t ask(int fd, const Question *q, char *answer, size_t size)
{
        const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)answer;
        ssize_t n;

        if (send(fd, q, q->header.nlmsg_len, MSG_NOSIGNAL) < 0)
                return -errno;
        n = recv(fd, answer, size, 0);
        if (n < 0)
                return -errno;
        if (!NLMSG_OK(h, (size_t)n))
                return -EBADMSG;
        if (h->nlmsg_type == NLMSG_ERROR) {
                const struct nlmsgerr *e = NLMSG_DATA(h);

                return e->error == 0 ? -EBADMSG : e->error;
        }
        return h->nlmsg_len;
}

/* The value of an attribute in an answer of nf_tables, or NULL. */
static const void *find_attribute(const char *answer, size_t size, int type, size_t *ret_size)
{
        size_t at = NLMSG_LENGTH(sizeof(struct nfgenmsg));

        while (at + NLA_HDRLEN <= size) {
                struct nlattr a;

                memcpy(&a, answer + at, sizeof(a));
                if (a.nla_len < NLA_HDRLEN || at + a.nla_len > size)
                        return NULL;
                if ((a.nla_type & NLA_TYPE_MASK) == type) {
                        *ret_size = (size_t)a.nla_len - NLA_HDRLEN;
                        return answer + at + NLA_HDRLEN;
                }
                at += NLA_ALIGN(a.nla_len);
        }
        return NULL;
}

static int table_has_mark(int fd)
{
        _Alignas(struct nlmsghdr) char answer[4096];
        Question q = question(NFT_MSG_GETTABLE);
        const void *comment;
        size_t size;
        ssize_t n;

        put_string(&q, NFTA_TABLE_NAME, TABLE_NAME);
        n = ask(fd, &q, answer, sizeof(answer));
        if (n < 0)
                return (int)n;
        comment = find_attribute(answer, (size_t)n, NFTA_TABLE_USERDATA, &size);
        return comment && memmem(comment, size, TABLE_MARK, sizeof(TABLE_MARK));
}

static int chain_is_whole(int fd, const TableChain *chain)
{
        _Alignas(struct nlmsghdr) char answer[4096];
        Question q = question(NFT_MSG_GETCHAIN);
        const void *use;
        uint32_t count;
        size_t size;
        ssize_t n;

        put_string(&q, NFTA_CHAIN_TABLE, TABLE_NAME);
        put_string(&q, NFTA_CHAIN_NAME, chain->name);
        n = ask(fd, &q, answer, sizeof(answer));
        if (n < 0)
                return (int)n;
        use = find_attribute(answer, (size_t)n, NFTA_CHAIN_USE, &size);
        if (!use || size != sizeof(count))
                return 0;
        memcpy(&count, use, sizeof(count));
        return ntohl(count) == chain->uses;
}

int table_check_open(void)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

        if (fd < 0)
                return errno == EPROTONOSUPPORT ? -EOPNOTSUPP : -errno;
        return fd;
}

int table_exists(int fd)
{
        int r = table_has_mark(fd);

        return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int table_is_sound(int fd)
{
        int r = table_has_mark(fd);

        for (size_t i = 0; r > 0 && i < n_table_chains; i++)
                r = chain_is_whole(fd, &table_chains[i]);
        return r == -ENOENT ? 0 : r == -EINVAL ? -EOPNOTSUPP : r;
}
