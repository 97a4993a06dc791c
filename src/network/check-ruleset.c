/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walking chains. An accept ends one base chain and no other, so each of a hook's is walked. */

#include "network/check-ruleset.h"

#include "network/check-match.h"
#include "network/table-text.h"

#include <string.h>

#define JUMPS_MAX 16 /* NFT_JUMP_STACK_SIZE */

typedef enum Verdict {
        VERDICT_CONTINUE,
        VERDICT_ACCEPT,
        VERDICT_DROP,
        VERDICT_RETURN,
} Verdict;

typedef struct Walk {
        const json_t *objects;
        const CheckPacket *packet;
        const char *family, *table;
        bool sure;      /* no rule that might have ended the walk was passed */
        CheckDrop drop; /* .table NULL: none */
        unsigned depth;
} Walk;

static const char *member(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key)) ?: "";
}

static const json_t *find_set(void *userdata, const char *name)
{
        const Walk *w = userdata;
        const json_t *object;
        size_t i;

        json_array_foreach(w->objects, i, object)
        {
                const json_t *set =
                        json_object_get(object, "set") ?: json_object_get(object, "map");

                if (set && strcmp(member(set, "name"), name) == 0 &&
                    strcmp(member(set, "table"), w->table) == 0 &&
                    strcmp(member(set, "family"), w->family) == 0)
                        return json_object_get(set, "elem");
        }
        return NULL;
}

static void note_drop(Walk *w, const char *chain, int64_t handle, bool sure, bool rejects)
{
        if (w->drop.table && (w->drop.certain || !sure))
                return;
        w->drop = (CheckDrop){ .certain = sure,
                               .rejects = rejects,
                               .family = w->family,
                               .table = w->table,
                               .chain = chain,
                               .handle = handle,
                               .what = w->packet->what };
}

static Verdict walk_chain(Walk *w, const char *chain);

/* Whether there was a jump at all decides over all that comes after it. */
static Verdict jump(Walk *w, const json_t *to, bool sure, bool returns)
{
        Verdict v;

        w->sure = w->sure && sure;
        v = walk_chain(w, member(to, "target"));
        if (!sure)
                return VERDICT_CONTINUE;
        return v == VERDICT_CONTINUE && !returns ? VERDICT_RETURN : v;
}

/* @sure: the rule matches for certain. */
static Verdict take_verdict(Walk *w, const json_t *rule, const json_t *verdict, bool sure)
{
        const char *chain = member(rule, "chain");
        int64_t handle = json_integer_value(json_object_get(rule, "handle"));
        bool rejects = json_object_get(verdict, "reject");
        const json_t *to = json_object_get(verdict, "jump");

        if (to || json_object_get(verdict, "goto"))
                return jump(w, to ?: json_object_get(verdict, "goto"), sure, to != NULL);
        if (json_object_get(verdict, "drop") || rejects) {
                note_drop(w, chain, handle, w->sure && sure, rejects);
                return sure ? VERDICT_DROP : VERDICT_CONTINUE;
        }
        if (json_object_get(verdict, "accept") || json_object_get(verdict, "return")) {
                if (sure)
                        return json_object_get(verdict, "accept") ? VERDICT_ACCEPT : VERDICT_RETURN;
                w->sure = false;
        }
        if (json_object_get(verdict, "queue"))
                w->sure = false;
        return VERDICT_CONTINUE;
}

/* The verdict of the element that means the packet. */
static Verdict take_map(Walk *w, const json_t *rule, const json_t *map, bool sure)
{
        const json_t *data = json_object_get(map, "data"), *pair;
        const json_t *pairs = json_object_get(data, "set");
        size_t i;

        if (json_is_string(data) && json_string_value(data)[0] == '@')
                pairs = find_set(w, json_string_value(data) + 1);
        json_array_foreach(pairs, i, pair)
        {
                CheckMatch m = check_match(w->packet, json_object_get(map, "key"),
                                           json_array_get(pair, 0), find_set, w);
                Verdict v;

                if (m == CHECK_MATCH_NO)
                        continue;
                v = take_verdict(w, rule, json_array_get(pair, 1), sure && m == CHECK_MATCH_YES);
                if (v != VERDICT_CONTINUE || m == CHECK_MATCH_YES)
                        return v;
        }
        return VERDICT_CONTINUE;
}

static CheckMatch judge(Walk *w, const json_t *match)
{
        const char *op = member(match, "op");
        CheckMatch m = check_match(w->packet, json_object_get(match, "left"),
                                   json_object_get(match, "right"), find_set, w);

        if (strcmp(op, "!=") == 0)
                return m == CHECK_MATCH_MAYBE ? m
                       : m == CHECK_MATCH_YES ? CHECK_MATCH_NO
                                              : CHECK_MATCH_YES;
        return strcmp(op, "==") == 0 || strcmp(op, "in") == 0 ? m : CHECK_MATCH_MAYBE;
}

static Verdict walk_rule(Walk *w, const json_t *rule)
{
        const json_t *parts = json_object_get(rule, "expr"), *part;
        bool sure = true;
        size_t i;

        json_array_foreach(parts, i, part)
        {
                const json_t *match = json_object_get(part, "match");
                const json_t *map = json_object_get(part, "vmap");
                const json_t *xt = json_object_get(part, "xt");
                CheckMatch m = match ? judge(w, match) : CHECK_MATCH_YES;
                Verdict v = VERDICT_CONTINUE;

                if (m == CHECK_MATCH_NO)
                        return VERDICT_CONTINUE;
                sure = sure && m == CHECK_MATCH_YES && !xt;
                if (xt && i + 1 == json_array_size(parts)) {
                        /* a target of iptables; only of this one it is known what it does */
                        if (strcmp(member(xt, "name"), "REJECT") == 0)
                                note_drop(w, member(rule, "chain"),
                                          json_integer_value(json_object_get(rule, "handle")),
                                          false, true);
                        w->sure = false;
                }
                if (!match)
                        v = map ? take_map(w, rule, map, sure) : take_verdict(w, rule, part, sure);
                if (v != VERDICT_CONTINUE)
                        return v;
        }
        return VERDICT_CONTINUE;
}

static Verdict walk_chain(Walk *w, const char *chain)
{
        const json_t *object;
        Verdict v = VERDICT_CONTINUE;
        size_t i;

        if (++w->depth > JUMPS_MAX)
                w->sure = false;
        else
                json_array_foreach(w->objects, i, object)
                {
                        const json_t *rule = json_object_get(object, "rule");

                        if (!rule || strcmp(member(rule, "chain"), chain) != 0 ||
                            strcmp(member(rule, "table"), w->table) != 0 ||
                            strcmp(member(rule, "family"), w->family) != 0)
                                continue;
                        v = walk_rule(w, rule);
                        if (v != VERDICT_CONTINUE)
                                break;
                }
        w->depth--;
        return v == VERDICT_RETURN ? VERDICT_CONTINUE : v;
}

static bool concerns(const json_t *chain, const CheckPacket *p)
{
        const char *family = member(chain, "family");

        return strcmp(member(chain, "hook"), p->hook) == 0 &&
               strcmp(member(chain, "table"), TABLE_NAME) != 0 &&
               (strcmp(family, "inet") == 0 ||
                strcmp(family, p->family == AF_INET ? "ip" : "ip6") == 0);
}

int check_ruleset_walk(const json_t *ruleset, const CheckPacket *packet, CheckDrop *ret)
{
        const json_t *objects = json_object_get(ruleset, "nftables"), *object;
        CheckDrop found = CHECK_DROP_NULL;
        size_t i;

        json_array_foreach(objects, i, object)
        {
                const json_t *chain = json_object_get(object, "chain");
                Walk w = { .objects = objects, .packet = packet, .sure = true };
                Verdict v;

                if (!chain || !concerns(chain, packet))
                        continue;
                w.family = member(chain, "family");
                w.table = member(chain, "table");
                v = walk_chain(&w, member(chain, "name"));
                if (v == VERDICT_CONTINUE && strcmp(member(chain, "policy"), "drop") == 0)
                        note_drop(&w, member(chain, "name"), 0, w.sure, false);
                if (w.drop.table && (!found.table || (w.drop.certain && !found.certain)))
                        found = w.drop;
        }
        *ret = found;
        return found.table != NULL;
}
