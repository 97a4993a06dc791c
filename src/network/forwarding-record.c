/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of changed settings as text. Must not know which settings there are. */

#include "network/forwarding-record.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/strv.h"

#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <string.h>

#define RECORD_MAX (1 << 20)

static void change_done(SettingChange *c)
{
        free(c->name);
        free(c->before);
        free(c->after);
}

void forwarding_record_done(ForwardingRecord *record)
{
        for (size_t i = 0; i < record->n_changes; i++)
                change_done(&record->changes[i]);
        free(record->changes);
        strv_free(record->links);
        *record = FORWARDING_RECORD_NULL;
}

const SettingChange *forwarding_record_find(const ForwardingRecord *record, const char *name)
{
        for (size_t i = 0; i < record->n_changes; i++)
                if (strcmp(record->changes[i].name, name) == 0)
                        return &record->changes[i];
        return NULL;
}

int forwarding_record_add(ForwardingRecord *record, const char *name, const char *before,
                          const char *after)
{
        SettingChange c = { strdup(name), strdup(before), strdup(after) };
        SettingChange *grown = reallocarray(record->changes, record->n_changes + 1, sizeof(c));

        if (grown)
                record->changes = grown;
        if (!grown || !c.name || !c.before || !c.after) {
                change_done(&c);
                return -ENOMEM;
        }
        record->changes[record->n_changes++] = c;
        return 0;
}

void forwarding_record_drop_links(ForwardingRecord *record, const char *link)
{
        char **kept = record->links;

        STRV_FOREACH (l, record->links) {
                if ((link && strcmp(*l, link) == 0) || if_nametoindex(*l) == 0)
                        free(*l);
                else
                        *kept++ = *l;
        }
        if (kept)
                *kept = NULL;
}

/* "ipv4/conf/..." or "ipv6/conf/...", and no way out of it: what stands here will be written to. */
static bool name_is_good(const char *name)
{
        return (strncmp(name, "ipv4/conf/", 10) == 0 || strncmp(name, "ipv6/conf/", 10) == 0) &&
               !strstr(name, "/../");
}

static int read_line(ForwardingRecord *record, char *line)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split(line, " ", &words);

        if (r < 0)
                return r;
        if (strv_length(words) == 2 && strcmp(words[0], "link") == 0)
                return strv_push(&record->links, words[1]);
        if (strv_length(words) == 4 && strcmp(words[0], "set") == 0 && name_is_good(words[1]))
                return forwarding_record_add(record, words[1], words[2], words[3]);
        return -EBADMSG;
}

int forwarding_record_read(ForwardingRecord *ret, Error *error)
{
        _cleanup_forwarding_record_ ForwardingRecord record = FORWARDING_RECORD_NULL;
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **lines = NULL;
        ssize_t n = read_file_at(AT_FDCWD, FORWARDING_RECORD, RECORD_MAX, &text);
        int r = 0;

        if (n < 0 && n != -ENOENT)
                return error_errno(error, (int)-n, "Failed to read '" FORWARDING_RECORD "'");
        if (n >= 0)
                r = strv_split(text, "\n", &lines);
        for (char **l = lines; r >= 0 && l && *l; l++) {
                r = read_line(&record, *l);
                if (r == -EBADMSG) {
                        (void)error_set(error, EBADMSG,
                                        "'" FORWARDING_RECORD "' has a line that is not ours: %s",
                                        *l);
                        error_hint(error, "rm " FORWARDING_RECORD
                                          " (settings in it are then not put back)");
                        return r;
                }
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to read '" FORWARDING_RECORD "'");
        *ret = record;
        record = FORWARDING_RECORD_NULL;
        return 0;
}

/* With what writers left that were killed. Only one writes at a time. */
static int remove_files(void)
{
        glob_t beside = {};

        if (glob(FORWARDING_FOLDER "/..forwarding.*.tmp", 0, NULL, &beside) == 0)
                for (size_t i = 0; i < beside.gl_pathc; i++)
                        (void)unlink(beside.gl_pathv[i]); /* costs a few bytes in /run */
        globfree(&beside);
        return unlink(FORWARDING_RECORD) < 0 && errno != ENOENT ? -errno : 0;
}

int forwarding_record_write(const ForwardingRecord *record, Error *error)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        int r;

        if (record->n_changes == 0 && strv_length(record->links) == 0) {
                r = remove_files();
                return r < 0 ? error_errno(error, -r, "Failed to remove '%s'", FORWARDING_RECORD)
                             : 0;
        }
        STRV_FOREACH (l, record->links)
                buffer_printf(&b, "link %s\n", *l);
        for (size_t i = 0; i < record->n_changes; i++) {
                const SettingChange *c = &record->changes[i];

                buffer_printf(&b, "set %s %s %s\n", c->name, c->before, c->after);
        }
        r = buffer_error(&b);
        if (r >= 0)
                r = write_file_atomic_at(AT_FDCWD, FORWARDING_RECORD, b.data, 0644);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", FORWARDING_RECORD) : 0;
}
