/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of a cgroup back to values. Devices are named as the kernel does, "/dev/block/8:0". */

#include "machine/limits.h"

#include "base/fd.h"
#include "base/parse.h"
#include "config/resource-parse.h"
#include "os/block-device.h"
#include "os/cgroup.h"

#include <string.h>
#include <sys/sysmacros.h>

#define CGROUP_FILE_MAX 65536
#define DEVICE_PATH "/dev/block/%u:%u"

static int read_amount(const char *text, ResourceValue *v)
{
        v->form = RESOURCE_FORM_NUMBER;
        if (strcmp(text, "max") != 0)
                return parse_uint64(text, &v->number);
        v->number = RESOURCE_INFINITY;
        return 0;
}

static int read_cpu_weight(int cgroup_fd, const char *text, ResourceValue *v)
{
        _cleanup_free_ char *idle = NULL;

        v->form = RESOURCE_FORM_NUMBER;
        if (read_file_at(cgroup_fd, "cpu.idle", 16, &idle) > 0 && *idle == '1') {
                v->number = 0;
                return 0;
        }
        return parse_uint64(text, &v->number);
}

/* "max 100000" or "50000 100000" */
static int read_cpu_max(const char *text, ResourceValue *v)
{
        unsigned long long quota = 0, period = 0;
        bool limited = sscanf(text, "%llu %llu", &quota, &period) == 2;

        if (!limited && sscanf(text, "max %llu", &period) != 1)
                return -EBADMSG;
        v->form = RESOURCE_FORM_NUMBER;
        if (v->key->type == RESOURCE_TIME)
                v->number = period;
        else
                v->number =
                        limited && period > 0 ? quota * USEC_PER_SEC / period : RESOURCE_INFINITY;
        return 0;
}

/* One line "8:0 rbps=1048576 wbps=max ..." or "8:0 200". 1 if it says something of this key. */
static int read_device_line(const ResourceKey *key, const char *line, uint64_t *ret)
{
        const char *word = limits_io_word(key), *p;
        unsigned long long number;

        if (!word)
                return sscanf(line, "%*u:%*u %llu", &number) == 1 ? (*ret = number, 1) : 0;
        for (p = strchr(line, ' '); p; p = strchr(p, ' ')) {
                p++;
                if (strncmp(p, word, strlen(word)) == 0 && p[strlen(word)] == '=' &&
                    sscanf(p + strlen(word) + 1, "%llu", &number) == 1) {
                        *ret = number;
                        return 1;
                }
        }
        return 0;
}

static int read_devices(char *text, ResourceValue *v)
{
        char *save = NULL;

        v->form = RESOURCE_FORM_DEVICES;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                unsigned high, low;
                uint64_t number;
                ResourceItem *item;
                char path[64];

                if (sscanf(line, "%u:%u ", &high, &low) != 2 ||
                    read_device_line(v->key, line, &number) == 0)
                        continue;
                (void)snprintf(path, sizeof(path), DEVICE_PATH, high, low);
                item = resource_item_add(v, path, NULL);
                if (!item)
                        return -ENOMEM;
                item->number = number;
        }
        return 0;
}

/* "default 100" and lines of devices */
static int read_io_weight(const char *text, ResourceValue *v)
{
        unsigned long long number;

        v->form = RESOURCE_FORM_NUMBER;
        if (sscanf(text, "default %llu", &number) != 1)
                return -EBADMSG;
        v->number = number;
        return 0;
}

static int read_boolean(const char *text, ResourceValue *v)
{
        v->form = RESOURCE_FORM_BOOLEAN;
        v->number = *text == '1';
        return 0;
}

static int read_value(int cgroup_fd, char *text, ResourceValue *v, Error *error)
{
        ResourceType type = v->key->type;

        if (type == RESOURCE_CPU_LIST)
                return resource_parse_fresh(v->key, text, v, error);
        if (type == RESOURCE_CPU_WEIGHT)
                return read_cpu_weight(cgroup_fd, text, v);
        if (type == RESOURCE_WEIGHT)
                return read_io_weight(text, v);
        if (type == RESOURCE_DEVICE_RATE || type == RESOURCE_DEVICE_WEIGHT ||
            type == RESOURCE_DEVICE_TIME)
                return read_devices(text, v);
        if (type == RESOURCE_BOOLEAN)
                return read_boolean(text, v);
        return strcmp(v->key->file, "cpu.max") == 0 ? read_cpu_max(text, v) : read_amount(text, v);
}

int limits_read(int cgroup_fd, const ResourceKey *key, ResourceValue *ret, Error *error)
{
        _cleanup_resource_value_ ResourceValue v = { .key = key };
        _cleanup_free_ char *text = NULL;
        ssize_t n =
                key->file ? read_file_at(cgroup_fd, key->file, CGROUP_FILE_MAX, &text) : -ENOENT;
        int r;

        if (n == -ENOENT)
                return -ENODATA;
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read %s", key->file);
        if (n > 0 && text[n - 1] == '\n')
                text[n - 1] = '\0';
        r = read_value(cgroup_fd, text, &v, error);
        if (r < 0)
                return error_errno(error, -r, "Failed to understand '%s' in %s", text, key->file);
        *ret = v;
        v = RESOURCE_VALUE_NULL;
        return 0;
}

int limits_resolve(ResourceValue *v, bool devices)
{
        if (v->form == RESOURCE_FORM_SCALE && v->key->type != RESOURCE_PERCENT) {
                v->number = limits_amount(v);
                v->form = RESOURCE_FORM_NUMBER;
        }
        for (size_t i = 0; devices && v->form == RESOURCE_FORM_DEVICES && i < v->n_items; i++) {
                dev_t device;
                char *path = NULL;

                if (block_device_of(v->items[i].name, &device) < 0)
                        continue; /* it is not there: a difference, then */
                if (asprintf(&path, DEVICE_PATH, major(device), minor(device)) < 0)
                        return -ENOMEM;
                free(v->items[i].name);
                v->items[i].name = path;
        }
        return 0;
}
