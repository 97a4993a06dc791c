/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Into the machine: a token bucket where the host's end sends. Out of it: what the host's end
 * receives makes a detour over a link of the kind ifb, which has such a bucket where it "sends".
 * Packets wait in a queue there; a policer, which drops them, would cost TCP far more than the
 * limit asks for, and not every kernel has one. */

#include "network/bandwidth.h"

#include "base/cleanup.h"
#include "network/link-name.h"
#include "os/link-list.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>

#define BURST_MIN (16 * 1024)         /* ten packets, or the first ones wait */
#define BURST_MAX (64 * 1024 * 1024)  /* bytes; beyond, the limit is only a wish */
#define QUEUE_MIN (64 * 1024)         /* one packet of 64 KiB as TCP makes them */
#define QUEUE_MAX (256 * 1024 * 1024) /* bytes */
#define INGRESS TC_H_MAKE(TC_H_INGRESS, 0)

static uint32_t clamp(uint64_t value, uint32_t min, uint32_t max)
{
        return value < min ? min : value > max ? max : (uint32_t)value;
}

/* tc(8): tbf rate @bits burst 10ms latency 100ms. @bits a second. */
static void put_bucket(NetlinkBatch *b, int index, uint64_t bits)
{
        uint64_t bytes = bits / 8;
        struct tcmsg header = { .tcm_ifindex = index, .tcm_parent = TC_H_ROOT };
        uint32_t burst = clamp(bytes / 100, BURST_MIN, BURST_MAX);
        struct tc_tbf_qopt bucket = {
                .rate = { .linklayer = TC_LINKLAYER_ETHERNET,
                          .rate = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes },
                .limit = burst + clamp(bytes / 10, QUEUE_MIN, QUEUE_MAX),
        };

        netlink_begin(b, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
        netlink_put_string(b, TCA_KIND, "tbf");
        netlink_nest_begin(b, TCA_OPTIONS);
        netlink_put(b, TCA_TBF_PARMS, &bucket, sizeof(bucket));
        netlink_put_u32(b, TCA_TBF_BURST, burst);
        if (bytes > UINT32_MAX)
                netlink_put_u64(b, TCA_TBF_RATE64, bytes);
        netlink_nest_end(b);
        netlink_end(b);
}

/* tc(8): action mirred egress redirect */
static void put_redirect(NetlinkBatch *b, int to)
{
        struct tc_mirred redirect = { .action = TC_ACT_STOLEN,
                                      .eaction = TCA_EGRESS_REDIR,
                                      .ifindex = (uint32_t)to };

        netlink_nest_begin(b, TCA_U32_ACT);
        netlink_nest_begin(b, 1 /* the first action */);
        netlink_put_string(b, TCA_ACT_KIND, "mirred");
        netlink_nest_begin(b, TCA_ACT_OPTIONS);
        netlink_put(b, TCA_MIRRED_PARMS, &redirect, sizeof(redirect));
        netlink_nest_end(b);
        netlink_nest_end(b);
        netlink_nest_end(b);
}

/* All that comes in by @from goes out by @to; u32 with a mask of nothing is the filter that every
 * kernel has. */
static void put_detour(NetlinkBatch *b, int from, int to)
{
        struct tcmsg ingress = { .tcm_ifindex = from,
                                 .tcm_handle = INGRESS,
                                 .tcm_parent = TC_H_INGRESS };
        struct tcmsg filter = { .tcm_ifindex = from,
                                .tcm_parent = INGRESS,
                                .tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL)) };
        const struct tc_u32_sel head = { .flags = TC_U32_TERMINAL, .nkeys = 1 };
        /* with one key behind it that asks for nothing */
        uint8_t everything[sizeof(head) + sizeof(struct tc_u32_key)] = {};

        memcpy(everything, &head, sizeof(head));
        netlink_begin(b, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &ingress, sizeof(ingress));
        netlink_put_string(b, TCA_KIND, "ingress");
        netlink_end(b);
        netlink_begin(b, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &filter, sizeof(filter));
        netlink_put_string(b, TCA_KIND, "u32");
        netlink_nest_begin(b, TCA_OPTIONS);
        netlink_put(b, TCA_U32_SEL, everything, sizeof(everything));
        put_redirect(b, to);
        netlink_nest_end(b);
        netlink_end(b);
}

static int explain(const Network *n, const NetlinkFailure *failure, int r, Error *error)
{
        error_errno(error, -r, "Failed to limit the bandwidth of '%s'%s%s", n->name,
                    failure->text[0] ? ": " : "", failure->text);
        if (r == -EOPNOTSUPP || r == -ENOENT)
                error_hint(error, "modprobe -a sch_tbf sch_ingress cls_u32 act_mirred ifb");
        return r;
}

static int call(const Network *n, NetlinkBatch *b, Error *error)
{
        NetlinkFailure failure = {};
        int r = netlink_call(n->host_fd, b, &failure);

        return r < 0 ? explain(n, &failure, r, error) : 0;
}

static int find_index(const Network *n, const char *name, Error *error)
{
        _cleanup_link_ Link link = LINK_NULL;
        int r = link_find(n->host_fd, LINK_BY_NAME(name), &link);

        return r < 0 ? error_errno(error, -r, "Failed to find interface '%s'", name) : link.index;
}

/* Its index. */
static int make_detour(const Network *n, Error *error)
{
        const LinkName *name = &n->plan->detour;
        LinkSpec spec = { name->name, NULL, n->plan->mtu, -EBADF, true };
        _cleanup_netlink_batch_ NetlinkBatch made = NETLINK_BATCH_NULL, b = NETLINK_BATCH_NULL;
        int r;

        link_add_ifb(&made, &spec);
        r = call(n, &made, error);
        if (r < 0)
                return r;
        network_sign(n, &b, name);
        r = call(n, &b, error);
        return r < 0 ? r : find_index(n, name->name, error);
}

/* Of killed launchers: host0 goes with its machine and is made before the detour, which has no
 * other end and stays. */
static void remove_orphans(const Network *n)
{
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        _cleanup_link_list_ LinkList list = LINK_LIST_NULL;

        if (link_list_kind(n->host_fd, "ifb", &list) < 0)
                return;
        for (size_t i = 0; i < list.n; i++) {
                const char *owner = network_signer(&list.items[i]);

                if (owner && !link_name_find_end(owner, NULL))
                        link_delete(&b, LINK_BY_INDEX(list.items[i].index));
        }
        if (b.n > 0)
                (void)netlink_call(n->host_fd, &b, NULL); /* somebody else was faster */
}

int bandwidth_up(const Network *n, Error *error)
{
        const BandwidthSetting *limit = &n->plan->bandwidth;
        _cleanup_netlink_batch_ NetlinkBatch b = NETLINK_BATCH_NULL;
        int host0, detour;

        if (!n->plan->veth)
                return 0;
        bandwidth_down(n); /* of a killed launcher: no other link of it stays */
        remove_orphans(n);
        if (limit->in == 0 && limit->out == 0)
                return 0;
        host0 = find_index(n, n->plan->links[0].host.name, error);
        if (host0 < 0)
                return host0;
        if (limit->in > 0)
                put_bucket(&b, host0, limit->in);
        if (limit->out > 0) {
                detour = make_detour(n, error);
                if (detour < 0)
                        return detour;
                put_bucket(&b, detour, limit->out);
                put_detour(&b, host0, detour);
        }
        return call(n, &b, error);
}

void bandwidth_down(const Network *n)
{
        if (n->plan->veth)
                network_remove_own(n, n->plan->detour.name);
}
