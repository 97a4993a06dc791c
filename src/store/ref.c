/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/ref.h"

#include "base/strv.h"
#include "store/object-list.h"
#include "store/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REF_MAGIC "stead-ref 1"
#define REF_NAME_MAX 200
#define SUFFIX_LENGTH (sizeof(REF_SUFFIX) - 1)

void ref_done(Ref *r)
{
        free(r->name);
        free(r->origin);
        free(r->key);
        free(r->signature);
        *r = REF_NULL;
}

bool ref_name_is_valid(const char *name)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789._+-";

        if (strlen(name) > REF_NAME_MAX)
                return false;
        for (const char *word = name;; word++) {
                size_t length = strspn(word, letters);

                if (length == 0 || word[0] == '.' || word[0] == '-')
                        return false;
                word += length;
                if (*word == 0)
                        return true;
                /* "a.ref/b" would need a directory where the ref of "a" is */
                if (*word != '/' || (length >= SUFFIX_LENGTH &&
                                     strncmp(word - SUFFIX_LENGTH, REF_SUFFIX, SUFFIX_LENGTH) == 0))
                        return false;
        }
}

int ref_write(const Ref *r, Buffer *out)
{
        char hash[HASH_TEXT_SIZE];

        buffer_printf(out,
                      REF_MAGIC "\nname %s\ncommit %s\nsequence %" PRIu64 "\ntime %" PRId64 "\n",
                      r->name, hash_to_string(&r->commit, hash), r->sequence, r->time);
        if (r->expires)
                buffer_printf(out, "expires %" PRId64 "\n", r->expires);
        if (r->origin) {
                buffer_puts(out, "origin ");
                record_write_word(out, r->origin);
                buffer_puts(out, "\n");
        }
        if (r->signature)
                buffer_printf(out, "signature %s %s\n", r->key, r->signature);
        return buffer_error(out);
}

static int set_word(char **field, const char *word)
{
        if (*field || !*word)
                return -EINVAL;
        *field = strdup(word);
        return *field ? 0 : -ENOMEM;
}

static int parse_line(Ref *ref, char **words, int n)
{
        int r;

        if (ref->signature) /* the last line */
                return -EINVAL;
        if (n == 3 && strcmp(words[0], "signature") == 0) {
                r = set_word(&ref->key, words[1]);
                return r < 0 ? r : set_word(&ref->signature, words[2]);
        }
        if (n != 2)
                return -EINVAL;
        if (strcmp(words[0], "name") == 0)
                return ref_name_is_valid(words[1]) ? set_word(&ref->name, words[1]) : -EINVAL;
        if (strcmp(words[0], "commit") == 0)
                return hash_parse(words[1], &ref->commit);
        if (strcmp(words[0], "sequence") == 0)
                return record_parse_number(words[1], 10, UINT64_MAX, &ref->sequence);
        if (strcmp(words[0], "time") == 0)
                return record_parse_time(words[1], &ref->time);
        if (strcmp(words[0], "expires") == 0)
                return record_parse_time(words[1], &ref->expires);
        if (strcmp(words[0], "origin") == 0)
                return set_word(&ref->origin, words[1]);
        return -EINVAL;
}

int ref_parse(const char *file, const char *text, size_t size, Ref *ret, Error *error)
{
        _cleanup_record_reader_ RecordReader reader = RECORD_READER_NULL;
        _cleanup_ref_ Ref ref = REF_NULL;
        _cleanup_buffer_ Buffer written = BUFFER_NULL;
        char *words[RECORD_WORDS_MAX];
        int n, r;

        r = record_open(file, text, size, REF_MAGIC, &reader, error);
        if (r < 0)
                return r;
        for (;;) {
                size_t before = (size_t)(reader.at - reader.copy);

                n = record_next(&reader, words, error);
                if (n <= 0)
                        break;
                r = parse_line(&ref, words, n);
                if (r == -ENOMEM)
                        return error_set(error, ENOMEM, "Out of memory");
                if (r < 0)
                        return record_refuse(&reader, error, "Not a line of a ref");
                if (ref.signature)
                        ref.signed_size = before;
        }
        if (n < 0)
                return n;
        if (!ref.name || hash_is_null(&ref.commit))
                return record_refuse(&reader, error, "The ref has no name or no commit");
        (void)ref_write(&ref, &written); /* the comparison sees a failure */
        r = record_check_canonical(file, text, size, &written, error);
        if (r < 0)
                return r;
        *ret = ref;
        ref = REF_NULL;
        return 0;
}

/* One directory below refs/; @prefix is "" or ends in '/'. */
typedef struct NameWalk {
        char ***names;
        const char *prefix;
} NameWalk;

static int add_name(int dirfd, const char *file, unsigned char d_type, void *userdata)
{
        const NameWalk *w = userdata;
        _cleanup_free_ char *below = NULL;
        size_t n = strlen(file);
        int r;

        if (n > SUFFIX_LENGTH && strcmp(file + n - SUFFIX_LENGTH, REF_SUFFIX) == 0)
                return strv_pushf(w->names, "%s%.*s", w->prefix, (int)(n - SUFFIX_LENGTH), file);
        if (asprintf(&below, "%s%s/", w->prefix, file) < 0) {
                below = NULL;
                return -ENOMEM;
        }
        r = names_in(dirfd, file, false, add_name, &(NameWalk){ w->names, below });
        return r == -ENOTDIR || r == -ELOOP ? 0 : r; /* nothing of ours */
}

int ref_names(int fd, char ***ret)
{
        _cleanup_strv_ char **names = NULL;
        int r = names_in(fd, "refs", false, add_name, &(NameWalk){ &names, "" });

        if (r < 0)
                return r;
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}
