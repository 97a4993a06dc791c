/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/entry.h"

#include "store/record.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/sysmacros.h>

static void attributes_free(Entry *e)
{
        for (size_t i = 0; i < e->n_attributes; i++) {
                free(e->attributes[i].name);
                free(e->attributes[i].value);
        }
        free(e->attributes);
        e->attributes = NULL;
        e->n_attributes = 0;
}

void entry_done(Entry *e)
{
        attributes_free(e);
        free(e->path);
        free(e->target);
        *e = ENTRY_NULL;
}

int entry_copy(const Entry *e, Entry *ret)
{
        _cleanup_(entry_done) Entry copy = *e;

        copy.path = e->path ? strdup(e->path) : NULL;
        copy.target = e->target ? strdup(e->target) : NULL;
        copy.attributes = NULL;
        copy.n_attributes = 0;
        if ((e->path && !copy.path) || (e->target && !copy.target))
                return -ENOMEM;
        for (size_t i = 0; i < e->n_attributes; i++) {
                const EntryAttribute *a = &e->attributes[i];
                int r = entry_add_attribute(&copy, a->name, a->value, a->size);

                if (r < 0)
                        return r;
        }
        *ret = copy;
        copy = ENTRY_NULL;
        return 0;
}

int entry_add_attribute(Entry *e, const char *name, const void *value, size_t size)
{
        EntryAttribute *list = realloc(e->attributes, (e->n_attributes + 1) * sizeof(*list));
        EntryAttribute new = { .size = size };
        size_t i = e->n_attributes;

        if (!list)
                return -ENOMEM;
        e->attributes = list;
        new.name = strdup(name);
        new.value = malloc(size + 1);
        if (!new.name || !new.value) {
                free(new.name);
                free(new.value);
                return -ENOMEM;
        }
        memcpy(new.value, value, size);
        for (; i > 0 && strcmp(list[i - 1].name, name) > 0; i--)
                list[i] = list[i - 1];
        list[i] = new;
        e->n_attributes++;
        return 0;
}

bool entry_is_object(const Entry *e)
{
        return e->kind == ENTRY_SYMLINK || (e->kind == ENTRY_FILE && e->size > 0);
}

static bool attributes_equal(const Entry *a, const Entry *b)
{
        if (a->n_attributes != b->n_attributes)
                return false;
        for (size_t i = 0; i < a->n_attributes; i++) {
                const EntryAttribute *x = &a->attributes[i], *y = &b->attributes[i];

                if (strcmp(x->name, y->name) != 0 || x->size != y->size ||
                    memcmp(x->value, y->value, x->size) != 0)
                        return false;
        }
        return true;
}

bool entry_equal(const Entry *a, const Entry *b, bool ignore_mtime)
{
        return a->kind == b->kind && a->opaque == b->opaque && a->mode == b->mode &&
               a->uid == b->uid && a->gid == b->gid && (ignore_mtime || a->mtime == b->mtime) &&
               a->device == b->device && a->size == b->size &&
               hash_equal(&a->content, &b->content) &&
               strcmp(a->target ?: "", b->target ?: "") == 0 && attributes_equal(a, b);
}

static void write_owner(const Entry *e, Buffer *out)
{
        if (e->kind != ENTRY_SYMLINK)
                buffer_printf(out, " %o", e->mode & 07777);
        buffer_printf(out, " %u %u %" PRId64, e->uid, e->gid, e->mtime);
}

void entry_write(const Entry *e, bool with_path, Buffer *out)
{
        static const char letters[_ENTRY_KIND_MAX] = "dflhcbpsw";
        char hash[HASH_TEXT_SIZE];

        buffer_printf(out, "%c", e->opaque ? 'D' : letters[e->kind]);
        if (e->kind != ENTRY_LINK && e->kind != ENTRY_WHITEOUT)
                write_owner(e, out);
        if (e->kind == ENTRY_FILE)
                buffer_printf(out, " %" PRIu64 " %s", e->size, hash_to_string(&e->content, hash));
        if (e->kind == ENTRY_CHARACTER_DEVICE || e->kind == ENTRY_BLOCK_DEVICE)
                buffer_printf(out, " %u:%u", major(e->device), minor(e->device));
        if (e->kind == ENTRY_SYMLINK || e->kind == ENTRY_LINK) {
                buffer_puts(out, " ");
                record_write_word(out, e->target);
        }
        if (with_path) {
                buffer_puts(out, " ");
                record_write_word(out, e->path);
        }
        buffer_puts(out, "\n");
        for (size_t i = 0; i < e->n_attributes; i++) {
                buffer_puts(out, "x ");
                record_write_word(out, e->attributes[i].name);
                buffer_puts(out, " ");
                record_write_hex(out, e->attributes[i].value, e->attributes[i].size);
                buffer_puts(out, "\n");
        }
}

int entry_object_id(Hasher *h, const Entry *e, Hash *ret)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        int r;

        entry_write(e, false, &text);
        r = buffer_error(&text);
        if (r < 0)
                return r;
        hasher_add(h, text.data, text.size);
        hasher_end(h, ret);
        return 0;
}

/* The end of a path comes before its '/', and that before every other byte. */
static int path_weight(char c)
{
        return c == 0 ? 0 : c == '/' ? 1 : (unsigned char)c + 1;
}

int entry_path_compare(const char *a, const char *b)
{
        for (; *a && *a == *b; a++)
                b++;
        return path_weight(*a) - path_weight(*b);
}
