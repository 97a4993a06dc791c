/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a tree into the store and out again, as links and as copies; locks; what goes wrong. */

#include "../world.h"
#include "scratch-layer.h"

#include "store/checkout-parts.h"
#include "store/checkout.h"

#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

/* What every tree of a test has: all that needs no privilege. */
static void fill_tree(const ScratchStore *s)
{
        static const struct timespec times[2] = { { .tv_sec = 1600000000 },
                                                  { .tv_sec = 1600000000 } };

        assert_return_code(mkdirat(s->tree_fd, "bin", 0755), errno);
        assert_return_code(mkdirat(s->tree_fd, "bin/empty", 0700), errno);
        scratch_write(s->tree_fd, "bin/tool", "#!/bin/sh\n", 04755);
        scratch_write(s->tree_fd, "bin/nothing", "", 0640);
        scratch_write(s->tree_fd, "bin-x", "sorts between", 0644);
        assert_return_code(symlinkat("bin/tool", s->tree_fd, "link"), errno);
        assert_return_code(linkat(s->tree_fd, "bin/tool", s->tree_fd, "tool-too", 0), errno);
        assert_return_code(linkat(s->tree_fd, "bin/nothing", s->tree_fd, "nothing-too", 0), errno);
        assert_return_code(mkfifoat(s->tree_fd, "fifo", 0600), errno);
        assert_return_code(mkdirat(s->tree_fd, "closed", 0755), errno);
        scratch_write(s->tree_fd, "closed/inside", "in", 0600);
        assert_return_code(fchmodat(s->tree_fd, "closed", 01711, 0), errno);
        assert_return_code(utimensat(s->tree_fd, "bin", times, 0), errno);
        assert_return_code(utimensat(s->tree_fd, "bin-x", times, 0), errno);
        assert_return_code(utimensat(s->tree_fd, "link", times, AT_SYMLINK_NOFOLLOW), errno);
}

/* Whether the directory, taken into the store once more, is the same tree. Checkouts have more hard
 * links than their tree, so they are compared entry by entry. */
static void assert_same_tree(ScratchStore *s, int fd, const Manifest *expected)
{
        _cleanup_manifest_ Manifest again = MANIFEST_NULL;
        Hash tree;

        scratch_ingest(s, fd, &again, &tree);
        assert_int_equal(again.n, expected->n);
        for (size_t i = 0; i < again.n; i++) {
                const Entry *a = manifest_resolve_link(&again, &again.entries[i]),
                            *b = manifest_resolve_link(expected, &expected->entries[i]);

                assert_string_equal(again.entries[i].path, expected->entries[i].path);
                if (!entry_equal(a, b, false))
                        fail_msg("'%s' is another file now", b->path);
        }
}

static int open_checkout(const char *path)
{
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void test_round_trip(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_free_ char *path = NULL, *again = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat object, file, other, link;
        ObjectPath p;
        Hash tree, id;

        fill_tree(s);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        assert_false(checkout_exists(&s->store, &tree));
        assert_int_equal(checkout_make(&s->store, &tree, NULL, &path, NULL), 0);
        assert_true(checkout_exists(&s->store, &tree));
        assert_int_equal(checkout_make(&s->store, &tree, NULL, &again, NULL), 0);
        assert_string_equal(path, again);
        fd = open_checkout(path);
        assert_same_tree(s, fd, &m);

        /* files and links are the store's inodes */
        assert_int_equal(entry_object_id(s->store.hasher, manifest_find(&m, "/bin/tool"), &id), 0);
        p = object_path(&id);
        assert_return_code(fstatat(s->store.fd, p.path, &object, 0), errno);
        assert_return_code(fstatat(fd, "bin/tool", &file, 0), errno);
        assert_return_code(fstatat(fd, "tool-too", &other, 0), errno);
        assert_int_equal(object.st_ino, file.st_ino);
        assert_int_equal(object.st_ino, other.st_ino);
        assert_return_code(fstatat(fd, "link", &link, AT_SYMLINK_NOFOLLOW), errno);
        assert_int_equal(link.st_nlink, 2);
        /* empty files are not, but two names of one are two names */
        assert_return_code(fstatat(fd, "bin/nothing", &file, 0), errno);
        assert_return_code(fstatat(fd, "nothing-too", &other, 0), errno);
        assert_int_equal(file.st_ino, other.st_ino);
        assert_int_equal(file.st_nlink, 2);
}

static void test_copy(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_close_ int fd = -EBADF;
        Progress progress = {};
        struct stat file, other;
        Hash tree;

        fill_tree(s);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        assert_return_code(mkdirat(s->fd, "copy", 0700), errno);
        fd = openat(s->fd, "copy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(checkout_copy(&s->store, &m, fd, &progress, NULL), 0);
        assert_same_tree(s, fd, &m);
        assert_int_equal(progress.done_objects, m.n - 1);
        assert_int_equal(progress.done_bytes, progress.total_bytes);
        /* its own inode, and one for its two names */
        assert_return_code(fstatat(fd, "bin/tool", &file, 0), errno);
        assert_return_code(fstatat(fd, "tool-too", &other, 0), errno);
        assert_int_equal(file.st_ino, other.st_ino);
        assert_int_equal(file.st_nlink, 2);
        assert_return_code(fstatat(fd, "bin-x", &file, 0), errno);
        assert_int_equal(file.st_nlink, 1);
}

static void test_layer_marks(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        struct stat st;
        char mark[2] = "";
        Hash tree;

        assert_return_code(mkdirat(s->tree_fd, "etc", 0755), errno);
        /* whoever may not set the first one has its overlays look for the other */
        if (mknodat(s->tree_fd, "etc/motd", S_IFCHR, makedev(0, 0)) < 0) {
                print_message("skipped: no whiteouts here without privilege\n");
                skip();
        }
        fd = openat(s->tree_fd, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0 &&
            fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0) {
                print_message("skipped: this file system has no extended attributes\n");
                skip();
        }
        closep(&fd);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        assert_int_equal(manifest_find(&m, "/etc/motd")->kind, ENTRY_WHITEOUT);
        assert_true(manifest_find(&m, "/etc")->opaque);
        assert_int_equal(checkout_make(&s->store, &tree, NULL, &path, NULL), 0);
        fd = open_checkout(path);
        assert_same_tree(s, fd, &m);
        assert_return_code(fstatat(fd, "etc/motd", &st, AT_SYMLINK_NOFOLLOW), errno);
        assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
        closep(&fd);
        fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fgetxattr(fd, "trusted.overlay.opaque", mark, 1) < 0); /* not of the root */
}

/* A file that has as many names as the file system allows. */
static void test_no_more_links(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF, many = -EBADF;
        struct stat object, file;
        char name[32];
        Hash tree, id;
        ObjectPath p;
        int n = 0;

        scratch_write(s->tree_fd, "popular", "text", 0644);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        assert_int_equal(entry_object_id(s->store.hasher, manifest_find(&m, "/popular"), &id), 0);
        p = object_path(&id);
        assert_return_code(mkdirat(s->fd, "many", 0755), errno);
        many = openat(s->fd, "many", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (; n < 70000; n++) {
                (void)snprintf(name, sizeof(name), "%d", n);
                if (linkat(s->store.fd, p.path, many, name, 0) < 0)
                        break;
        }
        if (n == 70000) {
                print_message("skipped: this file system has no end of links\n");
                skip();
        }
        assert_int_equal(errno, EMLINK);
        assert_int_equal(checkout_make(&s->store, &tree, NULL, &path, NULL), 0);
        fd = open_checkout(path);
        assert_return_code(fstatat(fd, "popular", &file, 0), errno);
        assert_return_code(fstatat(s->store.fd, p.path, &object, 0), errno);
        assert_int_not_equal(file.st_ino, object.st_ino);
        assert_int_equal(file.st_nlink, 1);
        assert_same_tree(s, fd, &m);
}

static void test_missing_object(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_free_ char *path = NULL;
        Hash tree, id;

        fill_tree(s);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        assert_int_equal(entry_object_id(s->store.hasher, manifest_find(&m, "/bin-x"), &id), 0);
        assert_return_code(unlinkat(s->store.fd, object_path(&id).path, 0), errno);
        assert_int_equal(checkout_make(&s->store, &tree, NULL, &path, &error), -ENOENT);
        assert_non_null(strstr(error.message, "'/bin-x'"));
        assert_non_null(strstr(error.hint, "stead layer fsck --repair"));
        assert_false(checkout_exists(&s->store, &tree));
        /* nothing is left beside */
        d = fdopendir(openat(s->store.fd, "checkouts", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        for (struct dirent *e; (e = readdir(d));)
                assert_true(strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
}

static void test_lock(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int one = -EBADF, two = -EBADF;
        Hash tree;
        char name[HASH_TEXT_SIZE];

        scratch_write(s->tree_fd, "file", "text", 0644);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        (void)hash_to_string(&tree, name);
        assert_int_equal(checkout_lock(&s->store, &tree, &one, &error), -ENOENT);
        assert_int_equal(checkout_make(&s->store, &tree, NULL, &path, NULL), 0);
        assert_int_equal(checkout_lock(&s->store, &tree, &one, NULL), 0);
        assert_int_equal(checkout_lock(&s->store, &tree, &two, NULL), 0);
        assert_int_equal(checkout_remove(&s->store, name, NULL), -EBUSY);
        closep(&one);
        one = -EBADF;
        assert_int_equal(checkout_remove(&s->store, name, NULL), -EBUSY);
        assert_true(checkout_exists(&s->store, &tree));
        closep(&two);
        two = -EBADF;
        assert_int_equal(checkout_remove(&s->store, name, NULL), 0);
        assert_false(checkout_exists(&s->store, &tree));
        /* what is left of one that was killed while it made or removed one */
        assert_return_code(mkdirat(s->store.fd, "checkouts/.x.12", 0700), errno);
        assert_int_equal(checkout_remove(&s->store, ".x.12", NULL), 0);
}

static int make_across(ScratchStore *s, const Hash *tree)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        char checkouts[96];

        (void)snprintf(checkouts, sizeof(checkouts), "%s/checkouts", s->store.path);
        if (world_enter() != 0)
                return WORLD_SKIP;
        if (mount("tmpfs", checkouts, "tmpfs", 0, NULL) < 0)
                return EXIT_FAILURE;
        scratch_reopen(s, STORE_ADD); /* in this mount namespace */
        return checkout_make(&s->store, tree, NULL, &path, &error) == -EXDEV && error.hint &&
                               strstr(error.message, "must be on the same file system")
                       ? EXIT_SUCCESS
                       : EXIT_FAILURE;
}

static void test_other_file_system(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        int status;
        pid_t pid;
        Hash tree;

        scratch_write(s->tree_fd, "file", "text", 0644);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(make_across(s, &tree));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == WORLD_SKIP)
                skip(); /* it said why */
        assert_int_equal(status, 0);
        assert_false(checkout_exists(&s->store, &tree));
}

/* How many entries a directory has. */
static int count_of(int dirfd, const char *path)
{
        _cleanup_closedir_ DIR *d = fdopendir(openat(dirfd, path, O_RDONLY | O_DIRECTORY));
        int n = -2; /* "." and ".." */

        while (readdir(d))
                n++;
        return n;
}

static int make_on_full_disk(ScratchStore *s)
{
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        char name[32], small[96];
        Hash tree;
        int n = 0;

        (void)snprintf(name, sizeof(name), "filler");
        (void)snprintf(small, sizeof(small), "%s/small", s->path);
        if (world_enter() != 0)
                return WORLD_SKIP;
        if (mkdir(small, 0700) < 0 || mount("tmpfs", small, "tmpfs", 0, "nr_inodes=400") < 0)
                return EXIT_FAILURE;
        store_close(&s->store);
        assert_int_equal(store_open(small, STORE_ADD, &s->store, NULL), 0);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        for (int fd; (fd = openat(s->store.fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) >= 0;
             n++) {
                (void)close(fd);
                (void)snprintf(name, sizeof(name), "filler%d", n);
        }
        for (int i = 0; i < 10; i++) { /* room for some of it */
                (void)snprintf(name, sizeof(name), "filler%d", i);
                (void)unlinkat(s->store.fd, name, 0);
        }
        if (checkout_make(&s->store, &tree, NULL, &path, &error) != -ENOSPC || !error.hint ||
            !strstr(error.hint, "stead layer gc") || count_of(s->store.fd, "checkouts") != 0)
                return EXIT_FAILURE;
        for (int i = 10; i < n - 1; i++) {
                (void)snprintf(name, sizeof(name), "filler%d", i);
                (void)unlinkat(s->store.fd, name, 0);
        }
        return checkout_make(&s->store, &tree, NULL, &path, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Nothing half is left, and there is one when there is room again. */
static void test_full_disk(void **state)
{
        ScratchStore *s = *state;
        char name[16];
        int status;
        pid_t pid;

        for (int i = 0; i < 60; i++) {
                (void)snprintf(name, sizeof(name), "directory%d", i);
                assert_return_code(mkdirat(s->tree_fd, name, 0755), errno);
        }
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(make_on_full_disk(s));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == WORLD_SKIP)
                skip(); /* it said why */
        assert_int_equal(status, 0);
}

/* Many at once make the same one: all succeed, and there is one. */
static void test_at_once(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        Hash tree;

        fill_tree(s);
        scratch_ingest(s, s->tree_fd, &m, &tree);
        for (int i = 0; i < 8; i++) {
                pid_t pid = fork();

                assert_true(pid >= 0);
                if (pid == 0) {
                        char *made = NULL;

                        _exit(checkout_make(&s->store, &tree, NULL, &made, NULL) < 0);
                }
        }
        for (int i = 0, status; i < 8; i++) {
                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        assert_int_equal(checkout_make(&s->store, &tree, NULL, &path, NULL), 0);
        fd = open_checkout(path);
        assert_same_tree(s, fd, &m);
}

/* Killed at any moment: no checkout, or a whole one. */
static void test_killed(void **state)
{
        ScratchStore *s = *state;
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        unsigned n_whole = 0;
        char name[HASH_TEXT_SIZE];
        Hash tree;

        for (int i = 0; i < 300; i++) {
                char file[16];

                (void)snprintf(file, sizeof(file), "file%d", i);
                scratch_write(s->tree_fd, file, file, 0644);
        }
        scratch_ingest(s, s->tree_fd, &m, &tree);
        (void)hash_to_string(&tree, name);
        for (unsigned i = 0; i < 30; i++) {
                pid_t pid = fork();
                int status;

                assert_true(pid >= 0);
                if (pid == 0) {
                        char *made = NULL;

                        _exit(checkout_make(&s->store, &tree, NULL, &made, NULL) < 0);
                }
                (void)usleep(i * 200);
                (void)kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (checkout_exists(&s->store, &tree)) {
                        _cleanup_free_ char *path = NULL;
                        _cleanup_close_ int fd = -EBADF;

                        assert_int_equal(checkout_make(&s->store, &tree, NULL, &path, NULL), 0);
                        fd = open_checkout(path);
                        assert_same_tree(s, fd, &m);
                        assert_int_equal(checkout_remove(&s->store, name, NULL), 0);
                        n_whole++;
                }
        }
        if (n_whole == 30)
                print_message("none was killed early enough\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(test_round_trip),        WITH_STORE(test_copy),
                WITH_STORE(test_layer_marks),       WITH_STORE(test_no_more_links),
                WITH_STORE(test_missing_object),    WITH_STORE(test_lock),
                WITH_STORE(test_other_file_system), WITH_STORE(test_full_disk),
                WITH_STORE(test_at_once),           WITH_STORE(test_killed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
