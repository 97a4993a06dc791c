/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A world of a test's own: user and mount namespaces in which it is root, with empty file systems
 * on /run and /etc, so that it needs no privilege, leaves nothing and cannot meet another test. */

#include "unit.h"

#include "base/fd.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORLD_SKIP 77 /* meson: this test was skipped */

/* Before the tests begin. Returns 0, or the exit status of the program after it said why. */
static inline int world_enter(void)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        char line[32];

        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
                perror("skipped: the kernel gives no user and mount namespace");
                return WORLD_SKIP;
        }
        (void)write_file_at(AT_FDCWD, "/proc/self/setgroups", "deny"); /* read back by gid_map */
        (void)snprintf(line, sizeof(line), "0 %u 1", uid);
        if (write_file_at(AT_FDCWD, "/proc/self/uid_map", line) < 0)
                return EXIT_FAILURE;
        (void)snprintf(line, sizeof(line), "0 %u 1", gid);
        if (write_file_at(AT_FDCWD, "/proc/self/gid_map", line) < 0)
                return EXIT_FAILURE;
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 ||
            mount("tmpfs", "/etc", "tmpfs", 0, NULL) < 0) {
                perror("failed to mount on /run and /etc");
                return EXIT_FAILURE;
        }
        return 0;
}

/* A file with everything above it. */
static inline void world_put(const char *root, const char *path, const char *text, mode_t mode)
{
        _cleanup_free_ char *full = NULL, *parent = NULL;

        assert_true(asprintf(&full, "%s%s", root, path) > 0);
        parent = strndup(full, (size_t)(strrchr(full, '/') - full));
        assert_int_equal(mkdir_parents_at(AT_FDCWD, parent, 0755), 0);
        assert_int_equal(write_file_atomic_at(AT_FDCWD, full, text, mode), 0);
}

static inline void world_link(const char *root, const char *target, const char *path)
{
        _cleanup_free_ char *full = NULL, *parent = NULL;

        assert_true(asprintf(&full, "%s%s", root, path) > 0);
        parent = strndup(full, (size_t)(strrchr(full, '/') - full));
        assert_int_equal(mkdir_parents_at(AT_FDCWD, parent, 0755), 0);
        assert_int_equal(symlink(target, full), 0);
}

/* Set-up and tear-down of a test that wants an empty directory: its path is *state. */
static inline int directory_make(void **state)
{
        char *path = strdup("/tmp/stead-test-XXXXXX");

        *state = path ? mkdtemp(path) : NULL;
        return *state && chmod(*state, 0755) == 0 ? 0 : -1;
}

static inline int directory_drop(void **state)
{
        int r = remove_tree_at(AT_FDCWD, *state);

        free(*state);
        return r;
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_drop)
