/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One row a reason. In the texts {subject} is "Partition 2 (root) of disk image 'x'" or "Disk image
 * 'x'", {device} the partition as a loop device has it. */

#include "image/disk-refusal.h"

#include "base/buffer.h"
#include "image/disk-layout.h"
#include "image/file-format.h"

#include <inttypes.h>
#include <string.h>

typedef struct Reason {
        int number;
        const char *message, *hint;
} Reason;

DEFINE_STRING_TABLE(disk_refusal_kind, DiskRefusalKind, "no-disk", "small", "unreadable", "format",
                    "packed", "archive", "iso", "unknown", "table-damaged", "table-cut",
                    "table-backup", "table-two", "table-long", "overlap", "past-end", "empty",
                    "no-root", "linux-many", "active-many", "foreign-many", "encrypted", "lvm",
                    "raid", "swap", "ambiguous", "no-file-system", "file-system-cut",
                    "devices-many");

#define LOSETUP "losetup --find --show --partscan '{path}'"
#define AGAIN "get the image again, this copy seems to be cut short or damaged"

static const Reason reasons[] = {
        [DISK_REFUSED_NO_DISK] = { EMEDIUMTYPE,
                                   "'{path}' is neither a regular file nor a block device",
                                   "name a disk image" },
        [DISK_REFUSED_SMALL] = { EMEDIUMTYPE,
                                 "Disk image '{path}' of {bytes} bytes is too small to hold "
                                 "anything",
                                 AGAIN },
        [DISK_REFUSED_UNREADABLE] = { EIO, "Disk image '{path}' cannot be read", "dmesg" },
        [DISK_REFUSED_FORMAT] = { EMEDIUMTYPE,
                                  "Disk image '{path}' is in the format {name}, and only raw "
                                  "images are taken",
                                  "qemu-img convert -O raw '{path}' '{path}.raw'" },
        [DISK_REFUSED_PACKED] = { EMEDIUMTYPE, "Disk image '{path}' is compressed with {name}",
                                  "{name} -dc '{path}' >IMAGE.raw" },
        [DISK_REFUSED_ARCHIVE] = { EMEDIUMTYPE, "'{path}' is a {name} archive and no disk image",
                                   "mv '{path}' NAME.tar; stead create NAME NAME.tar" },
        [DISK_REFUSED_ISO] = { EMEDIUMTYPE,
                               "'{path}' is the image of a CD (ISO 9660), which holds an "
                               "installer or a live system and no root of its own",
                               "get the raw disk image of the same system" },
        [DISK_REFUSED_UNKNOWN] = { EMEDIUMTYPE,
                                   "Disk image '{path}' holds neither a partition table (GPT, "
                                   "MBR) nor a file system that is known",
                                   "file -s '{path}'" },
        [DISK_REFUSED_TABLE_DAMAGED] = { EUCLEAN,
                                         "The partition table of disk image '{path}' is damaged",
                                         "sfdisk --verify '{path}'" },
        [DISK_REFUSED_TABLE_CUT] = { EUCLEAN,
                                     "The partition table of disk image '{path}' is made for at "
                                     "least {bytes} bytes, more than the image has",
                                     AGAIN },
        [DISK_REFUSED_TABLE_BACKUP] = { EUCLEAN,
                                        "The partition table of disk image '{path}' is damaged, "
                                        "only its backup at the end is sound",
                                        "printf 'w\\n' | fdisk '{path}' # restores it" },
        [DISK_REFUSED_TABLE_TWO] = { EUCLEAN,
                                     "Disk image '{path}' has a GPT, but its MBR does not say so: "
                                     "which one is true cannot be known",
                                     "wipefs '{path}' # lists them" },
        [DISK_REFUSED_TABLE_LONG] = { EUCLEAN,
                                      "The partition table of disk image '{path}' has {bytes} "
                                      "partitions, too many",
                                      "sfdisk --list '{path}'" },
        [DISK_REFUSED_OVERLAP] = { EUCLEAN,
                                   "Partitions {part} and {other} of disk image '{path}' overlap",
                                   "sfdisk --verify '{path}'" },
        [DISK_REFUSED_PAST_END] = { EUCLEAN, "{subject} lies past the end of the image", AGAIN },
        [DISK_REFUSED_EMPTY] = { EUCLEAN, "{subject} has no size or begins at 0",
                                 "sfdisk --verify '{path}'" },
        [DISK_REFUSED_NO_ROOT] = { EMEDIUMTYPE,
                                   "No partition of disk image '{path}' is a root or /usr by its "
                                   "type",
                                   "sfdisk --part-type '{path}' NUMBER TYPE" },
        [DISK_REFUSED_LINUX_MANY] = { EMEDIUMTYPE,
                                      "Disk image '{path}' has several partitions for Linux and "
                                      "none of them is a root by its type",
                                      "sfdisk --part-type '{path}' NUMBER TYPE" },
        [DISK_REFUSED_ACTIVE_MANY] = { EMEDIUMTYPE,
                                       "Disk image '{path}' has several partitions for Linux and "
                                       "not exactly one of them is active",
                                       "sfdisk --activate '{path}' NUMBER" },
        [DISK_REFUSED_FOREIGN_MANY] = { EMEDIUMTYPE,
                                        "Disk image '{path}' has roots for several architectures, "
                                        "and none is this machine's",
                                        "sfdisk --list '{path}'" },
        [DISK_REFUSED_ENCRYPTED] = { EMEDIUMTYPE, "{subject} is encrypted",
                                     "open it first with " LOSETUP
                                     " and cryptsetup open {device} NAME, then use "
                                     "/dev/mapper/NAME as the image" },
        [DISK_REFUSED_LVM] = { EMEDIUMTYPE, "{subject} is a physical volume of LVM",
                               LOSETUP " and vgchange -ay, then use /dev/GROUP/VOLUME as the "
                                       "image" },
        [DISK_REFUSED_RAID] = { EMEDIUMTYPE, "{subject} is a member of a RAID",
                                LOSETUP " and mdadm --assemble --scan, then use /dev/md/NAME as "
                                        "the image" },
        [DISK_REFUSED_SWAP] = { EMEDIUMTYPE, "{subject} is swap space and has no file system",
                                "sfdisk --list '{path}'" },
        [DISK_REFUSED_AMBIGUOUS] = { EUCLEAN,
                                     "{subject} has signatures of more than one file system or "
                                     "table, and which one is true cannot be known",
                                     LOSETUP " and wipefs {device}, which lists them" },
        [DISK_REFUSED_NO_FILE_SYSTEM] = { EMEDIUMTYPE,
                                          "{subject} has no file system that can be booted from "
                                          "(ext4, xfs, btrfs, squashfs, erofs)",
                                          LOSETUP " and wipefs {device}" },
        [DISK_REFUSED_FILE_SYSTEM_CUT] = { EUCLEAN,
                                           "The file system of {subject} is damaged: it says that "
                                           "it is larger than its place",
                                           AGAIN },
        [DISK_REFUSED_DEVICES_MANY] = { EMEDIUMTYPE, "{subject} is one of several devices of btrfs",
                                        LOSETUP " for each, then mount and stead create --from" },
};

int disk_refuse(DiskRefusal *refusal, const DiskRefusal *why)
{
        *refusal = *why;
        return -reasons[why->kind].number;
}

bool disk_refusal_is_of_content(DiskRefusalKind kind)
{
        return kind >= DISK_REFUSED_ENCRYPTED && kind <= DISK_REFUSED_DEVICES_MANY;
}

const char *disk_refusal_word(const char *s)
{
        DiskRole role = disk_role_from_string(s);

        return (int)role >= 0 ? disk_role_to_string(role) : file_format_name(s);
}

static void put_subject(const DiskRefusal *r, const char *path, bool first, Buffer *out)
{
        if (r->part == 0) {
                buffer_printf(out, "%s image '%s'", first ? "Disk" : "disk", path);
                return;
        }
        buffer_printf(out, "%s %u", first ? "Partition" : "partition", r->part);
        if (r->name)
                buffer_printf(out, " (%s)", r->name);
        buffer_printf(out, " of disk image '%s'", path);
}

static size_t put_field(const DiskRefusal *r, const char *path, const char *field, Buffer *out)
{
        size_t length = strcspn(field, "}") + 1;

        if (strncmp(field, "{path", 5) == 0)
                buffer_puts(out, path);
        else if (strncmp(field, "{part", 5) == 0)
                buffer_printf(out, "%u", r->part);
        else if (strncmp(field, "{other", 6) == 0)
                buffer_printf(out, "%u", r->other);
        else if (strncmp(field, "{bytes", 6) == 0)
                buffer_printf(out, "%" PRIu64, r->bytes);
        else if (strncmp(field, "{subject", 8) == 0)
                put_subject(r, path, out->size == 0, out);
        else if (strncmp(field, "{device", 7) == 0 && r->part == 0)
                buffer_puts(out, "/dev/loopX");
        else if (strncmp(field, "{device", 7) == 0)
                buffer_printf(out, "/dev/loopXp%u", r->part);
        else
                buffer_puts(out, r->name ?: "unknown");
        return length;
}

static void expand(const DiskRefusal *r, const char *path, const char *text, Buffer *out)
{
        while (*text) {
                size_t plain = strcspn(text, "{");

                buffer_append(out, text, plain);
                text += plain;
                if (*text)
                        text += put_field(r, path, text, out);
        }
}

int disk_refusal_report(const DiskRefusal *refusal, const char *path, Error *error)
{
        const Reason *reason = &reasons[refusal->kind];
        _cleanup_buffer_ Buffer message = BUFFER_NULL, hint = BUFFER_NULL;
        bool zip = refusal->name && strcmp(refusal->name, "zip") == 0;

        expand(refusal, path, reason->message, &message);
        expand(refusal, path, zip ? "unzip '{path}'" : reason->hint, &hint);
        if (buffer_error(&message) < 0 || buffer_error(&hint) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (error && error->number == 0)
                error_hint(error, "%s", hint.data);
        return error_set(error, reason->number, "%s", message.data);
}
