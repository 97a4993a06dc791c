/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's nftables table as a function of what machines publish: text for nft, of the whole and
 * of one machine's share. Must not know how text gets into the kernel. */

#include "network/published-list.h"
#include "network/table-element.h"
#include "network/table-guard.h"

#define TABLE_NAME "stead"
/* The table's comment. Whenever the text between its braces changes, so does the number: a table of
 * another version is replaced as a whole. */
#define TABLE_MARK "stead 3"

typedef struct TableChain {
        const char *name;
        unsigned int uses; /* its rules and the jumps to it, as the kernel counts them */
} TableChain;

/* The table's chains: with them and the mark, a table is known to be sound. */
extern const TableChain table_chains[];
extern const size_t n_table_chains;

/* One transaction that puts the whole table in place of whatever is there, or takes it away when
 * nothing is published. "" if that is so already: @there is whether a table of this name is there.
 * Of two machines with one port the first by name has it. */
int table_text_replace(const PublishedList *list, const TableGuard *guard, bool there, char **ret);

const char *table_set_name(TableSet set);

/* The elements of @p that no other machine of @list (in which @p itself may be; it is skipped) has,
 * too. -EEXIST: one is wanted with two meanings. */
int table_share_elements(const PublishedList *list, const Published *p, TableElements *ret);

/* What has to be added for @p, resp. deleted, when the table holds the share of all others in
 * @list (in which @p itself may be; it is skipped). "" if nothing has to. -EEXIST: an element is
 * wanted with two meanings, only table_text_replace() can help. */
int table_text_add(const PublishedList *list, const Published *p, char **ret);
int table_text_delete(const PublishedList *list, const Published *p, char **ret);
/* Puts @guard in place of the one that the table has. */
int table_text_guard(const TableGuard *guard, char **ret);
