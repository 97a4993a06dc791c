/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device mapper's ioctls, as linux/dm-ioctl.h has them. */

#include "os/verity.h"

#include "base/cleanup.h"
#include "base/little-endian.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#define SECTOR 512
#define BLOCK_MIN 512U
#define BLOCK_MAX (64U << 10)
#define REQUEST_SIZE 4096

/* The superblock on disk; numbers are little endian. */
enum {
        AT_SIGNATURE = 0,
        AT_VERSION = 8,
        AT_HASH_TYPE = 12,
        AT_ALGORITHM = 32,
        AT_DATA_BLOCK_SIZE = 64,
        AT_HASH_BLOCK_SIZE = 68,
        AT_DATA_BLOCKS = 72,
        AT_SALT_SIZE = 80,
        AT_SALT = 88,
        SALT_MAX = 256,
};

static bool is_block_size(uint32_t size)
{
        return size >= BLOCK_MIN && size <= BLOCK_MAX && (size & (size - 1)) == 0;
}

size_t verity_hash_length(const char *algorithm)
{
        static const struct {
                const char *name;
                size_t length;
        } known[] = { { "sha256", 64 }, { "sha384", 96 }, { "sha512", 128 } };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (strcmp(known[i].name, algorithm) == 0)
                        return known[i].length;
        return 0;
}

/* The blocks of all levels of the tree of hashes, from the lowest to its root. */
static uint64_t hash_blocks(const VerityTable *t)
{
        uint64_t per_block = t->hash_block_size / (verity_hash_length(t->algorithm) / 2),
                 n = t->data_blocks, sum = 0;

        /* hashes of type 1 are padded to a power of two */
        while (per_block & (per_block - 1))
                per_block &= per_block - 1;
        do {
                n = (n + per_block - 1) / per_block;
                sum += n;
        } while (n > 1);
        return sum;
}

int verity_parse(const uint8_t superblock[static VERITY_SUPERBLOCK_SIZE], uint64_t data_size,
                 uint64_t hash_size, VerityTable *ret)
{
        const uint8_t *s = superblock;
        VerityTable t = { .hash_type = le32_at(s + AT_HASH_TYPE),
                          .data_block_size = le32_at(s + AT_DATA_BLOCK_SIZE),
                          .hash_block_size = le32_at(s + AT_HASH_BLOCK_SIZE),
                          .data_blocks = le64_at(s + AT_DATA_BLOCKS) };
        unsigned salt = s[AT_SALT_SIZE] | (unsigned)s[AT_SALT_SIZE + 1] << 8;

        if (memcmp(s + AT_SIGNATURE, "verity\0\0", 8) != 0 || le32_at(s + AT_VERSION) != 1 ||
            t.hash_type > 1 || salt > SALT_MAX || s[AT_ALGORITHM + 31] != 0)
                return -EUCLEAN;
        memcpy(t.algorithm, s + AT_ALGORITHM, sizeof(t.algorithm));
        if (verity_hash_length(t.algorithm) == 0 || !is_block_size(t.data_block_size) ||
            !is_block_size(t.hash_block_size) || t.data_blocks == 0 ||
            t.data_blocks > data_size / t.data_block_size ||
            hash_blocks(&t) >= hash_size / t.hash_block_size)
                return -EUCLEAN;
        for (unsigned i = 0; i < salt; i++)
                (void)snprintf(t.salt + 2 * (size_t)i, 3, "%02x", s[AT_SALT + i]);
        if (salt == 0)
                (void)snprintf(t.salt, sizeof(t.salt), "-");
        *ret = t;
        return 0;
}

typedef union Request {
        struct dm_ioctl header;
        char bytes[REQUEST_SIZE];
} Request;

static void begin(Request *q, const char *name, uint32_t flags)
{
        memset(q, 0, sizeof(*q));
        q->header.version[0] = DM_VERSION_MAJOR;
        q->header.data_size = sizeof(*q);
        q->header.data_start = sizeof(q->header);
        q->header.flags = flags;
        (void)snprintf(q->header.name, sizeof(q->header.name), "%s", name);
}

static int ask(int control, unsigned long what, Request *q)
{
        return ioctl(control, what, q) < 0 ? -errno : 0;
}

static int open_control(void)
{
        int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);

        if (fd >= 0)
                return fd;
        return errno == ENOENT || errno == ENODEV ? -ENXIO : -errno;
}

static int load(int control, const char *name, const char *data_device, const char *hash_device,
                const VerityTable *t, const char *root_hash)
{
        Request q;
        struct dm_target_spec *target;
        char *words;
        size_t room = sizeof(q) - sizeof(q.header) - sizeof(*target);
        int n;

        begin(&q, name, DM_READONLY_FLAG);
        q.header.target_count = 1;
        target = (struct dm_target_spec *)(void *)(q.bytes + sizeof(q.header));
        target->length = t->data_blocks * (t->data_block_size / SECTOR);
        (void)snprintf(target->target_type, sizeof(target->target_type), "verity");
        words = q.bytes + sizeof(q.header) + sizeof(*target);
        n = snprintf(words, room, "%u %s %s %u %u %llu 1 %s %s %s", t->hash_type, data_device,
                     hash_device, t->data_block_size, t->hash_block_size,
                     (unsigned long long)t->data_blocks, t->algorithm, root_hash, t->salt);
        if (n < 0 || (size_t)n >= room)
                return -E2BIG;
        return ask(control, DM_TABLE_LOAD, &q);
}

/* Removed at once, or when its last user is gone. */
static void let_go(int control, const char *name)
{
        Request q;

        begin(&q, name, DM_DEFERRED_REMOVE);
        (void)ask(control, DM_DEV_REMOVE, &q);
}

/* "stead-123-root" where there is no process 123: one that was killed before it could let go. One
 * that is in use stays until its last user is gone, as it would anyway. */
static bool is_left_over(const char *name)
{
        int pid;
        char dash;

        return sscanf(name, VERITY_NAME_PREFIX "%d%c", &pid, &dash) == 2 && dash == '-' &&
               pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

/* Of more than fit into a request some stay for later. */
static void remove_left_overs(int control)
{
        Request q;
        size_t at, end;

        begin(&q, "", 0);
        if (ask(control, DM_LIST_DEVICES, &q) < 0)
                return;
        at = q.header.data_start;
        end = MIN_OF(q.header.data_size, sizeof(q));
        while (at + sizeof(struct dm_name_list) < end) {
                const struct dm_name_list *item = (const void *)(q.bytes + at);
                size_t room = end - at - offsetof(struct dm_name_list, name);

                if (item->dev == 0 || strnlen(item->name, room) == room)
                        return;
                if (is_left_over(item->name))
                        let_go(control, item->name);
                if (item->next == 0)
                        return;
                at += item->next;
        }
}

int verity_open(const char *name, const char *data_device, const char *hash_device,
                const VerityTable *table, const char *root_hash,
                char device[static VERITY_DEVICE_MAX])
{
        _cleanup_close_ int control = open_control();
        Request q;
        dev_t number;
        int r, fd = -EBADF;

        if (control < 0)
                return control;
        remove_left_overs(control);
        begin(&q, name, 0);
        r = ask(control, DM_DEV_CREATE, &q);
        if (r < 0)
                return r;
        number = (dev_t)q.header.dev;
        r = load(control, name, data_device, hash_device, table, root_hash);
        begin(&q, name, 0); /* not DM_SUSPEND_FLAG: it goes on */
        if (r >= 0)
                r = ask(control, DM_DEV_SUSPEND, &q);
        (void)snprintf(device, VERITY_DEVICE_MAX, "/dev/dm-%u", minor(number));
        if (r >= 0) {
                fd = open(device, O_RDONLY | O_CLOEXEC);
                r = fd < 0 ? -errno : 0;
        }
        let_go(control, name);
        return r < 0 ? r : fd;
}

int verity_is_corrupt(const char *name)
{
        _cleanup_close_ int control = open_control();
        const struct dm_target_spec *target;
        Request q;
        int r;

        if (control < 0)
                return control;
        begin(&q, name, 0);
        r = ask(control, DM_TABLE_STATUS, &q);
        if (r < 0 || q.header.target_count != 1)
                return r < 0 ? r : -EINVAL;
        target = (const struct dm_target_spec *)(const void *)(q.bytes + q.header.data_start);
        return *(const char *)(target + 1) == 'C';
}
