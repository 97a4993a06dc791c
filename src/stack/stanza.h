/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Stanzas of Debian's control files (deb822(5)): "Field: value" lines, of which further ones begin
 * with a blank, up to an empty line. */

#include "stack/text-merge.h"

/* The next stanza of a text, without the empty line; moves @text on. 0: there is none. */
size_t stanza_next(const char **text, const char **ret_stanza);

/* The next field: name and value are slices; the value is without the blank after the colon and
 * without the final newline, and holds the newlines between its lines. Moves *at on. False: no
 * more, or the rest is no field. */
typedef struct StanzaField {
        const char *name, *value;
        size_t name_size, value_size;
} StanzaField;
bool stanza_next_field(const char **at, const char *end, StanzaField *ret);

/* A field by name, in any case. */
bool stanza_find(const char *stanza, size_t size, const char *name, StanzaField *ret);
/* Its value; the caller frees it. NULL: not there, or no memory. */
char *stanza_value(const char *stanza, size_t size, const char *name);

/* For MergeFormat: records by one field, or by two where @second is not NULL ("" where a stanza has
 * none). -EBADMSG: a stanza without the first. */
int stanza_split(const char *text, const char *first, const char *second, MergeRecords *ret);
