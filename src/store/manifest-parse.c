/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a manifest that anybody may have written. Fields are checked one by one; that order, form
 * and escapes are ours is then seen by writing it again. */

#include "store/manifest.h"
#include "store/record.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#define COMPONENT_MAX 255 /* NAME_MAX of every file system that may hold a store */

/* The words of a line that were not looked at yet. */
typedef struct Words {
        char **next;
        int left;
} Words;

static char *take_word(Words *w)
{
        w->left--;
        return *w->next++;
}

static bool path_is_valid(const char *path)
{
        if (path[0] != '/' || strlen(path) >= PATH_MAX)
                return false;
        if (path[1] == 0)
                return true;
        for (const char *s = path; *s;) {
                const char *component = s + 1;
                size_t length = strcspn(component, "/");

                if (length == 0 || length > COMPONENT_MAX || strncmp(component, ".", length) == 0 ||
                    (length == 2 && component[0] == '.' && component[1] == '.'))
                        return false;
                s = component + length;
        }
        return true;
}

static int parse_kind(const char *word, Entry *e)
{
        static const char letters[] = "dflhcbpsw";
        const char *found;

        if (word[0] == 0 || word[1] != 0)
                return -EINVAL;
        e->opaque = word[0] == 'D';
        found = e->opaque ? letters : strchr(letters, word[0]);
        if (!found)
                return -EINVAL;
        e->kind = (EntryKind)(found - letters);
        return 0;
}

static int parse_owner(Words *w, Entry *e)
{
        uint64_t mode = 0777, uid, gid;
        int r = 0;

        if (e->kind != ENTRY_SYMLINK)
                r = record_parse_number(take_word(w), 8, 07777, &mode);
        if (r >= 0)
                r = record_parse_number(take_word(w), 10, UINT32_MAX - 1, &uid);
        if (r >= 0)
                r = record_parse_number(take_word(w), 10, UINT32_MAX - 1, &gid);
        if (r >= 0)
                r = record_parse_time(take_word(w), &e->mtime);
        if (r < 0)
                return r;
        e->mode = (mode_t)mode;
        e->uid = (uid_t)uid;
        e->gid = (gid_t)gid;
        return 0;
}

static int parse_device(char *word, Entry *e)
{
        char *colon = strchr(word, ':');
        uint64_t high, low;

        if (!colon)
                return -EINVAL;
        *colon = 0;
        /* 12 and 20 bits: the kernel's own dev_t */
        if (record_parse_number(word, 10, 0xfff, &high) < 0 ||
            record_parse_number(colon + 1, 10, 0xfffff, &low) < 0)
                return -EINVAL;
        e->device = makedev((unsigned)high, (unsigned)low);
        return 0;
}

static int parse_special(Words *w, Entry *e)
{
        int r;

        if (e->kind == ENTRY_FILE) {
                r = record_parse_number(take_word(w), 10, INT64_MAX, &e->size);
                return r < 0 ? r : hash_parse(take_word(w), &e->content);
        }
        if (e->kind == ENTRY_CHARACTER_DEVICE || e->kind == ENTRY_BLOCK_DEVICE)
                return parse_device(take_word(w), e);
        if (e->kind == ENTRY_SYMLINK || e->kind == ENTRY_LINK) {
                const char *target = take_word(w);

                /* the kernel takes no empty link and none of a page */
                if (!*target || strlen(target) >= PATH_MAX)
                        return -EINVAL;
                e->target = strdup(target);
                if (!e->target)
                        return -ENOMEM;
                if (e->kind == ENTRY_SYMLINK)
                        return hash_of(target, strlen(target), &e->content);
        }
        return 0;
}

static int parse_fields(char **words, int n, Entry *e)
{
        static const int counts[_ENTRY_KIND_MAX] = {
                [ENTRY_DIRECTORY] = 6,
                [ENTRY_FILE] = 8,
                [ENTRY_SYMLINK] = 6,
                [ENTRY_LINK] = 3,
                [ENTRY_FIFO] = 6,
                [ENTRY_SOCKET] = 6,
                [ENTRY_CHARACTER_DEVICE] = 7,
                [ENTRY_BLOCK_DEVICE] = 7,
                [ENTRY_WHITEOUT] = 2,
        };
        Words w = { words, n };
        const char *path;
        int r = parse_kind(take_word(&w), e);

        if (r < 0 || n != counts[e->kind])
                return -EINVAL;
        if (e->kind != ENTRY_LINK && e->kind != ENTRY_WHITEOUT)
                r = parse_owner(&w, e);
        if (r >= 0)
                r = parse_special(&w, e);
        if (r < 0)
                return r;
        path = take_word(&w);
        if (!path_is_valid(path))
                return -EINVAL;
        e->path = strdup(path);
        return e->path ? 0 : -ENOMEM;
}

static int parse_attribute(char **words, int n, Manifest *m)
{
        Entry *e = m->n > 0 ? &m->entries[m->n - 1] : NULL;
        size_t size;

        if (n != 3 || !e || e->kind == ENTRY_LINK || e->kind == ENTRY_WHITEOUT ||
            strlen(words[1]) > 255 || !strchr(words[1], '.') ||
            strncmp(words[1], "trusted.overlay.", 16) == 0 ||
            strncmp(words[1], "user.overlay.", 13) == 0 || record_parse_hex(words[2], &size) < 0 ||
            size > 65536)
                return -EINVAL;
        if (e->n_attributes > 0 && strcmp(e->attributes[e->n_attributes - 1].name, words[1]) >= 0)
                return -EINVAL;
        return entry_add_attribute(e, words[1], words[2], size);
}

static bool is_directly_in(const char *path, const char *directory)
{
        size_t length = strlen(directory);

        if (length == 1) /* the root */
                return path[1] && !strchr(path + 1, '/');
        return strncmp(path, directory, length) == 0 && path[length] == '/' &&
               !strchr(path + length + 1, '/');
}

/* Where an entry may stand: after the one before it, in a directory that is there. @depth holds the
 * directories that lead to the last entry. */
typedef struct Place {
        const Manifest *manifest;
        size_t *depth;
        size_t n_depth, allocated;
} Place;

static int push_directory(Place *p, size_t i)
{
        if (p->n_depth == p->allocated) {
                size_t *depth = reallocarray(p->depth, p->allocated + 64, sizeof(*depth));

                if (!depth)
                        return -ENOMEM;
                p->depth = depth;
                p->allocated += 64;
        }
        p->depth[p->n_depth++] = i;
        return 0;
}

static int check_place(Place *p, size_t i)
{
        const Entry *list = p->manifest->entries, *e = &list[i];

        if (i == 0)
                return strcmp(e->path, "/") == 0 && e->kind == ENTRY_DIRECTORY ? 0 : -EINVAL;
        if (entry_path_compare(list[i - 1].path, e->path) >= 0)
                return -EINVAL;
        while (p->n_depth > 0 && !is_directly_in(e->path, list[p->depth[p->n_depth - 1]].path))
                p->n_depth--;
        return p->n_depth > 0 ? 0 : -EINVAL;
}

/* A link names an earlier entry that is neither a directory nor itself a link. */
static int check_link(const Manifest *m, const Entry *e)
{
        const Entry *target;

        if (e->kind != ENTRY_LINK)
                return 0;
        if (entry_path_compare(e->target, e->path) >= 0)
                return -EINVAL;
        target = manifest_find(m, e->target);
        return target && target->kind != ENTRY_DIRECTORY && target->kind != ENTRY_LINK &&
                               target->kind != ENTRY_WHITEOUT
                       ? 0
                       : -EINVAL;
}

static int parse_line(char **words, int n, Manifest *m, Place *place)
{
        _cleanup_(entry_done) Entry e = ENTRY_NULL;
        int r;

        if (strcmp(words[0], "x") == 0)
                return parse_attribute(words, n, m);
        r = parse_fields(words, n, &e);
        if (r < 0)
                return r;
        r = manifest_add_take(m, &e);
        if (r >= 0)
                r = check_place(place, m->n - 1);
        if (r >= 0)
                r = check_link(m, &m->entries[m->n - 1]);
        if (r >= 0 && m->entries[m->n - 1].kind == ENTRY_DIRECTORY)
                r = push_directory(place, m->n - 1);
        return r;
}

static int parse_lines(RecordReader *reader, Manifest *m, Place *place, Error *error)
{
        char *words[RECORD_WORDS_MAX];
        int n;

        while ((n = record_next(reader, words, error)) > 0) {
                int r = parse_line(words, n, m, place);

                if (r == -ENOMEM)
                        return error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        return record_refuse(reader, error,
                                             "The entry is not valid, or not in its place");
        }
        if (n >= 0 && m->n == 0)
                return record_refuse(reader, error, "There is no entry for '/'");
        return n;
}

int manifest_parse(const char *name, const char *text, size_t size, Manifest *ret, Error *error)
{
        _cleanup_record_reader_ RecordReader reader = RECORD_READER_NULL;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_buffer_ Buffer written = BUFFER_NULL;
        Place place = { .manifest = &m };
        int r;

        r = record_open(name, text, size, MANIFEST_MAGIC, &reader, error);
        if (r >= 0)
                r = parse_lines(&reader, &m, &place, error);
        free(place.depth);
        if (r < 0)
                return r;
        if (manifest_write(&m, &written, NULL) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = record_check_canonical(name, text, size, &written, error);
        if (r < 0)
                return r;
        *ret = m;
        m = MANIFEST_NULL;
        return 0;
}
