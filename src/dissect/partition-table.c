/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libblkid reads the table; a few bytes are looked at before, to know the size of a sector and why
 * libblkid finds nothing, for it does not say. */

#include "dissect/partition-table.h"

#include "base/cleanup.h"

#include <blkid/blkid.h>
#include <endian.h>
#include <string.h>
#include <unistd.h>

#define SECTOR UINT64_C(512) /* libblkid's unit, whatever the table's is */

/* UEFI specification, 5.3.2; little endian. */
typedef struct GptHeader {
        char signature[8];
        uint32_t revision, size, crc, reserved;
        uint64_t own_sector, other_sector, first_usable, last_usable;
        uint8_t uuid[16];
        uint64_t entries_sector;
        uint32_t n_entries, entry_size, entries_crc;
} __attribute__((packed)) GptHeader;

/* What is there at the first look. */
typedef struct Glance {
        bool protective;   /* the MBR says: see the GPT */
        unsigned n_header; /* places with the signature of a GPT */
        unsigned sector;   /* the size of one that goes with the place */
        GptHeader header;
} Glance;

static void look_at_mbr(int fd, Glance *glance)
{
        uint8_t mbr[512];

        if (pread(fd, mbr, sizeof(mbr), 0) != sizeof(mbr) || mbr[510] != 0x55 || mbr[511] != 0xaa)
                return;
        for (size_t i = 446; i < 510; i += 16)
                glance->protective |= mbr[i + 4] == 0xee;
}

/* The header is in the second sector, of whatever size. */
static void look(int fd, Glance *glance)
{
        look_at_mbr(fd, glance);
        glance->sector = 512;
        for (unsigned sector = 512; sector <= 4096; sector *= 2) {
                GptHeader h;

                if (pread(fd, &h, sizeof(h), sector) != sizeof(h) ||
                    memcmp(h.signature, "EFI PART", 8) != 0)
                        continue;
                if (glance->n_header++ == 0) {
                        glance->sector = sector;
                        glance->header = h;
                }
        }
}

/* libblkid took no GPT, or not the one at the front. */
static int refuse_gpt(const Glance *glance, uint64_t size, DiskRefusal *refusal)
{
        uint64_t last = le64toh(glance->header.last_usable);
        uint64_t sectors = size / glance->sector;

        if (glance->n_header == 1 && last >= sectors && last < UINT64_MAX / glance->sector)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_TABLE_CUT,
                                                            .bytes = (last + 1) * glance->sector });
        return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_TABLE_DAMAGED });
}

static void copy(char *to, size_t size, const char *from)
{
        (void)snprintf(to, size, "%s", from ?: "");
}

static int take(blkid_partition from, uint64_t size, PartitionTable *table, DiskRefusal *refusal)
{
        blkid_loff_t start = blkid_partition_get_start(from),
                     length = blkid_partition_get_size(from);
        Partition *p = &table->parts[table->n_parts];
        DiskRefusal why = { .part = (unsigned)blkid_partition_get_partno(from) };

        why.kind = DISK_REFUSED_EMPTY;
        if (start <= 0 || length <= 0)
                return disk_refuse(refusal, &why);
        why.kind = DISK_REFUSED_PAST_END;
        if ((uint64_t)start > size / SECTOR || (uint64_t)length > size / SECTOR - (uint64_t)start)
                return disk_refuse(refusal, &why);
        *p = (Partition){ .number = why.part,
                          .offset = (uint64_t)start * SECTOR,
                          .size = (uint64_t)length * SECTOR,
                          .flags = blkid_partition_get_flags(from),
                          .dos_type = blkid_partition_get_type(from) };
        copy(p->type, sizeof(p->type), blkid_partition_get_type_string(from));
        copy(p->uuid, sizeof(p->uuid), blkid_partition_get_uuid(from));
        copy(p->label, sizeof(p->label), blkid_partition_get_name(from));
        table->n_parts++;
        return 0;
}

static int check_overlap(const PartitionTable *table, DiskRefusal *refusal)
{
        for (unsigned i = 0; i < table->n_parts; i++)
                for (unsigned j = 0; j < i; j++) {
                        const Partition *a = &table->parts[i], *b = &table->parts[j];

                        if (a->offset < b->offset + b->size && b->offset < a->offset + a->size)
                                return disk_refuse(refusal,
                                                   &(DiskRefusal){ .kind = DISK_REFUSED_OVERLAP,
                                                                   .part = b->number,
                                                                   .other = a->number });
                }
        return 0;
}

static int take_all(blkid_partlist list, uint64_t size, PartitionTable *table, DiskRefusal *refusal)
{
        int n = blkid_partlist_numof_partitions(list);
        blkid_parttable root = blkid_partlist_get_table(list);

        if (n > PARTITIONS_MAX)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_TABLE_LONG,
                                                            .bytes = (uint64_t)n });
        for (int i = 0; i < n; i++) {
                blkid_partition p = blkid_partlist_get_partition(list, i);
                int r;

                /* of a table inside a partition; or a frame of others */
                if (!p || blkid_partition_get_table(p) != root || blkid_partition_is_extended(p))
                        continue;
                r = take(p, size, table, refusal);
                if (r < 0)
                        return r;
        }
        return check_overlap(table, refusal);
}

static int take_table(blkid_partlist list, const Glance *glance, uint64_t size,
                      PartitionTable *table, DiskRefusal *refusal)
{
        blkid_parttable found = list ? blkid_partlist_get_table(list) : NULL;
        const char *kind = found ? blkid_parttable_get_type(found) : NULL;
        bool gpt = kind && strcmp(kind, "gpt") == 0;

        if (glance->n_header > 1)
                return refuse_gpt(glance, size, refusal);
        if (gpt && blkid_parttable_get_offset(found) != (blkid_loff_t)glance->sector)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_TABLE_BACKUP });
        if (!gpt && glance->n_header == 1 && !glance->protective)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_TABLE_TWO });
        if (!gpt && (glance->n_header == 1 || glance->protective))
                return refuse_gpt(glance, size, refusal);
        if (!kind)
                return 0;
        copy(table->kind, sizeof(table->kind), kind);
        return take_all(list, size, table, refusal);
}

static void free_probe(blkid_probe *p)
{
        if (*p)
                blkid_free_probe(*p);
}

int partition_table_read(int image_fd, uint64_t size, PartitionTable *ret, DiskRefusal *refusal)
{
        static const char *const kinds[] = { "gpt", "dos", NULL };
        _cleanup_(free_probe) blkid_probe probe = blkid_new_probe();
        Glance glance = {};

        look(image_fd, &glance);
        if (!probe || blkid_probe_set_device(probe, image_fd, 0, (blkid_loff_t)size) < 0 ||
            blkid_probe_set_sectorsize(probe, glance.sector) < 0 ||
            blkid_probe_enable_superblocks(probe, 0) < 0 ||
            blkid_probe_enable_partitions(probe, 1) < 0 ||
            blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS) < 0 ||
            blkid_probe_filter_partitions_type(probe, BLKID_FLTR_ONLYIN, (char **)kinds) < 0)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_UNREADABLE });
        *ret = (PartitionTable){ .kind = "none" };
        return take_table(blkid_probe_get_partitions(probe), &glance, size, ret, refusal);
}
