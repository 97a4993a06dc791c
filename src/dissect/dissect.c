/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Format of the file, table of partitions, what they are for, what is in those. */

#include "dissect/dissect.h"

#include "dissect/file-system.h"
#include "dissect/partition-roles.h"
#include "dissect/partition-type.h"
#include "image/file-format.h"

#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* No file system is smaller, and libblkid looks at nothing that is. */
#define IMAGE_MIN UINT64_C(4096)

static int image_size(int fd, uint64_t *ret, DiskRefusal *refusal)
{
        DiskRefusal why = { .kind = DISK_REFUSED_UNREADABLE };
        uint64_t size;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return disk_refuse(refusal, &why);
        why.kind = DISK_REFUSED_NO_DISK;
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
                return disk_refuse(refusal, &why);
        size = (uint64_t)st.st_size;
        why.kind = DISK_REFUSED_UNREADABLE;
        if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &size) < 0)
                return disk_refuse(refusal, &why);
        why = (DiskRefusal){ .kind = DISK_REFUSED_SMALL, .bytes = size };
        if (size < IMAGE_MIN)
                return disk_refuse(refusal, &why);
        *ret = size;
        return 0;
}

static void put_part(Buffer *out, DiskRole role, const Partition *p, const char *type)
{
        bool dps = role != DISK_ESP; /* whose bits are of the specification */

        buffer_printf(out, "part %s %u %" PRIu64 " %" PRIu64 " %s %s %s %s\n",
                      disk_role_to_string(role), p->number, p->offset, p->size,
                      dps && (p->flags & PARTITION_READ_ONLY) ? "ro" : "rw",
                      dps && (p->flags & PARTITION_GROW) ? "grow" : "keep", *type ? type : "-",
                      p->uuid[0] ? p->uuid : "-");
}

static bool is_bootable(const char *type)
{
        return *type && strcmp(type, "vfat") != 0;
}

static int probe_part(int fd, DiskRole role, const Partition *p, Buffer *out, DiskRefusal *refusal)
{
        const Stretch where = { p->offset, p->size, p->number, disk_role_to_string(role) };
        bool needed = role == DISK_ROOT || role == DISK_USR;
        char why[32] = "!";
        const char *type = "";
        int r = 0;

        if (role != DISK_ROOT_VERITY && role != DISK_USR_VERITY)
                r = file_system_probe(fd, &where, &type, refusal);
        if (r < 0 && (needed || !disk_refusal_is_of_content(refusal->kind)))
                return r;
        if (r < 0) { /* whoever does not want this partition can still have the others */
                (void)snprintf(why + 1, sizeof(why) - 1, "%s",
                               disk_refusal_kind_to_string(refusal->kind));
                type = why;
        }
        if (needed && !is_bootable(type))
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_NO_FILE_SYSTEM,
                                                            .part = p->number,
                                                            .name = where.role });
        put_part(out, role, p, type);
        return 0;
}

static int dissect_table(int fd, uint64_t size, const PartitionTable *table, Buffer *out,
                         DiskRefusal *refusal)
{
        const Stretch whole = { .size = size };
        PartitionRoles roles;
        const char *type = "";
        int r = file_system_probe(fd, &whole, &type, refusal);

        if (r < 0)
                return r;
        if (*type)
                return disk_refuse(refusal, &(DiskRefusal){ .kind = DISK_REFUSED_AMBIGUOUS });
        r = partition_roles_choose(table, &roles, refusal);
        if (r < 0)
                return r;
        buffer_printf(out, "table %s\nmachine %s\n", table->kind, roles.machine ?: "-");
        for (int i = 0; r >= 0 && i < _DISK_ROLE_MAX; i++)
                if (roles.parts[i])
                        r = probe_part(fd, (DiskRole)i, roles.parts[i], out, refusal);
        buffer_puts(out, "end\n");
        return r;
}

static int dissect_bare(int fd, uint64_t size, Buffer *out, DiskRefusal *refusal)
{
        const Stretch whole = { .size = size };
        const Partition root = { .size = size };
        const char *type = "";
        int r = file_system_probe(fd, &whole, &type, refusal);

        if (r < 0)
                return r;
        if (!is_bootable(type))
                return disk_refuse(refusal,
                                   &(DiskRefusal){ .kind = *type ? DISK_REFUSED_NO_FILE_SYSTEM
                                                                 : DISK_REFUSED_UNKNOWN });
        buffer_puts(out, "table none\nmachine -\n");
        put_part(out, DISK_ROOT, &root, type);
        buffer_puts(out, "end\n");
        return 0;
}

static int refuse_other_formats(int image_fd, DiskRefusal *refusal)
{
        const FileFormat *f = file_format_find(image_fd);

        return f ? disk_refuse(refusal, &(DiskRefusal){ .kind = f->kind, .name = f->name }) : 0;
}

int dissect(int image_fd, Buffer *out, DiskRefusal *refusal)
{
        PartitionTable table;
        uint64_t size = 0;
        int r = image_size(image_fd, &size, refusal);

        if (r >= 0)
                r = refuse_other_formats(image_fd, refusal);
        if (r >= 0)
                r = partition_table_read(image_fd, size, &table, refusal);
        if (r < 0)
                return r;
        if (strcmp(table.kind, "none") == 0)
                return dissect_bare(image_fd, size, out, refusal);
        return dissect_table(image_fd, size, &table, out, refusal);
}
