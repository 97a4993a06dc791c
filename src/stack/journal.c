/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal as text. */

#include "stack/journal.h"

#include "base/fd.h"
#include "base/parse.h"
#include "store/record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC "stead-switch 1"
#define FILE_MAX ((size_t)64 * 1024 * 1024)

static void layers_free(StackLayer *layers, size_t n)
{
        for (size_t i = 0; i < n; i++)
                stack_layer_done(&layers[i]);
        free(layers);
}

void journal_done(Journal *j)
{
        for (size_t i = 0; i < j->n_edits; i++) {
                free(j->edits[i].path);
                free(j->edits[i].source);
        }
        for (size_t i = 0; i < j->n_times; i++)
                free(j->times[i].path);
        layers_free(j->old, j->n_old);
        layers_free(j->lowers, j->n_lowers);
        free(j->undone);
        free(j->edits);
        free(j->times);
        *j = JOURNAL_NULL;
}

SavedPath journal_saved_path(unsigned generation, size_t index)
{
        SavedPath p;

        (void)snprintf(p.path, sizeof(p.path), "saved/%u/%zu", generation, index);
        return p;
}

int journal_add_edit(Journal *j, const char *path, const char *source)
{
        JournalEdit *grown = reallocarray(j->edits, j->n_edits + 1, sizeof(*grown));
        _cleanup_free_ char *p = strdup(path), *s = source ? strdup(source) : NULL;

        if (grown)
                j->edits = grown;
        if (!grown || !p || (source && !s))
                return -ENOMEM;
        grown[j->n_edits++] = (JournalEdit){ .path = TAKE_PTR(p), .source = TAKE_PTR(s) };
        return 0;
}

int journal_add_undone(Journal *j, unsigned generation)
{
        unsigned *grown = reallocarray(j->undone, j->n_undone + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        j->undone = grown;
        grown[j->n_undone++] = generation;
        return 0;
}

static int add_time(Journal *j, const char *path, const struct timespec *time)
{
        JournalTime *grown = reallocarray(j->times, j->n_times + 1, sizeof(*grown));
        char *copy = strdup(path);

        if (grown)
                j->times = grown;
        if (!grown || !copy) {
                free(copy);
                return -ENOMEM;
        }
        grown[j->n_times++] = (JournalTime){ .path = copy, .time = *time };
        return 0;
}

static bool has_time(const Journal *j, const char *path)
{
        for (size_t i = 0; i < j->n_times; i++)
                if (strcmp(j->times[i].path, path) == 0)
                        return true;
        return false;
}

int journal_add_times(Journal *j, int upper_fd)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < j->n_edits; i++) {
                const char *path = j->edits[i].path, *slash = strrchr(path, '/'), *name;
                _cleanup_free_ char *directory = strndup(path, (size_t)(slash - path));
                _cleanup_close_ int fd = -EBADF;
                struct stat st;

                if (!directory)
                        return -ENOMEM;
                if (has_time(j, directory))
                        continue;
                fd = journal_open_parent(upper_fd, path, &name);
                if (fd >= 0 && fstat(fd, &st) >= 0) /* else it is of an earlier edit */
                        r = add_time(j, directory, &st.st_mtim);
        }
        return r;
}

int journal_open_parent(int upper_fd, const char *path, const char **ret_name)
{
        _cleanup_close_ int fd = openat(upper_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

        while (fd >= 0) {
                const char *slash;
                _cleanup_free_ char *component = NULL;
                int next;

                path += strspn(path, "/");
                slash = strchr(path, '/');
                if (!slash) {
                        *ret_name = path;
                        return TAKE_FD(fd);
                }
                component = strndup(path, (size_t)(slash - path));
                if (!component)
                        return -ENOMEM;
                next = openat(fd, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return -errno;
                (void)close(fd);
                fd = next;
                path = slash;
        }
        return -errno;
}

static void write_layers(Buffer *out, const char *key, const StackLayer *layers, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char tree[HASH_TEXT_SIZE];

                buffer_printf(out, "%s %s ", key, hash_to_string(&layers[i].tree, tree));
                record_write_word(out, layers[i].name);
                buffer_puts(out, "\n");
        }
}

static void journal_write(const Journal *j, Buffer *out)
{
        buffer_printf(out, MAGIC "\ngeneration %u\nfrom %u\n", j->generation, j->from);
        if (j->restores)
                buffer_printf(out, "restores %u\n", j->restores);
        for (size_t i = 0; i < j->n_undone; i++)
                buffer_printf(out, "undone %u\n", j->undone[i]);
        write_layers(out, "old", j->old, j->n_old);
        write_layers(out, "lower", j->lowers, j->n_lowers);
        for (size_t i = 0; i < j->n_edits; i++) {
                buffer_printf(out, "edit %s ", j->edits[i].source ?: "-");
                record_write_word(out, j->edits[i].path);
                buffer_puts(out, "\n");
        }
        for (size_t i = 0; i < j->n_times; i++) {
                buffer_printf(out, "time %" PRId64 " %ld ", (int64_t)j->times[i].time.tv_sec,
                              j->times[i].time.tv_nsec);
                record_write_word(out, *j->times[i].path ? j->times[i].path : "/");
                buffer_puts(out, "\n");
        }
        for (size_t i = 0; i < j->n_edits; i++)
                if (j->edits[i].inode)
                        buffer_printf(out, "is %zu %" PRIu64 " %" PRId64 " %ld\n", i,
                                      j->edits[i].inode, (int64_t)j->edits[i].change.tv_sec,
                                      j->edits[i].change.tv_nsec);
}

int journal_save(int data_fd, const char *file, const Journal *j, Error *error)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        int r;

        journal_write(j, &out);
        r = buffer_error(&out);
        if (r >= 0)
                r = write_file_synced_at(data_fd, file, out.data, 0600);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", file) : 0;
}

static int parse_timespec(const char *seconds, const char *nanoseconds, struct timespec *ret)
{
        uint64_t nsec;
        int64_t sec;

        if (record_parse_time(seconds, &sec) < 0 || parse_uint64(nanoseconds, &nsec) < 0 ||
            nsec >= 1000000000)
                return -EINVAL;
        *ret = (struct timespec){ .tv_sec = sec, .tv_nsec = (long)nsec };
        return 0;
}

static int parse_is(Journal *j, char **words)
{
        JournalEdit *edit;
        uint64_t index;

        if (parse_uint64(words[1], &index) < 0 || index >= j->n_edits)
                return -EINVAL;
        edit = &j->edits[index];
        if (parse_uint64(words[2], &edit->inode) < 0)
                return -EINVAL;
        return parse_timespec(words[3], words[4], &edit->change);
}

static int parse_layer(char **words, StackLayer **layers, size_t *n)
{
        Hash tree;

        if (hash_parse(words[1], &tree) < 0)
                return -EINVAL;
        return stack_layer_append(layers, n, words[2], NULL, &tree);
}

static int parse_number(Journal *j, char **words)
{
        uint32_t number;

        if (parse_uint32(words[1], &number) < 0)
                return -EINVAL;
        if (strcmp(words[0], "generation") == 0)
                j->generation = number;
        else if (strcmp(words[0], "from") == 0)
                j->from = number;
        else if (strcmp(words[0], "restores") == 0)
                j->restores = number;
        else if (strcmp(words[0], "undone") == 0)
                return journal_add_undone(j, number);
        else
                return -EINVAL;
        return 0;
}

static int parse_line(Journal *j, char **words, int n)
{
        struct timespec time;

        if (n == 2)
                return parse_number(j, words);
        if (n == 3 && strcmp(words[0], "old") == 0)
                return parse_layer(words, &j->old, &j->n_old);
        if (n == 3 && strcmp(words[0], "lower") == 0)
                return parse_layer(words, &j->lowers, &j->n_lowers);
        if (n == 3 && strcmp(words[0], "edit") == 0 && words[2][0] == '/')
                return journal_add_edit(j, words[2], strcmp(words[1], "-") == 0 ? NULL : words[1]);
        if (n == 5 && strcmp(words[0], "is") == 0)
                return parse_is(j, words);
        if (n != 4 || strcmp(words[0], "time") != 0 || words[3][0] != '/' ||
            parse_timespec(words[1], words[2], &time) < 0)
                return -EINVAL;
        return add_time(j, strcmp(words[3], "/") == 0 ? "" : words[3], &time);
}

static int journal_parse(const char *file, const char *text, size_t size, Journal *j, Error *error)
{
        _cleanup_record_reader_ RecordReader reader = RECORD_READER_NULL;
        char *words[RECORD_WORDS_MAX];
        int r = record_open(file, text, size, MAGIC, &reader, error), n;

        if (r < 0)
                return r;
        while ((n = record_next(&reader, words, error)) > 0) {
                r = parse_line(j, words, n);
                if (r == -ENOMEM)
                        return error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        return record_refuse(&reader, error, "no such line in a journal");
        }
        if (n >= 0 && (j->generation == 0 || j->n_lowers == 0))
                return record_refuse(&reader, error, "it ends too early");
        return n;
}

int journal_load(int data_fd, const char *file, Journal *ret, Error *error)
{
        _cleanup_journal_ Journal j = JOURNAL_NULL;
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = openat(data_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st;
        ssize_t n;
        int r;

        if (fd < 0 && errno == ENOENT)
                return error_set(error, ENOENT, "There is no '%s'", file);
        n = fd < 0 || fstat(fd, &st) < 0 ? -errno : read_fd(fd, FILE_MAX, &text);
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read '%s'", file);
        r = journal_parse(file, text, (size_t)n, &j, error);
        if (r < 0)
                return r;
        j.written = st.st_ctim;
        *ret = j;
        j = JOURNAL_NULL;
        return 0;
}
