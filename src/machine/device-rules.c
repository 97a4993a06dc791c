/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line a rule: "c 10:229 rwm", '*' for any number. */

#include "machine/device-rules.h"

#include "base/fd.h"
#include "base/strv.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define RULES_MAX ((size_t)1024 * 1024)

static void append_number(Buffer *text, uint32_t number)
{
        if (number == DEVICE_ANY)
                buffer_puts(text, "*");
        else
                buffer_printf(text, "%u", number);
}

static void append_rule(Buffer *text, const DeviceRule *rule)
{
        buffer_printf(text, "%c ", rule->type);
        append_number(text, rule->major);
        buffer_puts(text, ":");
        append_number(text, rule->minor);
        buffer_printf(text, " %s%s%s\n", rule->read ? "r" : "", rule->write ? "w" : "",
                      rule->mknod ? "m" : "");
}

int device_rules_save(const char *machine, const DeviceRule *rules, size_t n)
{
        _cleanup_free_ char *path = machine_path(machine, "devices");
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        for (size_t i = 0; i < n; i++)
                append_rule(&text, &rules[i]);
        if (!path || buffer_error(&text) < 0)
                return -ENOMEM;
        return write_file_atomic_at(AT_FDCWD, path, text.data ?: "", 0600);
}

static int parse_number(const char *word, uint32_t *ret)
{
        if (strcmp(word, "*") != 0)
                return parse_uint32(word, ret);
        *ret = DEVICE_ANY;
        return 0;
}

static int parse_rule(const char *line, DeviceRule *ret)
{
        _cleanup_strv_ char **words = NULL;
        DeviceRule rule = {};
        int r = strv_split(line, " :", &words);

        if (r < 0)
                return r;
        if (strv_length(words) != 4 || parse_number(words[1], &rule.major) < 0 ||
            parse_number(words[2], &rule.minor) < 0)
                return -EBADMSG;
        rule.type = words[0][0];
        rule.read = strchr(words[3], 'r');
        rule.write = strchr(words[3], 'w');
        rule.mknod = strchr(words[3], 'm');
        *ret = rule;
        return 0;
}

/* With room for one more. */
static int load(const char *path, DeviceRule **ret, size_t *ret_n)
{
        _cleanup_free_ DeviceRule *rules = NULL;
        _cleanup_strv_ char **lines = NULL;
        _cleanup_free_ char *text = NULL;
        size_t n = 0;
        int r = (int)read_file_at(AT_FDCWD, path, RULES_MAX, &text);

        if (r >= 0)
                r = strv_split(text, "\n", &lines);
        if (r < 0)
                return r;
        rules = calloc(strv_length(lines) + 1, sizeof(DeviceRule));
        if (!rules)
                return -ENOMEM;
        STRV_FOREACH (line, lines) {
                r = parse_rule(*line, &rules[n++]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(rules);
        *ret_n = n;
        return 0;
}

static int allow(const Machine *m, const DeviceRule *one)
{
        _cleanup_free_ char *path = machine_path(m->name, "devices");
        _cleanup_free_ DeviceRule *rules = NULL;
        _cleanup_close_ int cgroup_fd = -EBADF;
        size_t n = 0;
        int r;

        if (!m->cgroup || !path)
                return path ? -ENOENT : -ENOMEM;
        cgroup_fd = open(m->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (cgroup_fd < 0)
                return -errno;
        r = load(path, &rules, &n);
        if (r < 0)
                return r;
        rules[n++] = *one;
        r = device_policy_replace(cgroup_fd, rules, n);
        return r < 0 ? r : device_rules_save(m->name, rules, n);
}

int device_rules_allow(const Machine *m, const char *device, bool read_only, Error *error)
{
        DeviceRule one = { .read = true, .write = !read_only };
        _cleanup_close_ int lock = -EBADF;
        struct stat st;
        char *place;
        int r;

        if (stat(device, &st) < 0)
                return error_errno(error, errno, "Cannot use '%s'", device);
        one.type = S_ISCHR(st.st_mode) ? 'c' : 'b';
        one.major = major(st.st_rdev);
        one.minor = minor(st.st_rdev);
        /* two at once would each leave the other's device out */
        place = machine_path(m->name, "binds");
        lock = place ? open(place, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -EBADF;
        free(place);
        if (lock < 0 || flock(lock, LOCK_EX) < 0)
                return error_errno(error, errno, "Failed to lock the devices of machine '%s'",
                                   m->name);
        r = allow(m, &one);
        return r < 0 ? error_errno(error, -r, "Failed to allow '%s' in machine '%s'", device,
                                   m->name)
                     : 0;
}
