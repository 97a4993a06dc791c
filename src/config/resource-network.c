/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of the resource keys that are about networks: addresses, ports, interfaces, sets. */

#include "base/parse.h"
#include "config/resource-parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#define WHITE " \t\n\r"

static const struct {
        const char *name, *networks[2];
} network_words[] = {
        { "any", { "0.0.0.0/0", "::/0" } },
        { "localhost", { "127.0.0.0/8", "::1/128" } },
        { "link-local", { "169.254.0.0/16", "fe80::/64" } },
        { "multicast", { "224.0.0.0/4", "ff00::/8" } },
};

/* "192.0.2.0/24"; the bits beyond the prefix are cleared. */
static int parse_network(const char *word, ResourceItem *item)
{
        char address[INET6_ADDRSTRLEN];
        const char *slash = strchr(word, '/');
        size_t n = slash ? (size_t)(slash - word) : strlen(word);
        uint32_t bits, prefix;

        if (n >= sizeof(address))
                return -EINVAL;
        memcpy(address, word, n);
        address[n] = '\0';
        item->family = strchr(address, ':') ? AF_INET6 : AF_INET;
        bits = item->family == AF_INET ? 32 : 128;
        prefix = bits;
        if (inet_pton(item->family, address, item->address) != 1 ||
            (slash && (parse_uint32(slash + 1, &prefix) < 0 || prefix > bits)))
                return -EINVAL;
        for (uint32_t i = prefix; i < bits; i++)
                item->address[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
        item->prefix = prefix;
        return 0;
}

static int add_network(const char *word, ResourceValue *v)
{
        ResourceItem network = {}, *item;
        int r = parse_network(word, &network);

        if (r < 0)
                return r;
        item = resource_item_add(v, NULL, NULL);
        if (!item)
                return -ENOMEM;
        *item = network;
        return 0;
}

static int add_network_word(const char *word, ResourceValue *v)
{
        for (size_t i = 0; i < ELEMENTSOF(network_words); i++)
                if (strcmp(network_words[i].name, word) == 0) {
                        int r = add_network(network_words[i].networks[0], v);

                        return r < 0 ? r : add_network(network_words[i].networks[1], v);
                }
        return add_network(word, v);
}

int resource_parse_addresses(const char *s, ResourceValue *v, Error *error)
{
        v->form = RESOURCE_FORM_ADDRESSES;
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = resource_next_word(&s, WHITE, &word);

                if (r <= 0)
                        return r;
                r = add_network_word(word, v);
                if (r == -EINVAL)
                        return error_set(error, EINVAL,
                                         "'%s' is not a network such as 192.0.2.0/24 or "
                                         "2001:db8::/32, nor any, localhost, link-local or "
                                         "multicast",
                                         word);
                if (r < 0)
                        return r;
        }
}

/* "443" or "8000-8999" */
static int parse_ports(const char *s, ResourceItem *item)
{
        const char *dash = strchr(s, '-');
        char first[8];
        uint32_t a, b;

        if ((dash ? (size_t)(dash - s) : strlen(s)) >= sizeof(first))
                return -EINVAL;
        (void)snprintf(first, sizeof(first), "%.*s", (int)(dash ? dash - s : 7), s);
        if (parse_uint32(first, &a) < 0 || parse_uint32(dash ? dash + 1 : first, &b) < 0 || a < 1 ||
            b < a || b > UINT16_MAX)
                return -EINVAL;
        item->port = (uint16_t)a;
        item->n_ports = (uint16_t)(b - a + 1);
        return 0;
}

/* [family:][protocol:][ports]: each at most once, in this order, at least one. */
static int parse_rule(const char *s, ResourceItem *rule)
{
        if (strcmp(s, "any") == 0)
                return 0;
        for (int place = 0;; s++) {
                _cleanup_free_ char *part = strndup(s, strcspn(s, ":"));

                if (!part)
                        return -ENOMEM;
                if (place < 1 && (strcmp(part, "ipv4") == 0 || strcmp(part, "ipv6") == 0)) {
                        rule->family = part[3] == '4' ? AF_INET : AF_INET6;
                        place = 1;
                } else if (place < 2 && (strcmp(part, "tcp") == 0 || strcmp(part, "udp") == 0)) {
                        rule->protocol = part[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP;
                        place = 2;
                } else if (place < 3 && parse_ports(part, rule) >= 0) {
                        place = 3;
                } else {
                        return -EINVAL;
                }
                s += strlen(part);
                if (*s == '\0')
                        return 0;
        }
}

int resource_parse_socket_bind(const char *s, ResourceValue *v, Error *error)
{
        ResourceItem rule = {}, *item;
        int r = parse_rule(s, &rule);

        if (r == -EINVAL)
                return error_set(error, EINVAL,
                                 "not a rule, write for instance 443, 8000-8999, ipv4:tcp:80, udp "
                                 "or any; ports are 1 to 65535");
        v->form = RESOURCE_FORM_PORTS;
        item = r < 0 ? NULL : resource_item_add(v, NULL, NULL);
        if (!item)
                return -ENOMEM;
        *item = rule;
        return 0;
}

static bool interface_name_is_valid(const char *name)
{
        size_t n = strlen(name);

        if (n == 0 || n >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            strspn(name, "0123456789") == n)
                return false;
        for (; *name; name++)
                if ((unsigned char)*name <= ' ' || (unsigned char)*name >= 0x7f ||
                    strchr(":/%", *name))
                        return false;
        return true;
}

int resource_parse_interfaces(const char *s, ResourceValue *v, Error *error)
{
        v->form = RESOURCE_FORM_INTERFACES;
        v->number = *s != '~';
        s += *s == '~';
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = resource_next_word(&s, WHITE, &word);

                if (r <= 0)
                        return r;
                if (!interface_name_is_valid(word))
                        return error_set(error, EINVAL, "'%s' is not the name of an interface",
                                         word);
                if (!resource_item_add(v, word, NULL))
                        return -ENOMEM;
        }
}

/* What nftables calls an identifier. */
static bool nft_name_is_valid(const char *s, size_t n)
{
        if (n == 0 || n > 31 || !isalpha((unsigned char)*s))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)s[i]) && !strchr("/\\_.", s[i]))
                        return false;
        return true;
}

/* The number behind a word, or -EINVAL. */
static int number_of(const char *s, size_t n, const char *const *names, const int *numbers)
{
        for (size_t i = 0; names[i]; i++)
                if (strlen(names[i]) == n && memcmp(names[i], s, n) == 0)
                        return numbers[i];
        return -EINVAL;
}

static int add_nft_set(const char *word, ResourceValue *v)
{
        static const char *const sources[] = { "cgroup", "user", "group", NULL };
        static const int source_numbers[] = { 0, 1, 2 }; /* systemd's NFTSetSource */
        static const char *const families[] = {
                "inet", "ip", "arp", "netdev", "bridge", "ip6", NULL
        };
        static const int family_numbers[] = { 1, 2, 3, 5, 7, 10 }; /* the kernel's NFPROTO_* */
        const char *part[4];
        size_t n[4];
        ResourceItem *item;
        int source, family;

        for (size_t i = 0; i < 4; i++) {
                part[i] = word;
                n[i] = strcspn(word, ":");
                word += n[i];
                if ((*word == ':') != (i < 3))
                        return -EINVAL;
                word += *word == ':';
        }
        source = number_of(part[0], n[0], sources, source_numbers);
        family = number_of(part[1], n[1], families, family_numbers);
        if (source < 0 || family < 0 || !nft_name_is_valid(part[2], n[2]) ||
            !nft_name_is_valid(part[3], n[3]))
                return -EINVAL;
        item = resource_item_add(v, NULL, part[3]);
        if (!item)
                return -ENOMEM;
        item->protocol = source;
        item->family = family;
        item->name = strndup(part[2], n[2]);
        return item->name ? 0 : -ENOMEM;
}

int resource_parse_nft_sets(const char *s, ResourceValue *v, Error *error)
{
        v->form = RESOURCE_FORM_NFT_SETS;
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = resource_next_word(&s, WHITE, &word);

                if (r <= 0)
                        return r;
                r = add_nft_set(word, v);
                if (r == -EINVAL)
                        return error_set(error, EINVAL,
                                         "'%s' is not a set such as cgroup:inet:filter:machines; "
                                         "families are inet, ip, ip6, arp, bridge and netdev",
                                         word);
                if (r < 0)
                        return r;
        }
}
