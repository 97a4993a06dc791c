/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The forms in which contents move: they come back as they were, and whatever is cut off, too large
 * or not of these two trees is refused. */

#include "made-manifest.h"

#include "store/compress.h"
#include "store/pack.h"
#include "store/publish-parts.h"
#include "store/varint.h"

#include <stdlib.h>

typedef struct Pair {
        Manifest old_manifest, manifest;
        ContentList old, added;
} Pair;

static const MadeFile old_files[] = {
        { "/lib/libz.so.1.2.13", "the library" },
        { "/usr/bin/a", "program a" },
        { "/usr/bin/b", "program b" },
        { "/usr/share/empty", "" },
        { "/usr/share/perl/5.36.0/x.pm", "perl" },
        { "/usr/share/same", "program a" },
};
static const MadeFile new_files[] = {
        { "/lib/libz.so.1.3.1", "the new library" },
        { "/usr/bin/a", "program a, changed" },
        { "/usr/bin/b", "program b" },
        { "/usr/share/perl/5.40.1/x.pm", "perl 5" },
        { "/var/new", "nothing like it" },
};

static void pair_make(Pair *p)
{
        made_manifest(old_files, ELEMENTSOF(old_files), &p->old_manifest);
        made_manifest(new_files, ELEMENTSOF(new_files), &p->manifest);
        assert_int_equal(content_list_make(&p->old_manifest, NULL, &p->old), 0);
        assert_int_equal(content_list_make(&p->manifest, &p->old, &p->added), 0);
}

static void pair_done(Pair *p)
{
        content_list_done(&p->old);
        content_list_done(&p->added);
        manifest_done(&p->old_manifest);
        manifest_done(&p->manifest);
}

static void test_content_list(void **state)
{
        Pair p = {};
        const Content *shared;

        pair_make(&p);
        assert_int_equal(p.old.n, 4); /* no empty one, "program a" once */
        assert_int_equal(p.added.n, 4);
        shared = content_list_find(&p.old, &manifest_find(&p.old_manifest, "/usr/bin/a")->content);
        assert_non_null(shared);
        assert_int_equal(shared->n, 2);
        assert_string_equal(shared->entries[0]->path, "/usr/bin/a");
        assert_null(content_list_find(&p.added, &shared->hash));
        for (size_t i = 1; i < p.old.n; i++)
                assert_true(hash_compare(&p.old.items[i - 1].hash, &p.old.items[i].hash) < 0);
        pair_done(&p);
}

/* The path of what an item is made from, or "". */
static const char *base_of(const DeltaItem *items, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(items[i].target->entries[0]->path, path) == 0)
                        return items[i].base ? items[i].base->entries[0]->path : "";
        fail_msg("'%s' is no target", path);
        return NULL;
}

static void test_match(void **state)
{
        DeltaItem items[4] = {};
        Pair p = {};

        pair_make(&p);
        for (size_t i = 0; i < p.added.n; i++)
                items[i].target = &p.added.items[i];
        assert_int_equal(delta_match(&p.old_manifest, &p.old, items, p.added.n), 0);
        assert_string_equal(base_of(items, 4, "/usr/bin/a"), "/usr/bin/a");
        assert_string_equal(base_of(items, 4, "/lib/libz.so.1.3.1"), "/lib/libz.so.1.2.13");
        assert_string_equal(base_of(items, 4, "/usr/share/perl/5.40.1/x.pm"),
                            "/usr/share/perl/5.36.0/x.pm");
        assert_string_equal(base_of(items, 4, "/var/new"), "");
        pair_done(&p);
}

static void make_delta(const Pair *p, Buffer *out)
{
        Delta d = { .items = calloc(p->added.n, sizeof(DeltaItem)), .n = p->added.n };

        for (size_t i = 0; i < d.n; i++) {
                d.items[i].target = &p->added.items[i];
                d.items[i].base = i % 2 ? &p->old.items[i] : NULL;
                d.items[i].size = 5 + i;
        }
        assert_int_equal(delta_write_head(&d, &p->old, out), 0);
        for (size_t i = 0; i < d.n; i++)
                buffer_append(out, "framesframes", d.items[i].size);
        assert_int_equal(buffer_error(out), 0);
        delta_done(&d);
}

static void test_delta(void **state)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_delta_ Delta d = DELTA_NULL;
        Pair p = {};

        pair_make(&p);
        make_delta(&p, &text);
        assert_true(text.size <= delta_size_max(&p.added));
        assert_int_equal(delta_parse(text.data, text.size, &p.old, &p.added, &d, NULL), 0);
        assert_int_equal(d.n, 4);
        for (size_t i = 0; i < d.n; i++) {
                assert_ptr_equal(d.items[i].target, &p.added.items[i]);
                assert_ptr_equal(d.items[i].base, i % 2 ? &p.old.items[i] : NULL);
                assert_int_equal(d.items[i].size, 5 + i);
                assert_memory_equal(text.data + d.items[i].offset, "frames", 5);
        }
        pair_done(&p);
}

static void test_bad_delta(void **state)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        Delta d;
        Pair p = {};

        pair_make(&p);
        make_delta(&p, &text);
        for (size_t n = 0; n < text.size; n++) /* cut off anywhere */
                assert_int_equal(delta_parse(text.data, n, &p.old, &p.added, &d, NULL), -EBADMSG);
        buffer_append(&text, "x", 1);
        assert_int_equal(delta_parse(text.data, text.size, &p.old, &p.added, &d, NULL), -EBADMSG);
        text.size--;
        /* of other trees: one content less, or no bases */
        p.added.n--;
        assert_int_equal(delta_parse(text.data, text.size, &p.old, &p.added, &d, NULL), -EBADMSG);
        p.added.n++;
        p.old.n = 1;
        assert_int_equal(delta_parse(text.data, text.size, &p.old, &p.added, &d, NULL), -EBADMSG);
        pair_done(&p);
}

static void test_pack(void **state)
{
        PackItem items[2] = { { .size = 100 }, { .size = 300 } };
        Pack made = { .items = items, .n = 2 }, parsed = PACK_NULL;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        memset(items[0].content.bytes, 1, HASH_SIZE);
        memset(items[1].content.bytes, 2, HASH_SIZE);
        assert_int_equal(pack_write_head(&made, &text), 0);
        assert_int_equal(pack_parse(text.data, text.size, 400, &parsed, NULL), 0);
        assert_int_equal(parsed.n, 2);
        assert_int_equal(parsed.bytes, 400);
        assert_int_equal(parsed.frame_offset, text.size);
        assert_true(hash_equal(&parsed.items[1].content, &items[1].content));
        pack_done(&parsed);
        assert_int_equal(pack_parse(text.data, text.size, 399, &parsed, NULL), -EBADMSG);
        for (size_t n = 0; n < text.size; n++)
                assert_int_equal(pack_parse(text.data, n, 400, &parsed, NULL), -EBADMSG);
}

static void test_pack_index(void **state)
{
        PackIndex index = { .n = 2, .packs = { { .size = 5 }, { .size = 7 } } }, parsed;
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        assert_int_equal(pack_index_write(&index, &text), 0);
        assert_int_equal(pack_index_parse("i", text.data, text.size, &parsed, NULL), 0);
        assert_int_equal(parsed.n, 2);
        assert_int_equal(parsed.packs[1].size, 7);
        assert_int_equal(pack_index_parse("i", "stead-packs 1\npack 12 3\n", 24, &parsed, NULL),
                         -EBADMSG);
}

static void test_varint(void **state)
{
        static const uint64_t values[] = { 0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX };
        static const char *const bad[] = { "\x80", "\x80\x00",
                                           "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02" };
        static const size_t sizes[] = { 1, 2, 10 };

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_NULL;
                ByteReader reader;
                uint64_t value;

                varint_write(&text, values[i]);
                reader = (ByteReader){ (uint8_t *)text.data, (uint8_t *)text.data + text.size };
                assert_int_equal(varint_read(&reader, &value), 0);
                assert_true(value == values[i]);
                assert_ptr_equal(reader.at, reader.end);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                ByteReader reader = { (const uint8_t *)bad[i], (const uint8_t *)bad[i] + sizes[i] };
                uint64_t value;

                assert_int_equal(varint_read(&reader, &value), -EBADMSG);
        }
}

static void test_compress(void **state)
{
        _cleanup_free_ char *data = calloc(1, 1 << 20);
        _cleanup_buffer_ Buffer packed = BUFFER_NULL, patch = BUFFER_NULL, text = BUFFER_NULL;

        for (size_t i = 0; i < 1 << 20; i++)
                data[i] = (char)(i * i >> 7);
        assert_int_equal(compress_memory(data, 1 << 20, 3, NULL, 0, &packed), 0);
        assert_int_equal(decompress_memory(packed.data, packed.size, NULL, 0, 1 << 20, &text), 0);
        assert_int_equal(text.size, 1 << 20);
        assert_memory_equal(text.data, data, 1 << 20);

        text.size = 0;
        assert_int_equal(decompress_memory(packed.data, packed.size, NULL, 0, (1 << 20) - 1, &text),
                         -EFBIG);
        assert_true(text.size < 1 << 20);
        assert_int_equal(decompress_memory(packed.data, packed.size - 1, NULL, 0, 1 << 20, &text),
                         -EBADMSG);
        assert_int_equal(decompress_memory("nonsense", 8, NULL, 0, 100, &text), -EBADMSG);

        /* with the same as prefix there is nearly nothing to say, and nothing without it */
        assert_int_equal(compress_memory(data, 1 << 20, 9, data, 1 << 20, &patch), 0);
        assert_true(patch.size < 1000);
        text.size = 0;
        assert_int_equal(decompress_memory(patch.data, patch.size, data, 1 << 20, 1 << 20, &text),
                         0);
        assert_memory_equal(text.data, data, 1 << 20);
        assert_true(decompress_memory(patch.data, patch.size, NULL, 0, 1 << 20, &text) < 0);
}

/* 1 GiB of zeros is 32 kB: it must stop at the bound, not at the end of memory. */
static void test_bomb(void **state)
{
        _cleanup_buffer_ Buffer packed = BUFFER_NULL, text = BUFFER_NULL;
        _cleanup_free_ char *zeros = calloc(1, 1 << 20);
        CompressOptions options = { .level = 1 };
        Compressor *c;

        assert_int_equal(compressor_new(&options, compress_into_buffer, &packed, &c), 0);
        for (int i = 0; i < 1024; i++)
                assert_int_equal(compressor_add(c, zeros, 1 << 20), 0);
        assert_int_equal(compressor_end(c), 0);
        compressor_free(c);
        assert_true(packed.size < 200000);
        assert_int_equal(decompress_memory(packed.data, packed.size, NULL, 0, 100000, &text),
                         -EFBIG);
        assert_true(text.size <= 100000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_content_list), cmocka_unit_test(test_match),
                cmocka_unit_test(test_delta),        cmocka_unit_test(test_bad_delta),
                cmocka_unit_test(test_pack),         cmocka_unit_test(test_pack_index),
                cmocka_unit_test(test_varint),       cmocka_unit_test(test_compress),
                cmocka_unit_test(test_bomb),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
