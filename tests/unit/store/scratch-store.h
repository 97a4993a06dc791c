/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A store and a tree in a directory that goes with the test. Owners can only be ours without root,
 * and so entries are of our own users. */

#include "../unit.h"
#include "base/fd.h"
#include "store/store.h"

#include <fcntl.h>
#include <string.h>

typedef struct ScratchStore {
        char path[64];
        int fd, tree_fd;
        Store store;
} ScratchStore;

static inline int scratch_open(void **state)
{
        static ScratchStore s;
        char path[96];

        s = (ScratchStore){ .path = "/tmp/stead-store-XXXXXX" };
        assert_non_null(mkdtemp(s.path));
        s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_return_code(mkdirat(s.fd, "tree", 0755), errno);
        s.tree_fd = openat(s.fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)snprintf(path, sizeof(path), "%s/store", s.path);
        assert_int_equal(store_open(path, STORE_ADD, &s.store, NULL), 0);
        *state = &s;
        return 0;
}

static inline int scratch_close(void **state)
{
        ScratchStore *s = *state;

        store_close(&s->store);
        closep(&s->tree_fd);
        closep(&s->fd);
        return remove_tree_at(AT_FDCWD, s->path);
}

static inline void scratch_write(int dirfd, const char *path, const char *text, mode_t mode)
{
        int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
        assert_int_equal(fchmod(fd, mode), 0);
        assert_int_equal(close(fd), 0);
}
