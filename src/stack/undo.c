/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the way back, and going it. */

#include "stack/undo.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void undo_done(Undo *u)
{
        for (size_t i = 0; i < u->n_items; i++) {
                free(u->items[i].path);
                free(u->items[i].source);
        }
        for (size_t i = 0; i < u->n_lowers; i++)
                stack_layer_done(&u->lowers[i]);
        free(u->records);
        free(u->items);
        free(u->lowers);
        *u = UNDO_NULL;
}

static UndoItem *find_item(Undo *u, const char *path)
{
        for (size_t i = 0; i < u->n_items; i++)
                if (strcmp(u->items[i].path, path) == 0)
                        return &u->items[i];
        return NULL;
}

static UndoItem *new_item(Undo *u, const JournalEdit *edit)
{
        UndoItem *grown = reallocarray(u->items, u->n_items + 1, sizeof(*grown));
        char *path = strdup(edit->path);

        if (grown)
                u->items = grown;
        if (!grown || !path) {
                free(path);
                return NULL;
        }
        grown[u->n_items] = (UndoItem){
                .path = path,
                .inode = edit->inode,
                .change = edit->change,
        };
        return &grown[u->n_items++];
}

/* The older a switch, the nearer to the goal is what it saved; the newest one knows what is there
 * now. */
static int add_record(Undo *u, int data_fd, const Journal *record)
{
        unsigned *grown = reallocarray(u->records, u->n_records + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        u->records = grown;
        grown[u->n_records++] = record->generation;
        for (size_t i = record->n_edits; i-- > 0;) {
                const JournalEdit *edit = &record->edits[i];
                SavedPath saved = journal_saved_path(record->generation, i);
                UndoItem *item = find_item(u, edit->path) ?: new_item(u, edit);

                if (!item)
                        return -ENOMEM;
                free(item->source);
                item->source = NULL;
                item->decided = true;
                if (faccessat(data_fd, saved.path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                item->source = strdup(saved.path);
                if (!item->source)
                        return -ENOMEM;
        }
        return 0;
}

/* A switch that only went back and is not to be undone itself: all that it tells is what it left.
 */
static int pass_record(Undo *u, const Journal *record)
{
        for (size_t i = 0; i < record->n_edits; i++)
                if (!find_item(u, record->edits[i].path) && !new_item(u, &record->edits[i]))
                        return -ENOMEM;
        return 0;
}

static bool is_wanted(int state_fd, unsigned number, const Generation *wanted)
{
        _cleanup_generation_ Generation g = GENERATION_NULL;

        return generation_load(state_fd, number, &g, NULL) >= 0 && generation_is_same(&g, wanted);
}

static void take_goal(Undo *u, Journal *record)
{
        u->lowers = TAKE_PTR(record->old);
        u->n_lowers = record->n_old;
        record->n_old = 0;
        u->generation = record->from;
}

/* One step of the way: 1 if it ends at the goal, 0 if it goes on at *number, which is 0 where it is
 * lost. */
static int go_back(const SwitchPlace *place, const Generation *wanted, Undo *u, unsigned *number)
{
        _cleanup_journal_ Journal record = JOURNAL_NULL;
        unsigned here = *number;
        char path[32];
        bool at_goal;
        int r;

        *number = 0; /* too old, or the first one: what is there has to be merged */
        (void)snprintf(path, sizeof(path), "saved/%u/record", here);
        if (journal_load(place->data_fd, path, &record, NULL) < 0 || record.from == 0)
                return 0;
        if (u->since.tv_sec == 0)
                u->since = record.written;
        at_goal = is_wanted(place->state_fd, record.from, wanted);
        if (record.restores && !at_goal) {
                if (record.restores < here)
                        *number = record.restores; /* it is that one again */
                return pass_record(u, &record);
        }
        r = add_record(u, place->data_fd, &record);
        if (r < 0)
                return r;
        *number = record.from;
        if (at_goal)
                take_goal(u, &record);
        return at_goal;
}

int undo_find(const SwitchPlace *place, unsigned in_force, const Generation *wanted, Undo *ret,
              Error *error)
{
        _cleanup_undo_ Undo u = UNDO_NULL;
        unsigned number = in_force;
        int r = 0;

        while (r == 0 && number > 0)
                r = go_back(place, wanted, &u, &number);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        if (r > 0) {
                *ret = u;
                u = UNDO_NULL;
        }
        return 0;
}

static int find_now(int upper_fd, const char *path, struct stat *ret)
{
        const char *name;
        _cleanup_close_ int parent = journal_open_parent(upper_fd, path, &name);

        if (parent < 0)
                return parent;
        return fstatat(parent, name, ret, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static bool is_untouched(const UndoItem *item, int upper_fd)
{
        struct stat st;
        int r = find_now(upper_fd, item->path, &st);

        if (item->inode == 0)
                return r == -ENOENT;
        return r >= 0 && st.st_ino == item->inode && st.st_ctim.tv_sec == item->change.tv_sec &&
               st.st_ctim.tv_nsec == item->change.tv_nsec;
}

int undo_add_edits(Undo *u, int data_fd, int upper_fd, Journal *j)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < u->n_items; i++) {
                UndoItem *item = &u->items[i];
                const char *name;
                _cleanup_close_ int parent = journal_open_parent(upper_fd, item->path, &name);

                if (!item->decided || parent < 0 || !is_untouched(item, upper_fd))
                        continue;
                r = journal_add_edit(j, item->path, item->source);
                item->restored = true;
        }
        for (size_t i = 0; r >= 0 && i < u->n_records; i++)
                r = journal_add_undone(j, u->records[i]);
        j->restores = u->generation;
        return r;
}

bool undo_covers(const Undo *u, int upper_fd, const char *path)
{
        struct stat st;

        if (u->generation == 0)
                return false;
        for (size_t i = 0; i < u->n_items; i++)
                if (u->items[i].restored && strcmp(u->items[i].path, path) == 0)
                        return true;
        if (find_now(upper_fd, path, &st) < 0)
                return true; /* nothing hides anything there */
        return st.st_ctim.tv_sec < u->since.tv_sec ||
               (st.st_ctim.tv_sec == u->since.tv_sec && st.st_ctim.tv_nsec <= u->since.tv_nsec);
}
