/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elements as table-element.c words them, in the bytes of the kernel: each part of a concatenation
 * is padded to four. Which ones they are, table-text.c says, so that both speak of one table. */

#include "network/table-share.h"

#include "network/local-path.h"
#include "network/published-list.h"
#include "network/table-check.h"
#include "network/table-element.h"
#include "network/table-text.h"
#include "network/udp-flows.h"
#include "os/lock.h"
#include "os/netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <string.h>

#define VALUE_MAX 64

typedef struct Value {
        uint8_t bytes[VALUE_MAX];
        size_t size;
} Value;

/* One part: an address, "interface", tcp, udp, or a port. */
static int encode_part(const char *text, size_t n, Value *v)
{
        uint8_t *at = v->bytes + v->size;
        char word[INET6_ADDRSTRLEN + 1];
        size_t size = 4;

        if (n >= sizeof(word) || v->size + IFNAMSIZ > VALUE_MAX)
                return -EINVAL;
        memcpy(word, text, n);
        word[n] = '\0';
        if (word[0] == '"' && n >= 2 && n - 2 < IFNAMSIZ) {
                memcpy(at, word + 1, n - 2);
                size = IFNAMSIZ;
        } else if (strcmp(word, "tcp") == 0 || strcmp(word, "udp") == 0) {
                *at = word[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP;
        } else if (strchr(word, ':')) {
                size = sizeof(struct in6_addr);
                if (inet_pton(AF_INET6, word, at) != 1)
                        return -EINVAL;
        } else if (strchr(word, '.')) {
                if (inet_pton(AF_INET, word, at) != 1)
                        return -EINVAL;
        } else {
                uint16_t port = htons((uint16_t)strtoul(word, NULL, 10));

                memcpy(at, &port, sizeof(port));
        }
        v->size += size;
        return 0;
}

/* "tcp . 8080" */
static int encode(const char *text, Value *ret)
{
        Value v = {};
        int r = 0;

        while (r >= 0 && *text) {
                const char *end = strstr(text, " . ");
                size_t n = end ? (size_t)(end - text) : strlen(text);

                r = encode_part(text, n, &v);
                text += n + (end ? 3 : 0);
        }
        if (r >= 0)
                *ret = v;
        return r;
}

static void put_value(NetlinkBatch *b, uint16_t type, const char *text)
{
        Value v = {};

        if (encode(text, &v) < 0)
                b->error = -EINVAL;
        netlink_nest_begin(b, type);
        netlink_put(b, NFTA_DATA_VALUE, v.bytes, v.size);
        netlink_nest_end(b);
}

/* The begin or end of what the kernel does as a whole or not at all. */
static void put_frame(NetlinkBatch *b, uint16_t type)
{
        struct nfgenmsg header = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

        netlink_begin(b, type, 0, &header, sizeof(header));
        netlink_end(b);
}

/* One element a message. @flags: the end of a batch is not acknowledged before 6.10, hence the last
 * element is. */
static void put_element(NetlinkBatch *b, const TableElement *e, bool add, uint16_t flags)
{
        struct nfgenmsg header = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
        int type = NFNL_SUBSYS_NFTABLES << 8 | (add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM);

        netlink_begin(b, (uint16_t)type, (uint16_t)((add ? NLM_F_CREATE : 0) | flags), &header,
                      sizeof(header));
        netlink_put_string(b, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
        netlink_put_string(b, NFTA_SET_ELEM_LIST_SET, table_set_name(e->set));
        netlink_nest_begin(b, NFTA_SET_ELEM_LIST_ELEMENTS);
        netlink_nest_begin(b, NFTA_LIST_ELEM);
        put_value(b, NFTA_SET_ELEM_KEY, e->key);
        if (add && e->value)
                put_value(b, NFTA_SET_ELEM_DATA, e->value);
        netlink_nest_end(b);
        netlink_nest_end(b);
        netlink_end(b);
}

static int commit(int fd, const TableElements *e, bool add)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;

        if (e->n == 0)
                return 0;
        put_frame(&b, NFNL_MSG_BATCH_BEGIN);
        for (size_t i = 0; i < e->n; i++)
                put_element(&b, &e->items[i], add, i + 1 == e->n ? NLM_F_ACK : 0);
        put_frame(&b, NFNL_MSG_BATCH_END);
        return netlink_call(fd, &b, NULL);
}

/* 1: changed. */
static int change(int dirfd, int fd, const char *machine, bool add)
{
        _cleanup_published_list_ PublishedList list = PUBLISHED_LIST_NULL;
        _cleanup_table_elements_ TableElements own = TABLE_ELEMENTS_NULL;
        const Published *p;
        int r = published_list_read(dirfd, &list, NULL);

        p = r < 0 ? NULL : published_list_find(&list, machine);
        if (!p || p->replaces || list.n < 2 || table_is_sound(fd) <= 0)
                return 0;
        if (add && published_list_check(&list, p, NULL, NULL) < 0)
                return 0;
        if (table_share_elements(&list, p, &own) < 0 || commit(fd, &own, add) < 0)
                return 0;
        udp_flows_forget(p, 1, add);
        return add ? local_path_open(p->interface) >= 0 : published_remove(dirfd, machine) >= 0;
}

static int change_locked(int dirfd, int fd, const char *machine, bool add)
{
        LockFile lock = LOCK_FILE_NULL;
        int r;

        if (fd < 0 || lock_file_wait(PUBLISHED_LOCK, true, &lock) < 0)
                return 0;
        r = change(dirfd, fd, machine, add);
        lock_file_release(&lock);
        return r;
}

int table_share_add(int dirfd, int fd, const char *machine)
{
        return change_locked(dirfd, fd, machine, true);
}

int table_share_remove(int dirfd, int fd, const char *machine)
{
        return change_locked(dirfd, fd, machine, false);
}
