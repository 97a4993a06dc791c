/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsed values: how several of one key become one, what they are called on the bus, and the list
 * of those of one machine. */

#include "config/resource.h"

#include "config/option-parse.h"
#include "config/resource-parse.h"

#include <string.h>

static void resource_item_done(ResourceItem *item)
{
        free(item->name);
        free(item->text);
}

void resource_value_done(ResourceValue *v)
{
        for (size_t i = 0; i < v->n_items; i++)
                resource_item_done(&v->items[i]);
        free(v->items);
        free(v->text);
        free(v->bitmap);
        *v = RESOURCE_VALUE_NULL;
}

/* The same device, or device and letters, is said anew: the later one counts. */
static bool replaces(const ResourceValue *v, const ResourceItem *old, const ResourceItem *item)
{
        bool keyed = v->form == RESOURCE_FORM_DEVICES || v->key->type == RESOURCE_DEVICE_ALLOW;

        return keyed && strcmp(old->name, item->name) == 0;
}

static void remove_item(ResourceValue *v, size_t i)
{
        resource_item_done(&v->items[i]);
        v->n_items--;
        memmove(&v->items[i], &v->items[i + 1], (v->n_items - i) * sizeof(*v->items));
}

/* Appends the items of @more, which is left without them. */
static int merge_items(ResourceValue *v, ResourceValue *more)
{
        ResourceItem *grown =
                reallocarray(v->items, v->n_items + more->n_items + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        v->items = grown;
        for (size_t i = 0; i < more->n_items; i++) {
                for (size_t k = v->n_items; k > 0; k--)
                        if (replaces(v, &v->items[k - 1], &more->items[i]))
                                remove_item(v, k - 1);
                v->items[v->n_items++] = more->items[i];
        }
        more->n_items = 0;
        return 0;
}

/* The first line says whether names are allowed or denied; one of the other kind takes its names
 * back out of the list. */
static int merge_interfaces(ResourceValue *v, ResourceValue *more)
{
        if (v->n_items == 0)
                v->number = more->number;
        if (v->number == more->number)
                return merge_items(v, more);
        for (size_t i = 0; i < more->n_items; i++)
                for (size_t k = v->n_items; k > 0; k--)
                        if (strcmp(v->items[k - 1].name, more->items[i].name) == 0)
                                remove_item(v, k - 1);
        return 0;
}

static int merge_bitmap(ResourceValue *v, const ResourceValue *more)
{
        if (more->n_bitmap > v->n_bitmap) {
                uint8_t *grown = realloc(v->bitmap, more->n_bitmap);

                if (!grown)
                        return -ENOMEM;
                memset(grown + v->n_bitmap, 0, more->n_bitmap - v->n_bitmap);
                v->bitmap = grown;
                v->n_bitmap = more->n_bitmap;
        }
        for (size_t i = 0; i < more->n_bitmap; i++)
                v->bitmap[i] |= more->bitmap[i];
        return 0;
}

int resource_parse(const ResourceKey *key, const char *value, ResourceValue *ret, Error *error)
{
        _cleanup_resource_value_ ResourceValue v = RESOURCE_VALUE_NULL;
        bool adds = key->list && ret->key && value[0] != '\0';
        int r = resource_parse_fresh(key, value, &v, error);

        if (r >= 0 && adds)
                r = v.form == RESOURCE_FORM_BITMAP       ? merge_bitmap(ret, &v)
                    : v.form == RESOURCE_FORM_INTERFACES ? merge_interfaces(ret, &v)
                                                         : merge_items(ret, &v);
        if (r == -ENOMEM)
                return error_errno(error, ENOMEM, "Failed to read the value");
        if (r < 0 || adds)
                return r;
        resource_value_done(ret);
        v.emptied = key->list && value[0] == '\0';
        *ret = v;
        v = RESOURCE_VALUE_NULL;
        return 0;
}

const char *resource_signature(const ResourceValue *v)
{
        static const char *const signatures[_RESOURCE_FORM_MAX] = {
                [RESOURCE_FORM_BOOLEAN] = "b",         [RESOURCE_FORM_NUMBER] = "t",
                [RESOURCE_FORM_SCALE] = "u",           [RESOURCE_FORM_STRING] = "s",
                [RESOURCE_FORM_BITMAP] = "ay",         [RESOURCE_FORM_STRINGS] = "as",
                [RESOURCE_FORM_PAIRS] = "a(ss)",       [RESOURCE_FORM_DEVICES] = "a(st)",
                [RESOURCE_FORM_ADDRESSES] = "a(iayu)", [RESOURCE_FORM_PORTS] = "a(iiqq)",
                [RESOURCE_FORM_INTERFACES] = "(bas)",  [RESOURCE_FORM_NFT_SETS] = "a(iiss)",
        };

        return signatures[v->form];
}

const char *resource_property(const ResourceValue *v, char *buffer, size_t size)
{
        if (v->form != RESOURCE_FORM_SCALE || v->key->type == RESOURCE_PERCENT)
                return v->key->property ?: v->key->name;
        (void)snprintf(buffer, size, "%sScale", v->key->name);
        return buffer;
}

void resource_values_done(ResourceValues *v)
{
        for (size_t i = 0; i < v->n; i++)
                resource_value_done(&v->items[i]);
        free(v->items);
        *v = RESOURCE_VALUES_NULL;
}

static ResourceValue *find(const ResourceValues *v, const char *key)
{
        for (size_t i = 0; i < v->n; i++)
                if (strcmp(v->items[i].key->name, key) == 0)
                        return &v->items[i];
        return NULL;
}

const ResourceValue *resource_values_find(const ResourceValues *v, const char *key)
{
        return find(v, key);
}

int resource_unknown_key(const char *name, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        const char *hint = NULL, *reason = resource_key_refused(name, &hint);
        int r;

        option_printable(name, &text);
        if (reason) {
                r = error_set(error, EOPNOTSUPP, "%s= is not for machines: %s", name, reason);
        } else {
                r = error_set(error, EINVAL, "there is no resource key %s=", text.data ?: "?");
                hint = resource_key_nearest(name);
        }
        if (hint)
                error_hint(error, hint[strlen(hint) - 1] == '=' ? "%s" : "%s=", hint);
        return r;
}

int resource_values_assign(ResourceValues *v, const char *key, const char *value, Error *error)
{
        _cleanup_resource_value_ ResourceValue fresh = RESOURCE_VALUE_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        const ResourceKey *row = resource_key(key);
        ResourceValue *old = find(v, key), *grown;
        int r;

        if (!row)
                return resource_unknown_key(key, error);
        r = resource_parse(row, value, old ?: &fresh, error);
        if (r < 0) {
                option_printable(value, &text);
                (void)error_prefix(error, "%s=%s", key, text.data ?: "");
                return r;
        }
        if (old)
                return 0;
        grown = reallocarray(v->items, v->n + 1, sizeof(*grown));
        if (!grown)
                return error_errno(error, ENOMEM, "Failed to keep %s=", key);
        v->items = grown;
        grown[v->n++] = fresh;
        fresh = RESOURCE_VALUE_NULL;
        return 0;
}
