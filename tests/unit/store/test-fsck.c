/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each kind of damage is found, named, and mended or set aside. */

#include "scratch-layer.h"

#include "base/strv.h"
#include "store/checkout.h"
#include "store/fsck.h"

#include <sys/resource.h>
#include <sys/xattr.h>

typedef struct Found {
        char **defects;
        size_t n_repaired;
} Found;

static void on_defect(const char *defect, bool repaired, void *userdata)
{
        Found *f = userdata;

        assert_int_equal(strv_push(&f->defects, defect), 0);
        f->n_repaired += repaired;
}

/* Returns the number of defects that are left. */
static int check(ScratchStore *s, bool repair, Found *ret)
{
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        ret->defects = strv_free(ret->defects);
        ret->n_repaired = 0;
        if (repair)
                scratch_reopen(s, STORE_REMOVE);
        r = fsck_run(&s->store, repair, NULL, on_defect, ret, &error);
        if (r < 0)
                fail_msg("%s", error.message);
        if (repair)
                scratch_reopen(s, STORE_ADD);
        return r;
}

static void assert_found(const Found *f, const char *what)
{
        STRV_FOREACH (d, f->defects)
                if (strstr(*d, what))
                        return;
        STRV_FOREACH (d, f->defects)
                print_message("%s\n", *d);
        fail_msg("nobody found '%s'", what);
}

static void assert_sound(ScratchStore *s)
{
        Found f = {};
        int r = check(s, false, &f);

        STRV_FOREACH (d, f.defects)
                print_message("%s\n", *d);
        assert_int_equal(r, 0);
        strv_free(f.defects);
}

/* One layer of a few files, and its checkout. */
typedef struct Sample {
        Hash commit, tree;
        char *checkout;
} Sample;

static void make_sample(ScratchStore *s, Sample *ret)
{
        static const char *const names[] = { "bin", "etc" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_return_code(mkdirat(s->tree_fd, names[i], 0755), errno);
        scratch_write(s->tree_fd, "bin/tool", "#!/bin/sh\n", 0755);
        scratch_write(s->tree_fd, "etc/passwd", "root:x:0:0\n", 0644);
        scratch_write(s->tree_fd, "etc/empty", "", 0644);
        assert_return_code(symlinkat("bin/tool", s->tree_fd, "link"), errno);
        assert_return_code(linkat(s->tree_fd, "etc/passwd", s->tree_fd, "etc/passwd-too", 0),
                           errno);
        scratch_commit(s, "debian/12/base", NULL, &ret->commit, &ret->tree);
        assert_int_equal(checkout_make(&s->store, &ret->tree, NULL, &ret->checkout, NULL), 0);
        assert_sound(s);
}

static void write_at(int dirfd, const char *path, off_t offset, const char *text)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
        struct stat st;
        struct timespec times[2];

        assert_true(fd >= 0);
        assert_return_code(fstat(fd, &st), errno);
        times[0] = st.st_atim;
        times[1] = st.st_mtim;
        assert_int_equal(pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
        assert_return_code(futimens(fd, times), errno); /* as a disk would do it */
}

/* Damage to content: set aside with the checkouts that have it, and missing then until somebody
 * brings it again. */
static void test_content(void **state)
{
        ScratchStore *s = *state;
        Sample sample;
        Found f = {};
        ObjectPath p;
        Hash commit, tree;

        make_sample(s, &sample);
        p = scratch_object(s, &sample.tree, "/etc/passwd");
        write_at(s->store.fd, p.path, 3, "X");
        assert_int_equal(check(s, false, &f), 2);
        assert_found(&f, "'/etc/passwd' of debian/12/base, is damaged: its content has changed");
        assert_found(&f, "The checkout ");

        assert_int_equal(check(s, true, &f), 1);
        assert_int_equal(f.n_repaired, 2);
        assert_found(&f, "'/etc/passwd' of debian/12/base, is missing");
        assert_false(scratch_has(s, p.path));
        assert_false(checkout_exists(&s->store, &sample.tree));
        assert_int_equal(check(s, false, &f), 1);
        assert_found(&f, "is missing");

        /* whoever has the tree heals it */
        scratch_commit(s, "debian/12/base", NULL, &commit, &tree);
        assert_true(hash_equal(&tree, &sample.tree));
        assert_sound(s);
        strv_free(f.defects);
        free(sample.checkout);
}

static void test_truncated(void **state)
{
        ScratchStore *s = *state;
        Sample sample;
        Found f = {};
        ObjectPath p;
        int fd;

        make_sample(s, &sample);
        p = scratch_object(s, &sample.tree, "/bin/tool");
        fd = openat(s->store.fd, p.path, O_WRONLY | O_CLOEXEC);
        assert_return_code(ftruncate(fd, 0), errno);
        (void)close(fd);
        assert_int_equal(check(s, false, &f), 2);
        assert_found(&f, "'/bin/tool' of debian/12/base, is damaged: it has 0 bytes, not 10");
        strv_free(f.defects);
        free(sample.checkout);
}

static void test_missing(void **state)
{
        ScratchStore *s = *state;
        Sample sample;
        Found f = {};
        ObjectPath p;

        make_sample(s, &sample);
        p = scratch_object(s, &sample.tree, "/link");
        assert_return_code(unlinkat(s->store.fd, p.path, 0), errno);
        assert_int_equal(check(s, false, &f), 1);
        assert_found(&f, "'/link' of debian/12/base, is missing");
        strv_free(f.defects);
        free(sample.checkout);
}

/* Attributes are put back, and the checkout stays: it has the same inode. */
static void test_attributes(void **state)
{
        ScratchStore *s = *state;
        static const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        Sample sample;
        Found f = {};
        ObjectPath p;

        make_sample(s, &sample);
        p = scratch_object(s, &sample.tree, "/bin/tool");
        assert_return_code(fchmodat(s->store.fd, p.path, 0777, 0), errno);
        assert_int_equal(check(s, false, &f), 2);
        assert_found(&f, "'/bin/tool' of debian/12/base, is damaged: its mode is 0777, not 0755");
        assert_int_equal(check(s, true, &f), 0);
        assert_int_equal(f.n_repaired, 1);
        assert_true(checkout_exists(&s->store, &sample.tree));
        assert_sound(s);

        assert_return_code(utimensat(s->store.fd, p.path, times, 0), errno);
        assert_int_equal(check(s, true, &f), 0);
        assert_found(&f, "its time has changed");
        assert_sound(s);

        if (geteuid() == 0) {
                char path[192];

                assert_return_code(fchownat(s->store.fd, p.path, 1, 0, 0), errno);
                (void)snprintf(path, sizeof(path), "%s/store/%s", s->path, p.path);
                assert_return_code(lsetxattr(path, "trusted.x", "y", 1, 0), errno);
                assert_int_equal(check(s, true, &f), 0);
                assert_found(&f, "its owner is 1:0, not 0:0");
                assert_return_code(lsetxattr(path, "trusted.x", "y", 1, 0), errno);
                assert_int_equal(check(s, true, &f), 0);
                assert_found(&f, "its extended attributes have changed");
                assert_sound(s);
        }
        strv_free(f.defects);
        free(sample.checkout);
}

static void test_texts(void **state)
{
        ScratchStore *s = *state;
        char path[96], text[HASH_TEXT_SIZE];
        Sample sample;
        Found f = {};

        make_sample(s, &sample);
        scratch_write(s->store.fd, "refs/bad.ref", "stead-ref 1\nnonsense\n", 0600);
        (void)snprintf(path, sizeof(path), "commits/%s", hash_to_string(&sample.commit, text));
        scratch_write(s->store.fd, path, "stead-commit 1\n", 0600);
        (void)snprintf(path, sizeof(path), "trees/%s", hash_to_string(&sample.tree, text));
        write_at(s->store.fd, path, 13, "D");
        assert_int_equal(check(s, false, &f), 4);
        assert_found(&f, "The name 'bad' is damaged");
        assert_found(&f, "The version 'commits/");
        assert_found(&f, "The manifest ");
        assert_found(&f, "The checkout ");
        /* what the name means is gone until somebody brings it again */
        assert_int_equal(check(s, true, &f), 1);
        assert_int_equal(f.n_repaired, 4);
        assert_found(&f, "of 'debian/12/base' is missing");
        assert_true(scratch_has(s, "damaged/refs-bad"));
        assert_int_equal(check(s, false, &f), 1);
        assert_found(&f, "of 'debian/12/base' is missing");
        strv_free(f.defects);
        free(sample.checkout);
}

/* What cannot be looked at is no defect, least of all one to be set aside. */
static void test_too_many_files(void **state)
{
        ScratchStore *s = *state;
        struct rlimit before, limit;
        Sample sample;
        Found f = {};

        make_sample(s, &sample);
        assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
        for (unsigned more = 0; more < 16; more++) {
                int next = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0), r;

                assert_return_code(close(next), errno);
                limit = before;
                limit.rlim_cur = (rlim_t)next + more;
                assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
                r = fsck_run(&s->store, true, NULL, on_defect, &f, NULL);
                assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
                assert_true(r <= 0);
                assert_null(f.defects);
        }
        assert_sound(s);
        free(sample.checkout);
}

static void test_strangers(void **state)
{
        ScratchStore *s = *state;
        Sample sample;
        Found f = {};

        make_sample(s, &sample);
        assert_true(mkdirat(s->store.fd, "objects/00", 0700) >= 0 || errno == EEXIST);
        scratch_write(s->store.fd, "objects/00/stranger", "", 0600);
        scratch_write(s->store.fd, "trees/stranger", "", 0600);
        scratch_write(s->store.fd, "refs/stranger", "", 0600);
        assert_return_code(mkdirat(s->store.fd, "checkouts/stranger", 0700), errno);
        assert_int_equal(check(s, false, &f), 4);
        assert_found(&f, "'objects/00/stranger' is no object");
        assert_int_equal(check(s, true, &f), 0);
        assert_sound(s);
        strv_free(f.defects);
        free(sample.checkout);
}

static void break_checkout(ScratchStore *s, Sample *sample, const char *expected)
{
        _cleanup_free_ char *again = NULL;
        Found f = {};

        assert_int_equal(check(s, false, &f), 1);
        assert_found(&f, expected);
        assert_int_equal(check(s, true, &f), 0);
        assert_false(checkout_exists(&s->store, &sample->tree));
        assert_sound(s);
        assert_int_equal(checkout_make(&s->store, &sample->tree, NULL, &again, NULL), 0);
        assert_sound(s);
        strv_free(f.defects);
}

static int open_tree(const Sample *sample)
{
        int fd = open(sample->checkout, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

/* The time of a directory, so that only what was done in it is wrong. */
static void set_time(int dirfd, const char *path, const struct stat *st)
{
        const struct timespec times[2] = { st->st_atim, st->st_mtim };

        assert_return_code(utimensat(dirfd, path, times, 0), errno);
}

static void test_checkout(void **state)
{
        ScratchStore *s = *state;
        _cleanup_close_ int fd = -EBADF;
        struct stat etc, passwd;
        Sample sample;

        make_sample(s, &sample);
        fd = open_tree(&sample);
        assert_return_code(fstatat(fd, "etc", &etc, 0), errno);
        assert_return_code(fstatat(fd, "etc/passwd", &passwd, 0), errno);
        assert_return_code(unlinkat(fd, "etc/passwd", 0), errno);
        set_time(fd, "etc", &etc);
        break_checkout(s, &sample, "is damaged: '/etc/passwd' is missing");
        closep(&fd);
        fd = open_tree(&sample);
        assert_return_code(unlinkat(fd, "etc/passwd", 0), errno);
        scratch_write(fd, "etc/passwd", "evil:x:0:0\n", 0644);
        set_time(fd, "etc/passwd", &passwd);
        set_time(fd, "etc", &etc);
        break_checkout(s, &sample, "is damaged: '/etc/passwd' has other content");
        closep(&fd);
        fd = open_tree(&sample);
        scratch_write(fd, "etc/.more", "", 0644);
        set_time(fd, "etc", &etc);
        break_checkout(s, &sample, "is in a directory that holds more than it should");
        closep(&fd);
        fd = open_tree(&sample);
        assert_return_code(fchmodat(fd, "bin", 0700, 0), errno);
        break_checkout(s, &sample, "'/bin' is another file, or has other attributes");
        free(sample.checkout);
}

/* Not while a machine runs on it. */
static void test_checkout_in_use(void **state)
{
        ScratchStore *s = *state;
        _cleanup_close_ int fd = -EBADF;
        Sample sample;
        Found f = {};

        make_sample(s, &sample);
        fd = open_tree(&sample);
        assert_return_code(fchmodat(fd, "etc", 0700, 0), errno);
        closep(&fd);
        assert_int_equal(checkout_lock(&s->store, &sample.tree, &fd, NULL), 0);
        assert_int_equal(check(s, true, &f), 1);
        assert_found(&f, "; a machine runs on it");
        assert_true(checkout_exists(&s->store, &sample.tree));
        strv_free(f.defects);
        free(sample.checkout);
}

static void test_nothing(void **state)
{
        ScratchStore *s = *state;
        _cleanup_store_ Store store = STORE_NULL;

        assert_sound(s);
        assert_int_equal(store_open("/nonexistent", STORE_READ, &store, NULL), 0);
        assert_int_equal(fsck_run(&store, false, NULL, on_defect, NULL, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(test_content),         WITH_STORE(test_truncated),
                WITH_STORE(test_missing),         WITH_STORE(test_attributes),
                WITH_STORE(test_texts),           WITH_STORE(test_too_many_files),
                WITH_STORE(test_strangers),       WITH_STORE(test_checkout),
                WITH_STORE(test_checkout_in_use), WITH_STORE(test_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
