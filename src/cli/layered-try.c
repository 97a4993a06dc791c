/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Begin, end and place of a try. */

#include "cli/layered-try.h"

#include "base/fd.h"
#include "base/parse.h"
#include "machine/console-log.h"
#include "os/path.h"
#include "os/remove-tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void layered_try_done(LayeredTry *t)
{
        closep(&t->fd);
        free(t->path);
        generation_done(&t->generation);
        *t = LAYERED_TRY_NULL;
}

static int open_directory(const Layered *l, LayeredTry *t, Error *error)
{
        if (asprintf(&t->path, "%s/%s/try", stack_states(), l->name) < 0) {
                t->path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        t->fd = openat(l->state_fd, "try", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (t->fd < 0 && errno == ENOENT) {
                error_hint(error, "stead try %s -- COMMAND", l->name);
                return error_set(error, ENOENT, "Nothing has been tried on machine '%s'", l->name);
        }
        return t->fd < 0 ? error_errno(error, errno, "Failed to open '%s'", t->path) : 0;
}

/* 0: it has none. */
static int read_number(const LayeredTry *t, unsigned *ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(t->fd, "generation", 64, &text);
        uint32_t number = 0;

        if (n < 0 && n != -ENOENT)
                return error_errno(error, (int)-n, "Failed to read '%s/generation'", t->path);
        if (n >= 0) {
                text[strcspn(text, "\n")] = '\0';
                if (parse_uint32(text, &number) < 0)
                        return error_set(error, EBADMSG, "'%s/generation' is damaged", t->path);
        }
        *ret = number;
        return 0;
}

static int write_number(const LayeredTry *t, unsigned number, Error *error)
{
        char text[16];
        int r;

        (void)snprintf(text, sizeof(text), "%u\n", number);
        r = write_file_synced_at(t->fd, "generation", text, 0600);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s/generation'", t->path) : 0;
}

int layered_try_begin(const Layered *l, LayeredTry *ret, Error *error)
{
        _cleanup_layered_try_ LayeredTry t = LAYERED_TRY_NULL;
        _cleanup_stack_ Stack stack = STACK_NULL;
        unsigned number = 0;
        int r = stack_load(l->state_fd, &stack, error);

        if (r < 0)
                return r;
        if (mkdirat(l->state_fd, "try", 0700) < 0 && errno != EEXIST)
                return error_errno(error, errno, "Failed to make 'try'");
        r = open_directory(l, &t, error);
        if (r >= 0)
                r = read_number(&t, &number, error);
        if (r >= 0 && number == 0)
                r = write_number(&t, number = stack.generation, error);
        if (r >= 0)
                r = generation_load(l->state_fd, number, &t.generation, error);
        if (r < 0)
                return r;
        if (number != stack.generation) {
                error_hint(error, "stead commit %s LAYER -m MESSAGE; or stead discard %s", l->name,
                           l->name);
                return error_set(error, ESTALE,
                                 "What was tried on machine '%s' was on generation %u, and now it "
                                 "has %u",
                                 l->name, number, stack.generation);
        }
        *ret = t;
        t = LAYERED_TRY_NULL;
        return 0;
}

int layered_try_open(const Layered *l, LayeredTry *ret, Error *error)
{
        _cleanup_layered_try_ LayeredTry t = LAYERED_TRY_NULL;
        unsigned number = 0;
        int r = open_directory(l, &t, error);

        if (r >= 0)
                r = read_number(&t, &number, error);
        if (r >= 0)
                r = generation_load(l->state_fd, number, &t.generation, error);
        if (r < 0)
                return r;
        *ret = t;
        t = LAYERED_TRY_NULL;
        return 0;
}

void layered_try_tidy(const LayeredTry *t)
{
        static const char *const mount_points[] = { LAYERED_TRY_POLICY };
        _cleanup_close_ int upper =
                openat(t->fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        for (size_t i = 0; upper >= 0 && i < ELEMENTSOF(mount_points); i++) {
                const char *name;
                _cleanup_close_ int parent = path_open_parent(upper, mount_points[i], &name);
                struct stat st;

                if (parent >= 0 && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
                    S_ISREG(st.st_mode) && st.st_size == 0)
                        (void)unlinkat(parent, name, 0); /* an empty file does nothing there */
        }
        (void)unlinkat(t->fd, "policy-rc.d", 0);
}

int layered_try_lock(const LayeredTry *t, const Layered *l, int *ret_fd, Error *error)
{
        int r = generation_lock_state(t->fd, l->name, false, ret_fd, NULL);

        if (r >= 0)
                return 0;
        error_hint(error, "stead stop %s-try", l->name);
        return error_set(error, EBUSY, "Something is being tried on machine '%s' just now",
                         l->name);
}

int layered_try_remove(const Layered *l, Error *error)
{
        _cleanup_layered_try_ LayeredTry t = LAYERED_TRY_NULL;
        _cleanup_free_ char *machine = NULL;
        _cleanup_close_ int lock_fd = -EBADF;
        int r = open_directory(l, &t, error);

        if (r >= 0)
                r = layered_try_lock(&t, l, &lock_fd, error);
        if (r < 0)
                return r;
        /* out of sight at once: half a try would look like a whole one */
        (void)remove_tree_one_mount(l->state_fd, ".try.gone");
        if (renameat(l->state_fd, "try", l->state_fd, ".try.gone") < 0)
                return error_errno(error, errno, "Failed to remove '%s'", t.path);
        if (asprintf(&machine, "%s-try", l->name) < 0)
                machine = NULL;
        if (machine)
                (void)console_log_remove(machine); /* a record of what is gone */
        r = remove_tree_one_mount(l->state_fd, ".try.gone");
        return r < 0 ? error_errno(error, -r, "Failed to remove all of '%s'", t.path) : 0;
}
