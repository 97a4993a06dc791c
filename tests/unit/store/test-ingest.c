/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tree becomes a manifest in canonical order, with everything that belongs to it. */

#include "scratch-store.h"
#include "store/ingest.h"

#include <sys/stat.h>

static char *ingest(ScratchStore *s, const IngestOptions *options)
{
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_manifest_ Manifest again = MANIFEST_NULL;
        Buffer text = BUFFER_NULL, out = BUFFER_NULL;
        const Manifest *list[] = { &m };

        assert_int_equal(ingest_tree(&s->store, s->tree_fd, options, &m, NULL), 0);
        assert_int_equal(store_publish_objects(&s->store, list, 1, NULL), 0);
        assert_int_equal(manifest_write(&m, &text, NULL), 0);
        /* what we made ourselves must pass the parser: order, parents, links */
        assert_int_equal(manifest_parse("m", text.data, text.size, &again, NULL), 0);
        for (size_t i = 0; i < m.n; i++) {
                const Entry *e = &m.entries[i];

                buffer_printf(&out, "%u %o %s%s%s\n", e->kind, e->mode, e->path,
                              e->target ? " > " : "", e->target ?: "");
        }
        buffer_done(&text);
        return buffer_steal(&out);
}

static void make_tree(ScratchStore *s)
{
        assert_int_equal(mkdirat(s->tree_fd, "a", 0700), 0);
        scratch_write(s->tree_fd, "a/z", "content", 0644);
        scratch_write(s->tree_fd, "a.b", "content", 0640);
        scratch_write(s->tree_fd, "empty", "", 0600);
        scratch_write(s->tree_fd, "new\nline", "x", 0600);
        assert_int_equal(linkat(s->tree_fd, "a.b", s->tree_fd, "link", 0), 0);
        assert_int_equal(symlinkat("../else where", s->tree_fd, "soft"), 0);
        assert_int_equal(mkfifoat(s->tree_fd, "pipe", 0600), 0);
        assert_int_equal(mkdirat(s->tree_fd, "etc", 0755), 0);
        scratch_write(s->tree_fd, "etc/.updated", "", 0600);
        scratch_write(s->tree_fd, "etc/ld.so.cache", "x", 0600);
}

static const char expected[] = "0 755 /\n"
                               "0 700 /a\n"
                               "1 644 /a/z\n"
                               "1 640 /a.b\n"
                               "1 600 /empty\n"
                               "0 755 /etc\n"
                               "1 600 /etc/ld.so.cache\n"
                               "3 0 /link > /a.b\n"
                               "1 600 /new\nline\n"
                               "6 600 /pipe\n"
                               "2 777 /soft > ../else where\n";

static void test_tree(void **state)
{
        ScratchStore *s = *state;
        IngestOptions options = {};
        _cleanup_free_ char *first = NULL, *second = NULL, *layer = NULL;

        make_tree(s);
        first = ingest(s, &options);
        assert_string_equal(first, expected);
        second = ingest(s, &options);
        assert_string_equal(second, expected);
        /* a difference must not bring a linker cache that is wrong for every other stack */
        options.layer = true;
        layer = ingest(s, &options);
        assert_null(strstr(layer, "ld.so.cache"));
}

static void test_consume(void **state)
{
        ScratchStore *s = *state;
        IngestOptions options = { .consume = true };
        _cleanup_free_ char *text = NULL;
        struct stat before, after;
        Entry e = { .kind = ENTRY_FILE, .path = strdup("/a/z"), .mode = 0644, .size = 7 };
        Hash id;

        make_tree(s);
        assert_int_equal(fstatat(s->tree_fd, "a/z", &before, 0), 0);
        text = ingest(s, &options);
        assert_string_equal(text, expected);
        e.uid = before.st_uid;
        e.gid = before.st_gid;
        e.mtime = before.st_mtim.tv_sec;
        assert_int_equal(hash_of("content", 7, &e.content), 0);
        assert_int_equal(entry_object_id(s->store.hasher, &e, &id), 0);
        assert_int_equal(fstatat(s->store.fd, object_path(&id).path, &after, 0), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        entry_done(&e);
}

static void test_clamp(void **state)
{
        ScratchStore *s = *state;
        IngestOptions options = { .clamp_mtime = 1000 };
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;

        make_tree(s);
        assert_int_equal(ingest_tree(&s->store, s->tree_fd, &options, &m, NULL), 0);
        for (size_t i = 0; i < m.n; i++)
                if (m.entries[i].kind != ENTRY_LINK)
                        assert_int_equal(m.entries[i].mtime, 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_tree, scratch_open, scratch_close),
                cmocka_unit_test_setup_teardown(test_consume, scratch_open, scratch_close),
                cmocka_unit_test_setup_teardown(test_clamp, scratch_open, scratch_close),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
