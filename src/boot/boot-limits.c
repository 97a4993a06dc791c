/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The [Resources] of a machine where no systemd does it: written to the cgroup that holds payload,
 * out of the machine's reach, before its first process runs. On a host with systemd they are
 * properties of the unit, and this file has nothing to do. */

#include "boot/boot.h"

#include "base/fd.h"
#include "base/strv.h"
#include "machine/limits.h"
#include "os/cgroup.h"

#include <fcntl.h>
#include <string.h>

static int parse(char *const *lines, ResourceValues *ret, Error *error)
{
        for (char *const *l = lines; l && *l; l++) {
                _cleanup_free_ char *key = strndup(*l, strcspn(*l, "="));
                const char *value = *l + strcspn(*l, "=");
                int r = key ? resource_values_assign(ret, key, value + (*value == '='), error)
                            : error_set(error, ENOMEM, "Out of memory");

                if (r < 0)
                        return r;
        }
        return 0;
}

static bool has_word(const char *text, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = text; (p = strstr(p, word)); p += n)
                if ((p == text || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\n' || !p[n]))
                        return true;
        return false;
}

/* 1 if the cgroup did not hand @controller down before and does now. */
static int hand_down_one(const char *path, const char *controller)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        char word[64];

        if (fd < 0 || read_file_at(fd, "cgroup.subtree_control", 4096, &text) < 0 ||
            has_word(text, controller))
                return 0;
        (void)snprintf(word, sizeof(word), "+%s", controller);
        return write_file_at(fd, "cgroup.subtree_control", word) >= 0;
}

/* A file such as memory.max is there only if the parent hands its controller down, and so on
 * upwards: OWN/ and OWN/machine.slice/. A parent with processes of its own refuses, unless it is
 * the root; then the write below says which controller is missing. No others are handed down than
 * the limits need: OWN/ is not ours. */
static int hand_down(Boot *b, const ResourceValues *values)
{
        _cleanup_free_ char *slice =
                strndup(b->cgroup, (size_t)(strrchr(b->cgroup, '/') - b->cgroup));
        _cleanup_free_ char *own =
                slice ? strndup(slice, (size_t)(strrchr(slice, '/') - slice)) : NULL;

        if (!own)
                return -ENOMEM;
        for (size_t i = 0; i < values->n; i++) {
                const char *file = values->items[i].key->file;
                _cleanup_free_ char *controller = NULL;

                if (!file)
                        continue;
                controller = strndup(file, strcspn(file, "."));
                if (!controller)
                        return -ENOMEM;
                if (hand_down_one(own, controller) > 0 &&
                    strv_push(&b->handed_down, controller) < 0)
                        return -ENOMEM;
                (void)hand_down_one(slice, controller);
        }
        return 0;
}

void boot_take_back_controllers(Boot *b, const char *own)
{
        _cleanup_close_ int fd = -EBADF;

        if (!b->handed_down)
                return;
        fd = open(own, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        STRV_FOREACH (c, b->handed_down) {
                char word[64];

                (void)snprintf(word, sizeof(word), "-%s", *c);
                if (fd >= 0)
                        (void)write_file_at(fd, "cgroup.subtree_control", word); /* in use: stays */
        }
}

static void print_warnings(const char *machine, const Diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++) {
                fprintf(stderr, "Machine '%s' runs without a limit: %s\n", machine,
                        d->items[i].message);
                if (d->items[i].hint)
                        fprintf(stderr, "  Try: %s\n", d->items[i].hint);
        }
}

int boot_write_limits(Boot *b, Error *error)
{
        _cleanup_resource_values_ ResourceValues values = RESOURCE_VALUES_NULL;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (b->unit || strv_length(b->plan->resources) == 0)
                return 0;
        r = parse(b->plan->resources, &values, error);
        if (r < 0)
                return error_prefix(error, "[Resources] of machine '%s'", b->plan->machine);
        if (!b->cgroup) {
                fprintf(stderr, "Machine '%s' runs without its limits: it has no cgroup.\n",
                        b->plan->machine);
                return 0;
        }
        if (!b->delegated && hand_down(b, &values) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        fd = open(b->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return error_errno(error, errno, "Failed to open '%s'", b->cgroup);
        if (!b->delegated)
                cgroup_enable_controllers(fd); /* the machine has what was handed down just now */
        r = limits_write_all(fd, &values, &diagnostics);
        if (r < 0)
                return error_errno(error, -r, "Failed to set the limits of machine '%s'",
                                   b->plan->machine);
        print_warnings(b->plan->machine, &diagnostics);
        return 0;
}
