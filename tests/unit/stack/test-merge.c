/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Views of stacks, and what a merge makes of small layers. Files are owned by whoever runs the
 * test; real trees are in tests/machine/test_92_merge.py. */

#include "../store/scratch-store.h"
#include "base/strv.h"
#include "stack/merge.h"
#include "stack/view.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Adds one entry: @content of a file, target of a link, NULL of a directory or whiteout. */
static Entry *add(ScratchStore *s, Manifest *m, EntryKind kind, const char *path,
                  const char *content)
{
        Entry e = {
                .path = strdup(path),
                .kind = kind,
                .mode = kind == ENTRY_DIRECTORY ? 0755
                        : kind == ENTRY_SYMLINK ? 0777
                                                : 0644,
                .uid = getuid(),
                .gid = getgid(),
                .mtime = 1000,
        };
        _cleanup_close_ int fd = -EBADF;

        if (kind == ENTRY_WHITEOUT)
                e = (Entry){ .path = e.path, .kind = kind };
        if (kind == ENTRY_SYMLINK || kind == ENTRY_LINK)
                e.target = strdup(content);
        if (kind == ENTRY_LINK)
                e = (Entry){ .path = e.path, .kind = kind, .target = e.target };
        if (kind == ENTRY_FILE || kind == ENTRY_SYMLINK)
                assert_int_equal(hash_of(content, strlen(content), &e.content), 0);
        if (kind == ENTRY_FILE)
                e.size = strlen(content);
        if (e.size > 0) {
                assert_int_equal(store_new_object(&s->store, &fd, NULL), 0);
                assert_int_equal(write_all(fd, content, e.size), 0);
                assert_int_equal(store_stage_object(&s->store, fd, &e, true, NULL), 0);
        } else if (kind == ENTRY_SYMLINK) {
                assert_int_equal(store_stage_object(&s->store, -EBADF, &e, true, NULL), 0);
        }
        assert_int_equal(manifest_add_take(m, &e), 0);
        return m->entries + m->n - 1;
}

/* "/etc/x" with its directories; "/etc/" with NULL: those alone. */
static void put(ScratchStore *s, Manifest *m, const char *path, const char *content)
{
        for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
                char parent[200];

                (void)snprintf(parent, sizeof(parent), "%.*s", (int)MAX_OF(slash - path, 1), path);
                manifest_sort(m);
                if (!manifest_find(m, parent))
                        add(s, m, ENTRY_DIRECTORY, parent, NULL);
        }
        if (content)
                add(s, m, ENTRY_FILE, path, content);
        manifest_sort(m);
}

static Hash commit(ScratchStore *s, LayerKind kind, Manifest *m, const Hash *base, int64_t time)
{
        const Manifest *const list[] = { m };
        _cleanup_(commit_done) Commit c = { .kind = kind, .time = time, .message = strdup("") };
        Hash id;

        manifest_sort(m);
        assert_int_equal(store_publish_objects(&s->store, list, 1, NULL), 0);
        assert_int_equal(store_add_tree(&s->store, m, &c.tree, NULL), 0);
        if (base)
                assert_int_equal(commit_add_base(&c, base, "base"), 0);
        assert_int_equal(store_add_commit(&s->store, &c, &id, NULL), 0);
        manifest_done(m);
        return id;
}

static void stack_add(ScratchStore *s, Generation *g, const Hash *id, const char *name)
{
        _cleanup_(commit_done) Commit c = COMMIT_NULL;

        assert_int_equal(store_load_commit(&s->store, id, &c, NULL), 0);
        assert_int_equal(generation_add_layer(g, name, id, &c.tree), 0);
}

/* A base before and after, and one app, each as a manifest to fill. */
typedef struct Case {
        ScratchStore *s;
        Manifest old, new, app, second; /* the last one may stay empty */
        const Hash *lost;               /* object that goes before the merge */
        Generation before, after;
        MergeResult result;
} Case;

static void run(Case *c, int upper_fd)
{
        _cleanup_error_ Error error = ERROR_NULL;
        bool two = c->second.n > 0;
        Hash old, new, app, second;

        put(c->s, &c->old, "/etc/hosts", "old");
        put(c->s, &c->new, "/etc/hosts", "new");
        put(c->s, &c->app, "/srv/app", "app");
        old = commit(c->s, LAYER_BASE, &c->old, NULL, 1);
        new = commit(c->s, LAYER_BASE, &c->new, NULL, 2);
        app = commit(c->s, LAYER_APP, &c->app, &old, 1);
        stack_add(c->s, &c->before, &old, "base");
        stack_add(c->s, &c->before, &app, "app");
        stack_add(c->s, &c->after, &new, "base");
        stack_add(c->s, &c->after, &app, "app");
        if (two) {
                second = commit(c->s, LAYER_APP, &c->second, &old, 1);
                stack_add(c->s, &c->before, &second, "second");
                stack_add(c->s, &c->after, &second, "second");
        }
        if (c->lost)
                assert_return_code(unlinkat(c->s->store.fd, object_path(c->lost).path, 0), errno);
        if (merge_stack(&(MergeRequest){ .store = &c->s->store,
                                         .before = &c->before,
                                         .after = &c->after,
                                         .upper_fd = upper_fd },
                        &c->result, &error) < 0)
                fail_msg("%s", error.message);
}

static void case_done(Case *c)
{
        generation_done(&c->before);
        generation_done(&c->after);
        merge_result_done(&c->result);
}

static const DriftItem *item(const Case *c, const char *path)
{
        for (size_t i = 0; i < c->result.drift.n_items; i++)
                if (strcmp(c->result.drift.items[i].path, path) == 0)
                        return c->result.drift.items + i;
        return NULL;
}

static void assert_kind(const Case *c, const char *path, DriftKind kind)
{
        const DriftItem *i = item(c, path);

        if (!i)
                fail_msg("nothing is said about %s", path);
        else
                assert_string_equal(drift_kind_to_string(i->kind), drift_kind_to_string(kind));
}

static void assert_generated(const Case *c, const char *path, const char *content)
{
        const Entry *e = manifest_find(&c->result.generated, path);
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        Hash id;

        assert_non_null(e);
        assert_int_equal(e->kind, ENTRY_FILE);
        assert_int_equal(entry_object_id(c->s->store.hasher, e, &id), 0);
        fd = store_open_object(&c->s->store, &id);
        assert_true(read_fd(fd, 10000, &text) >= 0);
        assert_string_equal(text, content);
}

static void test_view(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest low = MANIFEST_NULL, high = MANIFEST_NULL;
        ViewLayer layers[] = { { &low, -EBADF }, { &high, -EBADF } };
        _cleanup_view_ View v = VIEW_NULL;
        static const char *const seen[] = {
                "/",         "/d",    "/d-e",  "/d-e/low", "/d/high", "/dir",
                "/dir/kept", "/file", "/hard", "/o",       "/o/high",
        };
        size_t first;

        put(s, &low, "/d/sub/low", "x");
        put(s, &low, "/d-e/low", "x");
        put(s, &low, "/dir/gone", "x");
        put(s, &low, "/dir/kept", "x");
        put(s, &low, "/file/below", "x");
        put(s, &low, "/o/low/deep", "x");
        put(s, &high, "/d/high", "y");
        add(s, &high, ENTRY_WHITEOUT, "/d/sub", NULL);
        put(s, &high, "/dir/", NULL);
        add(s, &high, ENTRY_WHITEOUT, "/dir/gone", NULL);
        put(s, &high, "/file", "y");
        add(s, &high, ENTRY_LINK, "/hard", "/file");
        put(s, &high, "/o/high", "y");
        manifest_sort(&high);
        ((Entry *)manifest_find(&high, "/o"))->opaque = true;
        assert_int_equal(view_make(layers, 2, &v), 0);
        assert_int_equal(v.n, ELEMENTSOF(seen));
        for (size_t i = 0; i < ELEMENTSOF(seen); i++)
                assert_non_null(view_find(&v, seen[i]));
        assert_null(view_find(&v, "/d/sub/low"));
        assert_int_equal(view_find(&v, "/dir/kept")->layer, 0);
        assert_int_equal(view_find(&v, "/file")->layer, 1);
        assert_int_equal(view_find(&v, "/hard")->entry->kind, ENTRY_FILE);
        assert_int_equal(view_below(&v, "/d", &first), 2);
        assert_int_equal(view_below(&v, "/", &first), v.n);
}

static void test_copies_are_dropped(void **state)
{
        _cleanup_(case_done) Case c = { .s = *state };
        const Entry *e;

        put(c.s, &c.old, "/usr/lib/a", "one");
        put(c.s, &c.new, "/usr/lib/a", "two");
        put(c.s, &c.app, "/usr/lib/a", "one");
        put(c.s, &c.old, "/usr/lib/b", "gone in the new base");
        put(c.s, &c.app, "/usr/lib/b", "gone in the new base");
        put(c.s, &c.old, "/usr/lib/c", "same");
        put(c.s, &c.new, "/usr/lib/c", "same");
        put(c.s, &c.app, "/usr/lib/c", "same");
        run(&c, -EBADF);
        assert_generated(&c, "/usr/lib/a", "two");
        e = manifest_find(&c.result.generated, "/usr/lib/b");
        assert_non_null(e);
        assert_int_equal(e->kind, ENTRY_WHITEOUT);
        assert_null(manifest_find(&c.result.generated, "/usr/lib/c"));
        assert_int_equal(c.result.generated.n, 5); /* and /, /usr, /usr/lib */
        assert_kind(&c, "/usr/lib/a", DRIFT_IDENTICAL);
        assert_kind(&c, "/usr/lib/b", DRIFT_IDENTICAL);
        assert_null(item(&c, "/usr/lib/c"));
        assert_string_equal(c.result.drift.warnings[0],
                            "layer 'app' was made on an older 'base' than the one below it");
}

#define STATUS_OF(version)                                            \
        "Package: p\nStatus: install ok installed\nVersion: " version \
        "\nConffiles:\n /etc/p 0\n\n"                                 \
        "Package: q\nStatus: install ok installed\nVersion: 1\n\n"

static void test_what_matters(void **state)
{
        _cleanup_(case_done) Case c = { .s = *state };
        static const struct {
                const char *path, *old, *new, *app;
                DriftKind kind;
        } files[] = {
                { "/etc/p", "1", "2", "3", DRIFT_CONFLICT },
                { "/usr/bin/p", "1", "2", "3", DRIFT_PINNED },
                { "/usr/bin/q", "1", "1", "3", DRIFT_OURS },
                { "/etc/other", "1", "2", "3", DRIFT_CONFLICT },
                { "/var/log/x", "1", "2", "3", DRIFT_OURS },
                { "/etc/hostname", "1", "2", "3", DRIFT_OURS },
                { "/etc/late", "1", NULL, "3", DRIFT_OURS },
                { "/usr/lib/__pycache__/p.cpython-311.pyc", "1", "2", "3", DRIFT_IDENTICAL },
                { "/etc/shells", "/bin/sh\n", "/bin/sh\n/bin/a\n", "/bin/sh\n/bin/b\n",
                  DRIFT_MERGED },
        };

        put(c.s, &c.old, "/var/lib/dpkg/status", STATUS_OF("1"));
        put(c.s, &c.new, "/var/lib/dpkg/status", STATUS_OF("2"));
        put(c.s, &c.old, "/var/lib/dpkg/info/p.list", "/.\n/bin\n/bin/p\n/etc/p\n");
        put(c.s, &c.new, "/var/lib/dpkg/info/p.list", "/.\n/bin\n/bin/p\n/etc/p\n");
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                put(c.s, &c.old, files[i].path, files[i].old);
                if (files[i].new)
                        put(c.s, &c.new, files[i].path, files[i].new);
                put(c.s, &c.app, files[i].path, files[i].app);
        }
        put(c.s, &c.old, "/usr/lib/hidden", "1");
        put(c.s, &c.new, "/usr/lib/hidden", "2");
        add(c.s, &c.app, ENTRY_WHITEOUT, "/usr/lib/hidden", NULL);
        run(&c, -EBADF);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                assert_kind(&c, files[i].path, files[i].kind);
        assert_kind(&c, "/usr/lib/hidden", DRIFT_CONFLICT);
        assert_string_equal(item(&c, "/usr/lib/hidden")->detail, "removed here");
        assert_string_equal(item(&c, "/usr/bin/p")->package, "p"); /* by way of /bin */
        assert_string_equal(item(&c, "/etc/p")->detail, "a configuration file of the package");
        assert_generated(&c, "/etc/shells", "/bin/sh\n/bin/a\n/bin/b\n");
        assert_generated(&c, "/usr/lib/__pycache__/p.cpython-311.pyc", "2");
        assert_null(manifest_find(&c.result.generated, "/usr/bin/p"));
        assert_int_equal(c.result.drift.items[0].kind, DRIFT_CONFLICT);
        assert_int_equal(c.result.drift.n_packages, 1);
        assert_string_equal(c.result.drift.packages[0].after, "2");
        assert_false(c.result.drift.packages[0].security);
}

/* A package that the app removed, and that the new base has in a newer version. */
static void test_removed_package(void **state)
{
        _cleanup_(case_done) Case c = { .s = *state };

        put(c.s, &c.old, "/var/lib/dpkg/status", STATUS_OF("1"));
        put(c.s, &c.new, "/var/lib/dpkg/status", STATUS_OF("2"));
        put(c.s, &c.app, "/var/lib/dpkg/status",
            "Package: q\nStatus: install ok installed\nVersion: 1\n\n");
        put(c.s, &c.old, "/var/lib/dpkg/info/p.list", "/usr/bin/p\n");
        put(c.s, &c.new, "/var/lib/dpkg/info/p.list", "/usr/bin/p\n");
        put(c.s, &c.old, "/usr/bin/p", "1");
        put(c.s, &c.new, "/usr/bin/p", "2");
        put(c.s, &c.app, "/usr/bin/", NULL);
        put(c.s, &c.app, "/var/lib/dpkg/info/", NULL);
        add(c.s, &c.app, ENTRY_WHITEOUT, "/usr/bin/p", NULL);
        add(c.s, &c.app, ENTRY_WHITEOUT, "/var/lib/dpkg/info/p.list", NULL);
        run(&c, -EBADF);
        assert_kind(&c, "/usr/bin/p", DRIFT_OURS);
        assert_kind(&c, "/var/lib/dpkg/status", DRIFT_CONFLICT);
        assert_string_equal(item(&c, "/var/lib/dpkg/status")->detail,
                            "1 of its packages in conflict: p: removed here, 2 below");
}

#define CHOICES(more) "auto\n/usr/bin/pick\n\n/usr/bin/one\n10\n" more "\n"

static void test_alternatives(void **state)
{
        _cleanup_(case_done) Case c = { .s = *state };
        const Entry *e;

        put(c.s, &c.old, "/var/lib/dpkg/alternatives/pick", CHOICES(""));
        put(c.s, &c.old, "/usr/bin/one", "1");
        put(c.s, &c.old, "/etc/alternatives/", NULL);
        add(c.s, &c.old, ENTRY_SYMLINK, "/etc/alternatives/pick", "/usr/bin/one");
        add(c.s, &c.old, ENTRY_SYMLINK, "/usr/bin/pick", "/etc/alternatives/pick");
        /* the new base brings a better one, the app a worse one */
        put(c.s, &c.new, "/var/lib/dpkg/alternatives/pick", CHOICES("/usr/bin/two\n20\n"));
        put(c.s, &c.new, "/usr/bin/one", "1");
        put(c.s, &c.new, "/usr/bin/two", "2");
        put(c.s, &c.new, "/etc/alternatives/", NULL);
        add(c.s, &c.new, ENTRY_SYMLINK, "/etc/alternatives/pick", "/usr/bin/two");
        add(c.s, &c.new, ENTRY_SYMLINK, "/usr/bin/pick", "/etc/alternatives/pick");
        put(c.s, &c.app, "/var/lib/dpkg/alternatives/pick", CHOICES("/usr/bin/three\n15\n"));
        put(c.s, &c.app, "/usr/bin/three", "3");
        put(c.s, &c.app, "/etc/alternatives/", NULL);
        add(c.s, &c.app, ENTRY_SYMLINK, "/etc/alternatives/pick", "/usr/bin/three");
        run(&c, -EBADF);
        assert_generated(&c, "/var/lib/dpkg/alternatives/pick",
                         CHOICES("/usr/bin/three\n15\n/usr/bin/two\n20\n"));
        e = manifest_find(&c.result.generated, "/etc/alternatives/pick");
        assert_non_null(e);
        assert_string_equal(e->target, "/usr/bin/two");
        assert_kind(&c, "/etc/alternatives/pick", DRIFT_REGENERATED); /* and no conflict */
}

static void test_unknown_base(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest base = MANIFEST_NULL, app = MANIFEST_NULL;
        _cleanup_(case_done) Case c = { .s = s };
        const Hash nowhere = { .bytes = { 1 } };
        Hash below, above;

        put(s, &base, "/etc/shells", "/bin/sh\n/bin/new\n");
        put(s, &app, "/etc/shells", "/bin/sh\n/bin/app\n");
        below = commit(s, LAYER_BASE, &base, NULL, 2);
        above = commit(s, LAYER_APP, &app, &nowhere, 1);
        stack_add(s, &c.after, &below, "base");
        stack_add(s, &c.after, &above, "app");
        assert_int_equal(merge_stack(&(MergeRequest){ .store = &s->store,
                                                      .after = &c.after,
                                                      .upper_fd = -EBADF },
                                     &c.result, NULL),
                         0);
        assert_generated(&c, "/etc/shells", "/bin/sh\n/bin/new\n/bin/app\n");
        assert_non_null(
                strstr(c.result.drift.warnings[0], "what it was made on is not in the store"));
}

/* Its tree is there, its content was collected. */
static void test_lost_content(void **state)
{
        ScratchStore *s = *state;
        _cleanup_(case_done) Case c = { .s = s };
        Hash id;

        put(s, &c.old, "/etc/shells", "/bin/sh\n/bin/old\n");
        put(s, &c.new, "/etc/shells", "/bin/sh\n/bin/new\n");
        put(s, &c.app, "/etc/shells", "/bin/sh\n/bin/old\n/bin/app\n");
        assert_int_equal(
                entry_object_id(s->store.hasher, manifest_find(&c.old, "/etc/shells"), &id), 0);
        c.lost = &id;
        run(&c, -EBADF);
        assert_generated(&c, "/etc/shells", "/bin/sh\n/bin/new\n/bin/old\n/bin/app\n");
}

/* A copy above what was merged below it is not to hide that either. */
static void test_two_apps(void **state)
{
        _cleanup_(case_done) Case c = { .s = *state };

        put(c.s, &c.old, "/etc/shells", "/bin/sh\n");
        put(c.s, &c.new, "/etc/shells", "/bin/sh\n/bin/new\n");
        put(c.s, &c.app, "/etc/shells", "/bin/sh\n/bin/app\n");
        put(c.s, &c.second, "/etc/shells", "/bin/sh\n");
        put(c.s, &c.old, "/etc/subuid", "");
        put(c.s, &c.new, "/etc/subuid", "");
        put(c.s, &c.app, "/etc/subuid", "a:1:1\n");
        put(c.s, &c.second, "/etc/subuid", "b:2:1\n");
        run(&c, -EBADF);
        assert_generated(&c, "/etc/shells", "/bin/sh\n/bin/new\n/bin/app\n");
        assert_generated(&c, "/etc/subuid", "a:1:1\nb:2:1\n");
}

static void test_opaque_parent(void **state)
{
        _cleanup_(case_done) Case c = { .s = *state };

        put(c.s, &c.old, "/srv/d/copy", "1");
        put(c.s, &c.new, "/srv/d/copy", "2");
        put(c.s, &c.app, "/srv/d/copy", "1");
        put(c.s, &c.app, "/srv/d/own", "own");
        ((Entry *)manifest_find(&c.app, "/srv/d"))->opaque = true;
        run(&c, -EBADF);
        assert_generated(&c, "/srv/d/copy", "2");
        assert_false(manifest_find(&c.result.generated, "/srv/d")->opaque); /* "own" must show */
}

static void test_state(void **state)
{
        _cleanup_(case_done) Case c = { .s = *state };
        int fd = c.s->tree_fd;
        bool stamp = false, copy = false, merged = false;

        put(c.s, &c.old, "/etc/copy", "1");
        put(c.s, &c.new, "/etc/copy", "2");
        put(c.s, &c.old, "/etc/shells", "/bin/sh\n");
        put(c.s, &c.new, "/etc/shells", "/bin/sh\n/bin/new\n");
        assert_int_equal(mkdirat(fd, "etc", 0755), 0);
        scratch_write(fd, "etc/copy", "1", 0644); /* only its time is another one */
        scratch_write(fd, "etc/shells", "/bin/sh\n/bin/own\n", 0644);
        scratch_write(fd, "etc/.updated", "", 0644);
        scratch_write(fd, "etc/own", "own", 0644);
        run(&c, fd);
        assert_int_equal(c.result.n_edits, 3);
        for (size_t i = 0; i < c.result.n_edits; i++) {
                const StateEdit *e = c.result.edits + i;

                stamp = stamp || (strcmp(e->path, "/etc/.updated") == 0 && e->remove);
                copy = copy || (strcmp(e->path, "/etc/copy") == 0 && e->remove);
                merged = merged || (strcmp(e->path, "/etc/shells") == 0 && !e->remove &&
                                    e->entry.size == strlen("/bin/sh\n/bin/new\n/bin/own\n"));
        }
        assert_true(stamp && copy && merged);
        assert_kind(&c, "/etc/.updated", DRIFT_STAMP);
        assert_null(item(&c, "/etc/copy")->layer);
        assert_null(item(&c, "/etc/own"));
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, scratch_open, scratch_close)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(test_view),          WITH_STORE(test_copies_are_dropped),
                WITH_STORE(test_what_matters),  WITH_STORE(test_removed_package),
                WITH_STORE(test_alternatives),  WITH_STORE(test_unknown_base),
                WITH_STORE(test_state),         WITH_STORE(test_lost_content),
                WITH_STORE(test_opaque_parent), WITH_STORE(test_two_apps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
