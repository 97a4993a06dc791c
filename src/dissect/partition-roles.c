/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* docs/images/dissect.md says it in words. */

#include "dissect/partition-roles.h"

#include "dissect/partition-type.h"

#include <ctype.h>
#include <string.h>

/* Types of an MBR; the last two as in a GPT: firmware, and the boot loader's second partition. */
#define DOS_LINUX 0x83
#define DOS_ESP 0xef
#define DOS_XBOOTLDR 0xea
#define DOS_ACTIVE 0x80

static int order(unsigned char c)
{
        if (c == '~')
                return -1;
        return isdigit(c) ? 0 : c; /* a number, and the end, before anything else */
}

static size_t skip_zeros(const char *s)
{
        return s[0] == '0' ? strspn(s, "0") : 0;
}

int partition_label_compare(const char *a, const char *b)
{
        while (*a || *b) {
                if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
                        size_t n, m;
                        int r;

                        a += skip_zeros(a);
                        b += skip_zeros(b);
                        n = strspn(a, "0123456789");
                        m = strspn(b, "0123456789");
                        r = n != m ? (n < m ? -1 : 1) : strncmp(a, b, n);
                        if (r != 0)
                                return r;
                        a += n;
                        b += m;
                } else {
                        int r = order((unsigned char)*a) - order((unsigned char)*b);

                        if (r == 0 && *a != *b) /* a number against the end */
                                r = *a ? 1 : -1;
                        if (r != 0)
                                return r;
                        a++;
                        b++;
                }
        }
        return 0;
}

static bool is_versioned(DiskRole role)
{
        return role == DISK_ROOT || role == DISK_USR || role == DISK_ROOT_VERITY ||
               role == DISK_USR_VERITY;
}

/* The first one stays, but of systems with versions the newest is taken. */
static void offer(PartitionRoles *roles, DiskRole role, const Partition *p)
{
        const Partition **had = &roles->parts[role];

        if (!*had || (is_versioned(role) && partition_label_compare(p->label, (*had)->label) > 0))
                *had = p;
}

static bool is_hidden(const Partition *p, DiskRole role)
{
        /* the bits of the specification mean nothing in an ESP, which is UEFI's */
        return (p->flags & (role == DISK_ESP ? PARTITION_NO_BLOCK_IO : PARTITION_NO_AUTO)) != 0;
}

/* The architecture that all roots and /usr are of that count: our own, else one that our CPU runs
 * as well, else the only one there is. */
static int choose_machine(const PartitionTable *table, const char **ret, DiskRefusal *refusal)
{
        const char *best = NULL;
        bool several = false;

        for (unsigned i = 0; i < table->n_parts; i++) {
                const PartitionType *t = partition_type_find(table->parts[i].type);

                if (!t || (t->role != DISK_ROOT && t->role != DISK_USR) ||
                    is_hidden(&table->parts[i], t->role) || t->machine == best)
                        continue;
                if (!best || partition_type_rank(t->machine) < partition_type_rank(best))
                        best = t->machine;
                else if (strcmp(t->machine, best) != 0)
                        several = true;
        }
        if (best && several && partition_type_rank(best) == PARTITION_FOREIGN)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_FOREIGN_MANY });
        *ret = best;
        return 0;
}

static int choose_gpt(const PartitionTable *table, PartitionRoles *roles, DiskRefusal *refusal)
{
        const Partition *linux_part = NULL;
        unsigned n_linux = 0;
        int r = choose_machine(table, &roles->machine, refusal);

        if (r < 0)
                return r;
        for (unsigned i = 0; i < table->n_parts; i++) {
                const Partition *p = &table->parts[i];
                const PartitionType *t = partition_type_find(p->type);

                if (strcmp(p->type, PARTITION_TYPE_LINUX) == 0 && !is_hidden(p, DISK_ROOT)) {
                        linux_part = p;
                        n_linux++;
                } else if (t && !is_hidden(p, t->role) &&
                           (!t->machine ||
                            (roles->machine && strcmp(t->machine, roles->machine) == 0)))
                        offer(roles, t->role, p);
        }
        if (roles->parts[DISK_ROOT] || roles->parts[DISK_USR] || n_linux == 0)
                return 0;
        if (n_linux > 1)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_LINUX_MANY });
        roles->parts[DISK_ROOT] = linux_part;
        return 0;
}

static int choose_dos(const PartitionTable *table, PartitionRoles *roles, DiskRefusal *refusal)
{
        const Partition *any = NULL, *active = NULL;
        unsigned n = 0, n_active = 0;

        for (unsigned i = 0; i < table->n_parts; i++) {
                const Partition *p = &table->parts[i];

                if (p->dos_type == DOS_ESP)
                        offer(roles, DISK_ESP, p);
                if (p->dos_type == DOS_XBOOTLDR)
                        offer(roles, DISK_XBOOTLDR, p);
                if (p->dos_type != DOS_LINUX)
                        continue;
                any = p;
                n++;
                if (p->flags & DOS_ACTIVE) {
                        active = p;
                        n_active++;
                }
        }
        if (n > 1 && n_active != 1)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_ACTIVE_MANY });
        roles->parts[DISK_ROOT] = n == 1 ? any : active;
        return 0;
}

int partition_roles_choose(const PartitionTable *table, PartitionRoles *ret, DiskRefusal *refusal)
{
        PartitionRoles roles = {};
        int r = strcmp(table->kind, "gpt") == 0 ? choose_gpt(table, &roles, refusal)
                                                : choose_dos(table, &roles, refusal);

        if (r < 0)
                return r;
        if (!roles.parts[DISK_ROOT] && !roles.parts[DISK_USR])
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_NO_ROOT });
        *ret = roles;
        return 0;
}
