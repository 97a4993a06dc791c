/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From words to typed properties. The types are those of systemd's bus interface
 * (org.freedesktop.systemd1(5), and src/shared/bus-unit-util.c for the forms that only a client
 * writes, such as MemoryMaxScale). */

#include "bus/unit-property.h"

#include "base/nearest.h"
#include "base/parse.h"
#include "base/strv.h"

#include <string.h>
#include <sys/socket.h>

typedef enum GeneralType {
        GENERAL_BOOLEAN, /* b */
        GENERAL_YES,     /* b, and no is refused */
        GENERAL_CHOICE,  /* s */
        GENERAL_STRING,  /* s */
        GENERAL_WORDS,   /* as */
        GENERAL_SIGNAL,  /* i */
        GENERAL_TIME,    /* t in microseconds */
} GeneralType;

typedef struct GeneralProperty {
        const char *name;
        GeneralType type;
        const char *property; /* on the bus, if it is another one */
        const char *words;    /* of a choice, spaces between */
} GeneralProperty;

#define DEPENDENCY(n)                              \
        {                                          \
                .name = (n), .type = GENERAL_WORDS \
        }

static const GeneralProperty general[] = {
        { "Description", GENERAL_STRING },
        { "Documentation", GENERAL_WORDS },
        DEPENDENCY("After"),
        DEPENDENCY("Before"),
        DEPENDENCY("Requires"),
        DEPENDENCY("Requisite"),
        DEPENDENCY("Wants"),
        DEPENDENCY("BindsTo"),
        DEPENDENCY("PartOf"),
        DEPENDENCY("Upholds"),
        DEPENDENCY("Conflicts"),
        DEPENDENCY("OnFailure"),
        DEPENDENCY("OnSuccess"),
        DEPENDENCY("PropagatesReloadTo"),
        DEPENDENCY("ReloadPropagatedFrom"),
        DEPENDENCY("PropagatesStopTo"),
        DEPENDENCY("StopPropagatedFrom"),
        DEPENDENCY("RequiresMountsFor"),
        { "DefaultDependencies", GENERAL_BOOLEAN },
        { "IgnoreOnIsolate", GENERAL_BOOLEAN },
        { "CollectMode", GENERAL_CHOICE, .words = "inactive inactive-or-failed" },
        { "AddRef", GENERAL_BOOLEAN },
        { "Delegate", GENERAL_YES }, /* it is what machines live on: ours anyway */
        { "KillMode", GENERAL_CHOICE, .words = "control-group mixed process none" },
        { "KillSignal", GENERAL_SIGNAL },
        { "FinalKillSignal", GENERAL_SIGNAL },
        { "SendSIGHUP", GENERAL_BOOLEAN },
        { "SendSIGKILL", GENERAL_BOOLEAN },
        { "TimeoutStopSec", GENERAL_TIME, .property = "TimeoutStopUSec" },
        { "RuntimeMaxSec", GENERAL_TIME, .property = "RuntimeMaxUSec" },
        { "OOMPolicy", GENERAL_CHOICE, .words = "continue stop kill" },
};

static const GeneralProperty *general_property(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(general); i++)
                if (strcmp(general[i].name, name) == 0)
                        return &general[i];
        return NULL;
}

/* One element of an array whose signature is known from the value's form. */
static int append_item(sd_bus_message *m, ResourceForm form, const ResourceItem *item)
{
        int r;

        if (form == RESOURCE_FORM_STRINGS || form == RESOURCE_FORM_INTERFACES)
                return sd_bus_message_append(m, "s", item->name);
        if (form == RESOURCE_FORM_PAIRS)
                return sd_bus_message_append(m, "(ss)", item->name, item->text);
        if (form == RESOURCE_FORM_DEVICES)
                return sd_bus_message_append(m, "(st)", item->name, item->number);
        if (form == RESOURCE_FORM_PORTS)
                return sd_bus_message_append(m, "(iiqq)", (int32_t)item->family,
                                             (int32_t)item->protocol, item->n_ports, item->port);
        if (form == RESOURCE_FORM_NFT_SETS)
                return sd_bus_message_append(m, "(iiss)", (int32_t)item->protocol,
                                             (int32_t)item->family, item->name, item->text);
        r = sd_bus_message_open_container(m, 'r', "iayu");
        if (r >= 0)
                r = sd_bus_message_append(m, "i", (int32_t)item->family);
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', item->address,
                                                item->family == AF_INET ? 4 : 16);
        if (r >= 0)
                r = sd_bus_message_append(m, "u", (uint32_t)item->prefix);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_items(sd_bus_message *m, const char *element, const ResourceValue *v)
{
        int r = sd_bus_message_open_container(m, 'a', element);

        for (size_t i = 0; r >= 0 && i < v->n_items; i++)
                r = append_item(m, v->form, &v->items[i]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_interfaces(sd_bus_message *m, const ResourceValue *v)
{
        int r = sd_bus_message_open_container(m, 'r', "bas");

        if (r >= 0)
                r = sd_bus_message_append(m, "b", (int)v->number);
        if (r >= 0)
                r = append_items(m, "s", v);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* What stands in the variant. */
static int append_content(sd_bus_message *m, const ResourceValue *v)
{
        switch (v->form) {
        case RESOURCE_FORM_BOOLEAN:
                return sd_bus_message_append(m, "b", (int)v->number);
        case RESOURCE_FORM_NUMBER:
                return sd_bus_message_append(m, "t", v->number);
        case RESOURCE_FORM_SCALE:
                return sd_bus_message_append(m, "u", v->scale);
        case RESOURCE_FORM_STRING:
                return sd_bus_message_append(m, "s", v->text);
        case RESOURCE_FORM_BITMAP:
                return sd_bus_message_append_array(m, 'y', v->bitmap, v->n_bitmap);
        case RESOURCE_FORM_INTERFACES:
                return append_interfaces(m, v);
        case RESOURCE_FORM_STRINGS:
        case RESOURCE_FORM_PAIRS:
        case RESOURCE_FORM_DEVICES:
        case RESOURCE_FORM_ADDRESSES:
        case RESOURCE_FORM_PORTS:
        case RESOURCE_FORM_NFT_SETS:
                return append_items(m, resource_signature(v) + 1, v);
        case RESOURCE_FORM_NONE:
        case _RESOURCE_FORM_MAX:
                break;
        }
        return -EINVAL;
}

static int open_property(sd_bus_message *m, const char *property, const char *signature)
{
        int r = sd_bus_message_open_container(m, 'r', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", property);
        return r < 0 ? r : sd_bus_message_open_container(m, 'v', signature);
}

static int close_property(sd_bus_message *m)
{
        int r = sd_bus_message_close_container(m);

        return r < 0 ? r : sd_bus_message_close_container(m);
}

int unit_property_append_value(sd_bus_message *m, const ResourceValue *v)
{
        char buffer[64];
        int r = open_property(m, resource_property(v, buffer, sizeof(buffer)),
                              resource_signature(v));

        if (r >= 0)
                r = append_content(m, v);
        return r < 0 ? r : close_property(m);
}

/* A general value, read before anything of it is written. */
typedef struct GeneralValue {
        const GeneralProperty *row;
        int number;
        uint64_t usec;
        char **words;
} GeneralValue;

static int parse_words(const GeneralProperty *row, const char *value, char ***ret, Error *error)
{
        switch (strv_split_quoted(value, ret)) {
        case 0:
                return 0;
        case -ENOMEM:
                return error_set(error, ENOMEM, "Out of memory");
        default:
                return error_set(error, EINVAL, "%s=%s: a quote is not closed", row->name, value);
        }
}

static int parse_general(const GeneralProperty *row, const char *value, GeneralValue *v,
                         Error *error)
{
        _cleanup_strv_ char **choices = NULL;

        v->row = row;
        switch (row->type) {
        case GENERAL_BOOLEAN:
        case GENERAL_YES:
                v->number = parse_boolean(value);
                if (v->number < 0)
                        return error_set(error, EINVAL, "%s=%s: not a boolean, write yes or no",
                                         row->name, value);
                if (v->number == 0 && row->type == GENERAL_YES)
                        return error_set(error, EINVAL,
                                         "%s=%s: the machine's cgroup is always delegated, it "
                                         "could not boot without",
                                         row->name, value);
                return 0;
        case GENERAL_SIGNAL:
                v->number = parse_signal(value);
                return v->number >= 0 ? 0
                                      : error_set(error, EINVAL,
                                                  "%s=%s: no signal, write for instance SIGTERM",
                                                  row->name, value);
        case GENERAL_TIME:
                return parse_time(value, USEC_PER_SEC, &v->usec) >= 0
                               ? 0
                               : error_set(error, EINVAL,
                                           "%s=%s: not a time span, write for instance 90s",
                                           row->name, value);
        case GENERAL_CHOICE:
                if (strv_split(row->words, " ", &choices) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                if (strv_contains(choices, value))
                        return 0;
                error_hint(error, "one of: %s", row->words);
                return error_set(error, EINVAL, "%s=%s: there is no such value", row->name, value);
        case GENERAL_WORDS:
                return parse_words(row, value, &v->words, error);
        case GENERAL_STRING:
                return 0;
        }
        return -EINVAL;
}

static int append_general(sd_bus_message *m, const GeneralValue *v, const char *text)
{
        static const char *const signatures[] = {
                [GENERAL_BOOLEAN] = "b", [GENERAL_YES] = "b",    [GENERAL_CHOICE] = "s",
                [GENERAL_STRING] = "s",  [GENERAL_WORDS] = "as", [GENERAL_SIGNAL] = "i",
                [GENERAL_TIME] = "t",
        };
        const char *signature = signatures[v->row->type];
        int r = open_property(m, v->row->property ?: v->row->name, signature);

        if (r < 0)
                return r;
        if (v->row->type == GENERAL_WORDS)
                r = sd_bus_message_append_strv(m, v->words);
        else if (v->row->type == GENERAL_TIME)
                r = sd_bus_message_append(m, "t", v->usec);
        else if (*signature == 's')
                r = sd_bus_message_append(m, "s", text);
        else
                r = sd_bus_message_append(m, signature, v->number);
        return r < 0 ? r : close_property(m);
}

static int unknown(const char *name, Error *error)
{
        Nearest nearest = NEAREST(name);
        const char *hint = NULL, *reason = resource_key_refused(name, &hint);

        if (reason) {
                if (hint)
                        error_hint(error, "%s", hint);
                return error_set(error, EINVAL, "%s= cannot be set: %s", name, reason);
        }
        for (size_t i = 0; i < ELEMENTSOF(general); i++)
                nearest_offer(&nearest, general[i].name);
        for (size_t i = 0; i < resource_key_count; i++)
                nearest_offer(&nearest, resource_keys[i].name);
        error_hint(error, "man systemd.resource-control");
        if (nearest.best)
                return error_set(error, EINVAL,
                                 "A machine's unit has no property '%s'; did you mean '%s'?", name,
                                 nearest.best);
        return error_set(error, EINVAL, "A machine's unit has no property '%s'", name);
}

/* Name and value of an assignment; the value is borrowed. */
static int take_apart(const char *assignment, char **ret_name, const char **ret_value, Error *error)
{
        const char *equals = strchr(assignment, '=');

        if (!equals || equals == assignment) {
                error_hint(error, "MemoryMax=1G");
                return error_set(error, EINVAL, "'%s' is not NAME=VALUE", assignment);
        }
        *ret_name = strndup(assignment, (size_t)(equals - assignment));
        *ret_value = equals + 1;
        return *ret_name ? 0 : error_set(error, ENOMEM, "Out of memory");
}

static int check_or_append(sd_bus_message *m, const char *assignment, Error *error)
{
        _cleanup_free_ char *name = NULL;
        const GeneralProperty *row;
        const char *value = NULL;
        int r = take_apart(assignment, &name, &value, error);

        if (r < 0)
                return r;
        if (resource_key(name)) {
                _cleanup_resource_values_ ResourceValues values = RESOURCE_VALUES_NULL;

                r = resource_values_assign(&values, name, value, error);
                if (r >= 0 && m)
                        r = unit_property_append_value(m, &values.items[0]);
        } else {
                _cleanup_strv_ char **words = NULL;
                GeneralValue v = {};

                row = general_property(name);
                if (!row)
                        return unknown(name, error);
                r = parse_general(row, value, &v, error);
                words = v.words;
                if (r >= 0 && m)
                        r = append_general(m, &v, value);
        }
        return r < 0 ? error_errno(error, -r, "Failed to write %s", assignment) : 0;
}

int unit_property_append(sd_bus_message *m, const char *assignment, Error *error)
{
        return check_or_append(m, assignment, error);
}

int unit_property_check(const char *assignment, Error *error)
{
        return check_or_append(NULL, assignment, error);
}
