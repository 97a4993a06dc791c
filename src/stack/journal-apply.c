/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Doing what a journal says, for the first time or again. */

#include "stack/journal.h"

#include "base/parse.h"
#include "os/remove-tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool exists(int fd, const char *path)
{
        return faccessat(fd, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

static int apply_edit(int data_fd, int upper_fd, const Journal *j, size_t i)
{
        const JournalEdit *edit = &j->edits[i];
        SavedPath saved = journal_saved_path(j->generation, i);
        const char *name;
        _cleanup_close_ int parent = -EBADF;

        if (edit->source && !exists(data_fd, edit->source))
                return 0; /* it is in its place already */
        parent = journal_open_parent(upper_fd, edit->path, &name);
        if (parent < 0)
                return parent;
        /* what is not there now never was, or has gone already */
        if (renameat(parent, name, data_fd, saved.path) < 0 && errno != ENOENT)
                return -errno;
        if (edit->source && renameat(data_fd, edit->source, parent, name) < 0)
                return -errno;
        return 0;
}

/* In all but the edits a directory is as it was. */
static void restore_time(int upper_fd, const JournalTime *t)
{
        _cleanup_free_ char *below = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, t->time };
        const char *name;

        if (asprintf(&below, "%s/.", t->path) < 0) {
                below = NULL;
                return;
        }
        fd = journal_open_parent(upper_fd, below, &name);
        if (fd >= 0)
                (void)utimensat(fd, "", times, AT_EMPTY_PATH); /* not worth failing for */
}

static void note_what_is(int upper_fd, JournalEdit *edit)
{
        const char *name;
        _cleanup_close_ int parent = journal_open_parent(upper_fd, edit->path, &name);
        struct stat st;

        edit->inode = 0;
        if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        edit->inode = st.st_ino;
        edit->change = st.st_ctim;
}

static int apply_edits(const SwitchPlace *place, Journal *j, Error *error)
{
        _cleanup_close_ int upper_fd =
                openat(place->data_fd, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int r;

        if (upper_fd < 0)
                return error_errno(error, errno, "Failed to open 'upper'");
        for (size_t i = 0; i < j->n_edits; i++) {
                r = apply_edit(place->data_fd, upper_fd, j, i);
                if (r < 0)
                        return error_errno(error, -r, "Failed to change '%s' of machine '%s'",
                                           j->edits[i].path, place->machine);
        }
        for (size_t i = 0; i < j->n_times; i++)
                restore_time(upper_fd, &j->times[i]);
        for (size_t i = 0; i < j->n_edits; i++)
                note_what_is(upper_fd, &j->edits[i]);
        return 0;
}

static int save_record(const SwitchPlace *place, const Journal *j, Error *error)
{
        char path[32];

        (void)snprintf(path, sizeof(path), "saved/%u", j->generation);
        generation_sweep(place->data_fd, path, "record");
        (void)snprintf(path, sizeof(path), "saved/%u/record", j->generation);
        return journal_save(place->data_fd, path, j, error);
}

int journal_apply(const SwitchPlace *place, Journal *j, Error *error)
{
        Stack stack = { .generation = j->generation, .lowers = j->lowers, .n_lowers = j->n_lowers };
        int r = j->n_edits > 0 ? apply_edits(place, j, error) : 0;

        if (r >= 0)
                r = save_record(place, j, error);
        /* before `stack` says so, also where that is on another file system */
        if (r >= 0 && syncfs(place->data_fd) < 0)
                r = error_errno(error, errno, "Failed to write the state to disk");
        if (r >= 0)
                r = stack_save(place->state_fd, &stack, error);
        if (r < 0)
                return r;
        journal_finish(place, j);
        return 0;
}

static void remove_saved(int data_fd, unsigned generation)
{
        char path[32];

        (void)snprintf(path, sizeof(path), "saved/%u", generation);
        (void)remove_tree_one_mount(data_fd, path);
}

/* What generations saved that are no more. */
static void remove_forgotten(const SwitchPlace *place)
{
        int fd = openat(place->data_fd, "saved", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        for (struct dirent *e; d && (e = readdir(d));) {
                uint32_t number;
                char path[32];

                if (parse_uint32(e->d_name, &number) < 0)
                        continue;
                (void)snprintf(path, sizeof(path), "generations/%u", number);
                if (!exists(place->state_fd, path))
                        remove_saved(place->data_fd, number);
        }
}

void journal_finish(const SwitchPlace *place, const Journal *j)
{
        /* first of all, since what has been put back must not be taken for what was never there */
        for (size_t i = 0; i < j->n_undone; i++)
                remove_saved(place->data_fd, j->undone[i]);
        journal_clean(place);
        (void)unlinkat(place->data_fd, "journal", 0); /* or the next one sees that it is done */
}

void journal_clean(const SwitchPlace *place)
{
        (void)remove_tree_one_mount(place->data_fd, "switch");
        generation_sweep(place->data_fd, ".", "journal");
        generation_sweep(place->state_fd, ".", "stack");
        remove_forgotten(place);
}
