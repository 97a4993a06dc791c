/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the table "filter" line by line: -P CHAIN POLICY, -N CHAIN, -A CHAIN with options. */

#include "network/check-legacy.h"

#include "base/strv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct LegacyRule {
        const char *family;
        json_t *parts; /* matches, then the verdict */
        bool negated;  /* "!" before the next option */
} LegacyRule;

static void put_match(LegacyRule *r, json_t *left, json_t *right)
{
        (void)json_array_append_new(r->parts, json_pack("{s:{s:s, s:o, s:o}}", "match", "op",
                                                        r->negated ? "!=" : "==", "left", left,
                                                        "right", right));
        r->negated = false;
}

static void put_link(LegacyRule *r, const char *key, const char *name)
{
        _cleanup_free_ char *pattern = strdup(name);
        size_t n = strlen(name);

        if (pattern && n > 0 && name[n - 1] == '+')
                pattern[n - 1] = '*';
        put_match(r, json_pack("{s:{s:s}}", "meta", "key", key), json_string(pattern ?: name));
}

static void put_address(LegacyRule *r, const char *field, const char *network)
{
        const char *slash = strchr(network, '/');
        json_t *left =
                json_pack("{s:{s:s, s:s}}", "payload", "protocol", r->family, "field", field);

        if (!slash || strchr(slash, '.')) /* a netmask that is no prefix is not judged */
                put_match(r, left, slash ? json_null() : json_string(network));
        else
                put_match(r, left,
                          json_pack("{s:{s:s%, s:i}}", "prefix", "addr", network,
                                    (size_t)(slash - network), "len", atoi(slash + 1)));
}

static void put_states(LegacyRule *r, const char *states)
{
        _cleanup_strv_ char **words = NULL;
        json_t *list = json_array();

        (void)strv_split(states, ",", &words);
        STRV_FOREACH (w, words) {
                for (char *c = *w; *c; c++)
                        if (*c >= 'A' && *c <= 'Z')
                                *c = (char)(*c - 'A' + 'a');
                (void)json_array_append_new(list, json_string(*w));
        }
        if (strv_contains(words, "dnat") || strv_contains(words, "snat")) {
                json_decref(list); /* no states for nftables */
                list = json_null();
        }
        put_match(r, json_pack("{s:{s:s}}", "ct", "key", "state"), list);
}

static void put_port(LegacyRule *r, const char *ports)
{
        char *end;
        long first = strtol(ports, &end, 10),
             last = *end == ':' ? strtol(end + 1, &end, 10) : first;
        json_t *left = json_pack("{s:{s:s, s:s}}", "payload", "protocol", "th", "field", "dport");

        put_match(r, left,
                  *end ? json_null()
                       : json_pack("{s:[I, I]}", "range", (json_int_t)first, (json_int_t)last));
}

static void put_target(LegacyRule *r, const char *option, const char *target)
{
        static const char *const verdicts[] = { "ACCEPT", "DROP", "REJECT", "RETURN" };
        static const char *const names[] = { "accept", "drop", "reject", "return" };
        static const char *const silent[] = { "LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS" };

        for (size_t i = 0; i < ELEMENTSOF(verdicts); i++)
                if (strcmp(target, verdicts[i]) == 0) {
                        (void)json_array_append_new(r->parts, json_pack("{s:n}", names[i]));
                        return;
                }
        for (size_t i = 0; i < ELEMENTSOF(silent); i++)
                if (strcmp(target, silent[i]) == 0)
                        return;
        (void)json_array_append_new(r->parts, json_pack("{s:{s:s}}",
                                                        strcmp(option, "-g") == 0 ? "goto" : "jump",
                                                        "target", target));
}

/* One option with its value. Returns how many words it takes, 0 if it is not known. */
static size_t put_option(LegacyRule *r, const char *option, const char *value)
{
        if (!value)
                return 0;
        if (strcmp(option, "-i") == 0)
                put_link(r, "iifname", value);
        else if (strcmp(option, "-o") == 0)
                put_link(r, "oifname", value);
        else if (strcmp(option, "-s") == 0)
                put_address(r, "saddr", value);
        else if (strcmp(option, "-d") == 0)
                put_address(r, "daddr", value);
        else if (strcmp(option, "-p") == 0)
                put_match(r, json_pack("{s:{s:s}}", "meta", "key", "l4proto"), json_string(value));
        else if (strcmp(option, "--ctstate") == 0 || strcmp(option, "--state") == 0)
                put_states(r, value);
        else if (strcmp(option, "--dport") == 0)
                put_port(r, value);
        else if (strcmp(option, "-j") == 0 || strcmp(option, "-g") == 0)
                put_target(r, option, value);
        else if (strcmp(option, "--reject-with") != 0 && strcmp(option, "--log-prefix") != 0 &&
                 !(strcmp(option, "-m") == 0 &&
                   (strcmp(value, "conntrack") == 0 || strcmp(value, "state") == 0 ||
                    strcmp(value, "tcp") == 0 || strcmp(value, "udp") == 0 ||
                    strcmp(value, "comment") == 0)) &&
                 strcmp(option, "--comment") != 0)
                return 0;
        return 2;
}

static json_t *parse_rule(const char *family, char **words, int64_t line, const char *text)
{
        LegacyRule r = { .family = family, .parts = json_array() };
        size_t n = strv_length(words);

        for (size_t i = 2; i < n;) {
                size_t taken;

                if (strcmp(words[i], "!") == 0) {
                        r.negated = true;
                        i++;
                        continue;
                }
                taken = put_option(&r, words[i], words[i + 1]);
                if (taken == 0) {
                        /* at the front, so that it is no target */
                        (void)json_array_insert_new(r.parts, 0,
                                                    json_pack("{s:{s:s}}", "xt", "type", "match"));
                        r.negated = false;
                }
                i += taken > 0 ? taken : 1;
        }
        return json_pack("{s:{s:s, s:s, s:s, s:I, s:s, s:o}}", "rule", "family", family, "table",
                         "filter", "chain", words[1], "handle", (json_int_t)line, "text", text,
                         "expr", r.parts);
}

static json_t *parse_chain(const char *family, const char *name, const char *policy)
{
        static const char *const chains[] = { "INPUT", "FORWARD", "OUTPUT" };
        static const char *const hooks[] = { "input", "forward", "output" };
        const char *hook = "";

        for (size_t i = 0; i < ELEMENTSOF(chains); i++)
                if (strcmp(name, chains[i]) == 0)
                        hook = hooks[i];
        return json_pack("{s:{s:s, s:s, s:s, s:s, s:s}}", "chain", "family", family, "table",
                         "filter", "name", name, "hook", hook, "policy",
                         strcmp(policy, "DROP") == 0 ? "drop" : "accept");
}

json_t *check_legacy_parse(const char *family, const char *text)
{
        _cleanup_strv_ char **lines = NULL;
        json_t *objects = json_array();
        int64_t line = 0;

        if (strv_split(text, "\n", &lines) < 0) {
                json_decref(objects);
                return NULL;
        }
        STRV_FOREACH (l, lines) {
                _cleanup_strv_ char **words = NULL;

                line++;
                if (strv_split_quoted(*l, &words) < 0 || strv_length(words) < 3)
                        continue;
                if (strcmp(words[0], "-P") == 0)
                        (void)json_array_append_new(objects,
                                                    parse_chain(family, words[1], words[2]));
                else if (strcmp(words[0], "-A") == 0)
                        (void)json_array_append_new(objects, parse_rule(family, words, line, *l));
        }
        return json_pack("{s:o}", "nftables", objects);
}
