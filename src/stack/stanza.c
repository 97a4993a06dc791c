/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stanzas and their fields, as slices of the text. */

#include "stack/stanza.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

size_t stanza_next(const char **text, const char **ret_stanza)
{
        const char *p = *text + strspn(*text, "\n"), *end = strstr(p, "\n\n");

        if (!end)
                end = p + strlen(p);
        *ret_stanza = p;
        *text = end;
        return (size_t)(end - p);
}

bool stanza_next_field(const char **at, const char *end, StanzaField *ret)
{
        const char *p = *at, *colon, *value_end;

        if (p >= end)
                return false;
        colon = memchr(p, ':', (size_t)(end - p));
        if (!colon || memchr(p, '\n', (size_t)(colon - p)))
                return false;
        for (value_end = colon + 1;;) {
                const char *newline = memchr(value_end, '\n', (size_t)(end - value_end));

                value_end = newline ?: end;
                if (!newline || newline + 1 >= end || !strchr(" \t", newline[1]))
                        break;
                value_end++;
        }
        *ret = (StanzaField){
                .name = p,
                .name_size = (size_t)(colon - p),
                .value = colon + 1,
        };
        while (ret->value < value_end && (*ret->value == ' ' || *ret->value == '\t'))
                ret->value++;
        ret->value_size = (size_t)(value_end - ret->value);
        *at = value_end < end ? value_end + 1 : end;
        return true;
}

bool stanza_find(const char *stanza, size_t size, const char *name, StanzaField *ret)
{
        const char *at = stanza;
        StanzaField field;

        while (stanza_next_field(&at, stanza + size, &field))
                if (field.name_size == strlen(name) &&
                    strncasecmp(field.name, name, field.name_size) == 0) {
                        *ret = field;
                        return true;
                }
        return false;
}

char *stanza_value(const char *stanza, size_t size, const char *name)
{
        StanzaField field;

        return stanza_find(stanza, size, name, &field) ? strndup(field.value, field.value_size)
                                                       : NULL;
}

int stanza_split(const char *text, const char *first, const char *second, MergeRecords *ret)
{
        const char *stanza;
        size_t size;

        while ((size = stanza_next(&text, &stanza)) > 0) {
                StanzaField a, b = {};
                char *key;
                int r;

                if (!stanza_find(stanza, size, first, &a))
                        return -EBADMSG;
                if (second)
                        (void)stanza_find(stanza, size, second, &b); /* none: empty */
                r = b.value_size > 0 ? asprintf(&key, "%.*s:%.*s", (int)a.value_size, a.value,
                                                (int)b.value_size, b.value)
                                     : asprintf(&key, "%.*s", (int)a.value_size, a.value);
                r = merge_records_add_consume(ret, r < 0 ? NULL : key, stanza, size);
                if (r < 0)
                        return r;
        }
        return 0;
}
