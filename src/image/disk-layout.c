/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of stead-dissect, none of which is believed before it was looked at: whoever wrote the
 * image may have got the better of the program that read it.
 *
 *     table gpt|dos|none
 *     machine ARCHITECTURE|-
 *     part ROLE NUMBER OFFSET SIZE rw|ro keep|grow TYPE|!WHY|- UUID|-     (each role once, in
 * order) end or refused KIND NUMBER NUMBER BYTES NAME|-
 */

#include "image/disk-layout.h"

#include "base/parse.h"
#include "image/disk-refusal.h"

#include <string.h>

#define LINES_MAX 16
#define WORDS_MAX 9
#define NUMBER_MAX 65535 /* of a partition */
#define SECTOR 512
#define HEX_DIGITS "0123456789abcdef"

typedef struct Line {
        char *words[WORDS_MAX];
        size_t n;
} Line;

static const char *const role_names[] = {
        [DISK_ROOT] = "root",
        [DISK_USR] = "usr",
        [DISK_HOME] = "home",
        [DISK_SRV] = "srv",
        [DISK_VAR] = "var",
        [DISK_TMP] = "tmp",
        [DISK_ESP] = "esp",
        [DISK_XBOOTLDR] = "xbootldr",
        [DISK_ROOT_VERITY] = "root-verity",
        [DISK_USR_VERITY] = "usr-verity",
};

const StringTable disk_role_table = { role_names, ELEMENTSOF(role_names) };

static const char *const tables[] = { "gpt", "dos", "none" };

static const char *const types[] = { "ext4",  "ext3",     "ext2",  "xfs",
                                     "btrfs", "squashfs", "erofs", "vfat" };

static const char *const machines[] = {
        "alpha",   "arc",     "arm",       "arm64",  "ia64",   "loongarch64", "mips",
        "mips64",  "mips-le", "mips64-le", "parisc", "ppc",    "ppc64",       "ppc64-le",
        "riscv32", "riscv64", "s390",      "s390x",  "tilegx", "x86",         "x86-64",
};

const char *disk_role_to_string(DiskRole role)
{
        return string_table_name(&disk_role_table, (int)role);
}

DiskRole disk_role_from_string(const char *s)
{
        return (DiskRole)string_table_value(&disk_role_table, s);
}

/* Copies @s, which is "-" for nothing or one of @words. */
static bool take_word(const char *s, const char *const *words, size_t n, char *ret, size_t size)
{
        if (strcmp(s, "-") == 0) {
                ret[0] = '\0';
                return true;
        }
        for (size_t i = 0; i < n; i++)
                if (strcmp(words[i], s) == 0) {
                        (void)snprintf(ret, size, "%s", s);
                        return true;
                }
        return false;
}

/* As this program writes it, and in no other way. */
static bool take_number(const char *s, uint64_t max, uint64_t *ret)
{
        uint64_t v;

        if ((s[0] == '0' && s[1]) || parse_uint64(s, &v) < 0 || v > max)
                return false;
        *ret = v;
        return true;
}

static bool take_uuid(const char *s, char ret[static 37])
{
        if (strspn(s, HEX_DIGITS "-") != strlen(s) || strlen(s) > 36)
                return false;
        (void)snprintf(ret, 37, "%s", strcmp(s, "-") == 0 ? "" : s);
        return true;
}

/* A file system; or "!" and why it cannot be one, which is an error for those who want it. */
static bool take_type(const char *s, bool needed, DiskPart *p)
{
        int kind;

        if (s[0] != '!')
                return take_word(s, types, ELEMENTSOF(types), p->type, sizeof(p->type)) &&
                       (!needed || p->type[0]);
        kind = (int)disk_refusal_kind_from_string(s + 1);
        if (needed || kind < 0 || !disk_refusal_is_of_content((DiskRefusalKind)kind))
                return false;
        (void)snprintf(p->refused, sizeof(p->refused), "%s", s + 1);
        return true;
}

static bool take_choice(const char *s, const char *no, const char *yes, bool *ret)
{
        *ret = strcmp(s, yes) == 0;
        return *ret || strcmp(s, no) == 0;
}

/* The words of a line are changed, and stay in @line. */
static bool split(char *line, Line *ret)
{
        *ret = (Line){};
        for (char *word = line; word; ret->n++) {
                char *space = strchr(word, ' ');

                if (ret->n == WORDS_MAX || *word == ' ' || !*word)
                        return false;
                ret->words[ret->n] = word;
                if (space)
                        *space++ = '\0';
                word = space;
        }
        return true;
}

static bool overlaps(const DiskLayout *layout, const DiskPart *p)
{
        for (size_t i = 0; i < _DISK_ROLE_MAX; i++) {
                const DiskPart *other = &layout->parts[i];

                if (other->found && p->offset < other->offset + other->size &&
                    other->offset < p->offset + p->size)
                        return true;
        }
        return false;
}

static bool take_part(const Line *line, DiskLayout *layout, int *last_role)
{
        char *const *w = line->words;
        DiskPart p = { .found = true };
        uint64_t number;
        int role;

        if (line->n != WORDS_MAX || strcmp(w[0], "part") != 0)
                return false;
        role = (int)disk_role_from_string(w[1]);
        if (role <= *last_role || !take_number(w[2], NUMBER_MAX, &number) ||
            !take_number(w[3], INT64_MAX, &p.offset) ||
            !take_number(w[4], INT64_MAX - p.offset, &p.size) ||
            !take_choice(w[5], "rw", "ro", &p.read_only) ||
            !take_choice(w[6], "keep", "grow", &p.grow) ||
            !take_type(w[7], role == DISK_ROOT || role == DISK_USR, &p) || !take_uuid(w[8], p.uuid))
                return false;
        /* only a table can cut something into parts */
        if ((number == 0) != (strcmp(layout->table, "none") == 0) ||
            (number == 0) != (p.offset == 0) || p.size == 0 || p.offset % SECTOR != 0 ||
            overlaps(layout, &p))
                return false;
        p.number = (unsigned)number;
        layout->parts[role] = p;
        *last_role = role;
        return true;
}

static bool take_lines(Line *lines, size_t n, DiskLayout *layout)
{
        int last_role = -1;

        if (n < 4 || lines[0].n != 2 || strcmp(lines[0].words[0], "table") != 0 ||
            strcmp(lines[0].words[1], "-") == 0 ||
            !take_word(lines[0].words[1], tables, ELEMENTSOF(tables), layout->table,
                       sizeof(layout->table)))
                return false;
        if (lines[1].n != 2 || strcmp(lines[1].words[0], "machine") != 0 ||
            !take_word(lines[1].words[1], machines, ELEMENTSOF(machines), layout->machine,
                       sizeof(layout->machine)))
                return false;
        for (size_t i = 2; i < n - 1; i++)
                if (!take_part(&lines[i], layout, &last_role))
                        return false;
        return lines[n - 1].n == 1 && strcmp(lines[n - 1].words[0], "end") == 0 &&
               (layout->parts[DISK_ROOT].found || layout->parts[DISK_USR].found);
}

static bool take_refusal(const Line *line, DiskRefusal *ret)
{
        char *const *w = line->words;
        uint64_t part, other;
        int kind;

        if (line->n != 6 || strcmp(w[0], "refused") != 0)
                return false;
        kind = (int)disk_refusal_kind_from_string(w[1]);
        if (kind < 0 || !take_number(w[2], NUMBER_MAX, &part) ||
            !take_number(w[3], NUMBER_MAX, &other) || !take_number(w[4], UINT64_MAX, &ret->bytes))
                return false;
        ret->kind = (DiskRefusalKind)kind;
        ret->part = (unsigned)part;
        ret->other = (unsigned)other;
        ret->name = disk_refusal_word(w[5]);
        return ret->name || strcmp(w[5], "-") == 0;
}

static int bad_text(const char *path, Error *error)
{
        if (error && error->number == 0)
                error_hint(error, "sfdisk --verify '%s'", path);
        return error_set(error, EUCLEAN,
                         "Disk image '%s' is damaged or hostile: the program that reads it gave "
                         "an answer that cannot be true",
                         path);
}

int disk_layout_parse(const char *text, const char *path, DiskLayout *ret, Error *error)
{
        _cleanup_free_ char *copy = strdup(text);
        DiskLayout layout = DISK_LAYOUT_NULL;
        DiskRefusal refusal = {};
        Line lines[LINES_MAX];
        size_t n = 0;

        if (!copy)
                return error_set(error, ENOMEM, "Out of memory");
        for (char *line = copy; *line; n++) {
                char *end = strchr(line, '\n');

                if (!end || n == LINES_MAX)
                        return bad_text(path, error);
                *end = '\0';
                if (!split(line, &lines[n]))
                        return bad_text(path, error);
                line = end + 1;
        }
        if (n == 1 && take_refusal(&lines[0], &refusal))
                return disk_refusal_report(&refusal, path, error);
        if (!take_lines(lines, n, &layout))
                return bad_text(path, error);
        *ret = layout;
        return 0;
}
