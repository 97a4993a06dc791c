/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The keys of [Resources], which are those of systemd.resource-control(5) by their own names. One
 * row is one key: its type, since when systemd has it, the cgroup file that does the same without
 * systemd, and whether it can change while the machine runs. A value is parsed here exactly as
 * systemd reads it, since what systemd cannot read it ignores, and a machine without its limit
 * would be the result. Knows neither a bus nor a control group: see bus/ and machine/limits.h. */

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define RESOURCE_INFINITY UINT64_MAX
#define RESOURCE_WEIGHT_MAX 10000
#define RESOURCE_CPU_MAX 8191 /* highest processor or node number that systemd takes */

typedef enum ResourceType {
        RESOURCE_BOOLEAN,
        RESOURCE_SIZE,       /* bytes, percentage of the memory, or infinity */
        RESOURCE_TASKS,      /* number, percentage of what the system can have, or infinity */
        RESOURCE_WEIGHT,     /* 1 to 10000 */
        RESOURCE_CPU_WEIGHT, /* the same or idle, which is 0 */
        RESOURCE_CPU_QUOTA,  /* percentage of one processor, may be over 100% */
        RESOURCE_TIME,
        RESOURCE_PERCENT,       /* 0% to 100% */
        RESOURCE_CPU_LIST,      /* processors or memory nodes: "0-3 6" */
        RESOURCE_DEVICE_RATE,   /* path and a number to the base of 1000, or infinity */
        RESOURCE_DEVICE_WEIGHT, /* path and weight */
        RESOURCE_DEVICE_TIME,   /* path and time span */
        RESOURCE_DEVICE_ALLOW,  /* path or group of devices, and letters of rwm */
        RESOURCE_CHOICE,        /* one of the key's words */
        RESOURCE_SLICE,
        RESOURCE_CONTROLLERS, /* some of the key's words */
        RESOURCE_ADDRESSES,   /* IP networks, any, localhost, link-local, multicast */
        RESOURCE_PATHS,
        RESOURCE_BPF_PROGRAM, /* hook:path */
        RESOURCE_SOCKET_BIND, /* [ipv4:|ipv6:][tcp:|udp:][port[-port]], or any */
        RESOURCE_INTERFACES,  /* names, all of them denied with a ~ in front */
        RESOURCE_NFT_SET,     /* source:family:table:set */
        _RESOURCE_TYPE_MAX,
} ResourceType;

typedef struct ResourceKey {
        const char *name;
        ResourceType type;
        unsigned since;           /* version of systemd */
        const char *property;     /* name on the bus if it is another one: CPUQuotaPerSecUSec */
        const char *file;         /* cgroup v2 file, NULL: only systemd can do it */
        bool list;                /* values add up; an empty one takes back those before */
        bool fixed;               /* cannot be changed while the unit runs */
        uint64_t minimum;         /* of a RESOURCE_SIZE or RESOURCE_TASKS */
        uint64_t empty;           /* what an empty value of a number means */
        const char *const *words; /* of a choice, NULL at the end */
        const char *help;         /* one line */
} ResourceKey;

extern const ResourceKey resource_keys[];
extern const size_t resource_key_count;

/* The row, or NULL. */
const ResourceKey *resource_key(const char *name);
/* The name that @name is most likely a slip of, or NULL. */
const char *resource_key_nearest(const char *name);
/* Why a key that systemd has is none of ours ("Delegate" is what machines live on), or NULL.
 * @ret_hint: what to write instead, or NULL. */
const char *resource_key_refused(const char *name, const char **ret_hint);
/* Sets @error for a name that resource_key() does not know: refused, or unknown with the nearest.
 */
int resource_unknown_key(const char *name, Error *error);
/* What to write for a value of this type: "BYTES|PERCENT|infinity". */
const char *resource_type_metavar(ResourceType type);

/* The keys for stead.machine(5), as scdoc. */
int resource_print_keys(FILE *f);

/* How a value looks on the bus, and which fields of ResourceValue hold it. */
typedef enum ResourceForm {
        RESOURCE_FORM_NONE,       /* no value yet */
        RESOURCE_FORM_BOOLEAN,    /* b: .number */
        RESOURCE_FORM_NUMBER,     /* t: .number, RESOURCE_INFINITY for no limit */
        RESOURCE_FORM_SCALE,      /* u: .scale, 2^32-1 is 100%; .permyriad is the same exactly */
        RESOURCE_FORM_STRING,     /* s: .text */
        RESOURCE_FORM_BITMAP,     /* ay: .bitmap, .n_bitmap; bit n%8 of byte n/8 */
        RESOURCE_FORM_STRINGS,    /* as: items' .name */
        RESOURCE_FORM_PAIRS,      /* a(ss): items' .name, .text */
        RESOURCE_FORM_DEVICES,    /* a(st): items' .name (a path), .number */
        RESOURCE_FORM_ADDRESSES,  /* a(iayu): items' .family, .address, .prefix */
        RESOURCE_FORM_PORTS,      /* a(iiqq): items' .family, .protocol, .n_ports, .port */
        RESOURCE_FORM_INTERFACES, /* (bas): .number 1 if allowed, 0 if denied; items' .name */
        RESOURCE_FORM_NFT_SETS,   /* a(iiss): items' .protocol (source), .family, .name, .text */
        _RESOURCE_FORM_MAX,
} ResourceForm;

typedef struct ResourceItem {
        char *name, *text;
        uint64_t number;
        int family, protocol;
        uint8_t address[16]; /* 4 bytes of it for AF_INET */
        unsigned prefix;
        uint16_t port, n_ports;
} ResourceItem;

typedef struct ResourceValue {
        const ResourceKey *key;
        bool emptied; /* a list: "KEY=" was said before these items */
        ResourceForm form;
        uint64_t number;
        uint32_t scale;
        unsigned permyriad;
        char *text;
        uint8_t *bitmap;
        size_t n_bitmap;
        ResourceItem *items;
        size_t n_items;
} ResourceValue;

#define RESOURCE_VALUE_NULL ((ResourceValue){})
#define _cleanup_resource_value_ _cleanup_(resource_value_done)
void resource_value_done(ResourceValue *v);

/* Parses @value of @key into *ret, which is RESOURCE_VALUE_NULL or an earlier value of this key: a
 * list adds to it, anything else replaces it. An empty @value is the key's default, or empties the
 * list; where there is no default to write (booleans, choices), it is refused. The message is the
 * reason only, the caller names key and value. *ret is untouched on failure. */
int resource_parse(const ResourceKey *key, const char *value, ResourceValue *ret, Error *error);

/* D-Bus signature of the value ("t"), and the property's name: that of a percentage of memory is
 * MemoryMaxScale where the plain one is MemoryMax. @buffer is used where the name is not a literal.
 */
const char *resource_signature(const ResourceValue *v);
const char *resource_property(const ResourceValue *v, char *buffer, size_t size);

/* Several keys, each at most once, in the order in which they were first given. */
typedef struct ResourceValues {
        ResourceValue *items;
        size_t n;
} ResourceValues;

#define RESOURCE_VALUES_NULL ((ResourceValues){})
#define _cleanup_resource_values_ _cleanup_(resource_values_done)
void resource_values_done(ResourceValues *v);
/* The value of @key, or NULL. */
const ResourceValue *resource_values_find(const ResourceValues *v, const char *key);
/* "MemoryMax=1G": one more, or one that replaces or adds to an earlier one of its key. Names key
 * and value in the message, and the nearest key if there is no such one. */
int resource_values_assign(ResourceValues *v, const char *key, const char *value, Error *error);
