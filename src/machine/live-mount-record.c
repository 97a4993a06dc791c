/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stead itself has mounted in a machine: one line each with the kernel's number of the mount.
 * The file is a claim; what counts is whether the leader that was there then still lives and has
 * the mount, so a line may be stale, but none is believed that is. */

#include "machine/live-mount.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/mount-table.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define RECORD_MAX ((size_t)4 * 1024 * 1024)

int live_mount_record_open(const Machine *m, bool write, Error *error)
{
        _cleanup_free_ char *path = machine_path(m->name, "binds");
        _cleanup_close_ int fd = -EBADF;

        if (!path)
                return error_set(error, ENOMEM, "Out of memory");
        fd = open(path, (write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == ENOENT)
                return -ENOENT;
        if (fd < 0 || flock(fd, write ? LOCK_EX : LOCK_SH) < 0)
                return error_errno(error, errno, "Failed to open '%s'", path);
        return TAKE_FD(fd);
}

static void append_escaped(Buffer *text, const char *word)
{
        for (; *word; word++)
                if (isgraph((unsigned char)*word) && *word != '\\')
                        buffer_append(text, word, 1);
                else
                        buffer_printf(text, "\\%03o", (unsigned char)*word);
}

/* In place. */
static void unescape(char *word)
{
        char *out = word;

        for (; *word; word++)
                if (word[0] == '\\' && word[1] && word[2] && word[3]) {
                        *out++ = (char)((word[1] - '0') << 6 | (word[2] - '0') << 3 |
                                        (word[3] - '0'));
                        word += 3;
                } else {
                        *out++ = *word;
                }
        *out = '\0';
}

static void append_line(Buffer *text, const Machine *m, const LiveMount *mount)
{
        buffer_printf(text, "%d %" PRIu64 " %s %s ", mount->id, m->leader_start,
                      mount->read_only ? "ro" : "rw", mount->options);
        append_escaped(text, mount->source);
        buffer_puts(text, "\n");
}

int live_mount_record_write(int record_fd, const Machine *m, const LiveMount *list, size_t n,
                            const LiveMount *more, int without, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r;

        for (size_t i = 0; i < n; i++)
                if (list[i].id != without)
                        append_line(&text, m, &list[i]);
        if (more)
                append_line(&text, m, more);
        r = buffer_error(&text);
        if (r >= 0 && (ftruncate(record_fd, 0) < 0 || lseek(record_fd, 0, SEEK_SET) < 0))
                r = -errno;
        if (r >= 0 && text.size > 0)
                r = write_all(record_fd, text.data, text.size);
        return r < 0 ? error_errno(error, -r, "Failed to write down what is mounted") : 0;
}

void live_mount_list_free(LiveMount *list, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(list[i].source);
                free(list[i].destination);
                free(list[i].options);
        }
        free(list);
}

/* 1 if the line is of this life of the machine. */
static int parse_line(const Machine *m, const char *line, LiveMount *ret)
{
        _cleanup_strv_ char **words = NULL;
        LiveMount mount = {};
        uint64_t start;
        int r = strv_split(line, " ", &words);

        if (r < 0)
                return r;
        if (strv_length(words) != 5 || parse_int(words[0], &mount.id) < 0 ||
            parse_uint64(words[1], &start) < 0 || start != m->leader_start)
                return 0;
        mount.read_only = strcmp(words[2], "ro") == 0;
        unescape(words[4]);
        mount.options = strdup(words[3]);
        mount.source = strdup(words[4]);
        if (!mount.options || !mount.source) {
                free(mount.options);
                free(mount.source);
                return -ENOMEM;
        }
        *ret = mount;
        return 1;
}

static int parse_lines(int record_fd, const Machine *m, LiveMount **ret, size_t *ret_n)
{
        _cleanup_strv_ char **lines = NULL;
        _cleanup_free_ char *text = NULL;
        LiveMount *list = NULL;
        size_t n = 0;
        int r;

        if (lseek(record_fd, 0, SEEK_SET) < 0)
                return -errno;
        r = (int)read_fd(record_fd, RECORD_MAX, &text);
        if (r > 0)
                r = strv_split(text, "\n", &lines);
        if (r >= 0 && lines) {
                list = calloc(strv_length(lines), sizeof(LiveMount));
                r = list ? 0 : -ENOMEM;
        }
        for (char **line = lines; r >= 0 && line && *line; line++) {
                r = parse_line(m, *line, &list[n]);
                n += r > 0;
        }
        if (r < 0) {
                live_mount_list_free(list, n);
                return r;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

/* Fills the destinations in and drops what is not mounted any more. A number is used again after
 * its mount, so only the last line of each counts. */
static int match_mounts(const Machine *m, LiveMount *list, size_t *n)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_NULL;
        MountEntry entry;
        size_t kept = 0;
        int r = mount_table_read(m->leader, &table);

        while (r >= 0 && (r = mount_table_next(&table, &entry)) > 0)
                for (size_t i = *n; i-- > 0;)
                        if (list[i].id == entry.id && !list[i].destination) {
                                list[i].destination = strdup(entry.path);
                                if (!list[i].destination)
                                        return -ENOMEM;
                                break;
                        }
        if (r < 0)
                return r;
        for (size_t i = 0; i < *n; i++) {
                if (list[i].destination) {
                        list[kept++] = list[i];
                } else {
                        free(list[i].source);
                        free(list[i].options);
                }
        }
        *n = kept;
        return 0;
}

int live_mount_record_read(int record_fd, const Machine *m, LiveMount **ret, size_t *ret_n,
                           Error *error)
{
        LiveMount *list = NULL;
        size_t n = 0;
        int r = parse_lines(record_fd, m, &list, &n);

        if (r >= 0 && n > 0)
                r = match_mounts(m, list, &n);
        if (r < 0) {
                live_mount_list_free(list, n);
                return error_errno(error, -r, "Failed to look at the mounts of machine '%s'",
                                   m->name);
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

int live_mount_list(const Machine *m, LiveMount **ret, size_t *ret_n, Error *error)
{
        _cleanup_close_ int fd = live_mount_record_open(m, false, error);

        if (fd == -ENOENT) {
                *ret = NULL;
                *ret_n = 0;
                return 0;
        }
        return fd < 0 ? fd : live_mount_record_read(fd, m, ret, ret_n, error);
}
