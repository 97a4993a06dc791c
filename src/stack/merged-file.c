/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sorted list of what a merge made. It stays small: a few files for each layer. */

#include "stack/merged-file.h"

#include "base/fd.h"

#include <string.h>

MergedFile *merged_file_free(MergedFile *file)
{
        if (!file)
                return NULL;
        entry_done(&file->entry);
        free(file->content);
        free(file);
        return NULL;
}

void merged_files_done(MergedFiles *files)
{
        for (size_t i = 0; i < files->n; i++)
                (void)merged_file_free(files->list[i]); /* it is always NULL */
        free(files->list);
        *files = MERGED_FILES_NULL;
}

int merged_file_new(const char *path, const Entry *entry, char *content, MergedFile **ret)
{
        _cleanup_(merged_file_freep) MergedFile *file = calloc(1, sizeof(*file));
        char *copy = strdup(path);
        int r;

        if (!file || !copy) {
                free(copy);
                return -ENOMEM;
        }
        r = entry_copy(entry, &file->entry);
        if (r < 0) {
                free(copy);
                return r;
        }
        free(file->entry.path);
        file->entry.path = copy;
        file->entry.opaque = false; /* on top of the stack it would hide all of it */
        file->content = content;
        *ret = TAKE_PTR(file);
        return 0;
}

int merged_file_new_whiteout(const char *path, MergedFile **ret)
{
        return merged_file_new(path, &(Entry){ .kind = ENTRY_WHITEOUT }, NULL, ret);
}

int merged_file_new_symlink(const char *path, const char *target, const Entry *like,
                            MergedFile **ret)
{
        _cleanup_free_ char *copy = strdup(target);
        Entry e = {
                .kind = ENTRY_SYMLINK,
                .mode = 0777,
                .uid = like->uid,
                .gid = like->gid,
                .mtime = like->mtime,
                .target = copy,
        };
        int r = copy ? hash_of(target, strlen(target), &e.content) : -ENOMEM;

        return r < 0 ? r : merged_file_new(path, &e, NULL, ret);
}

/* The place of @path, or where it belongs. */
static size_t place_of(const MergedFiles *files, const char *path, bool *ret_there)
{
        size_t low = 0, high = files->n;

        *ret_there = false;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = entry_path_compare(files->list[middle]->entry.path, path);

                if (order == 0)
                        *ret_there = true;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

MergedFile *merged_files_find(const MergedFiles *files, const char *path)
{
        bool there;
        size_t i = place_of(files, path, &there);

        return there ? files->list[i] : NULL;
}

int merged_files_set_consume(MergedFiles *files, MergedFile *file)
{
        bool there;
        size_t i = place_of(files, file->entry.path, &there);
        MergedFile **grown;

        if (there) {
                (void)merged_file_free(files->list[i]); /* it is always NULL */
                files->list[i] = file;
                return 0;
        }
        grown = reallocarray(files->list, files->n + 1, sizeof(*grown));
        if (!grown) {
                (void)merged_file_free(file); /* it is always NULL */
                return -ENOMEM;
        }
        files->list = grown;
        memmove(grown + i + 1, grown + i, (files->n - i) * sizeof(*grown));
        grown[i] = file;
        files->n++;
        return 0;
}

void merged_files_drop(MergedFiles *files, const char *path)
{
        bool there;
        size_t i = place_of(files, path, &there);

        if (!there)
                return;
        (void)merged_file_free(files->list[i]); /* it is always NULL */
        files->n--;
        memmove(files->list + i, files->list + i + 1, (files->n - i) * sizeof(*files->list));
}

int merged_file_hash(MergedFile *file)
{
        if (!file->content)
                return 0;
        return hash_of(file->content, file->entry.size, &file->entry.content);
}

static int stage_one(const MergedFile *file, Store *store, Error *error)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (file->entry.kind == ENTRY_SYMLINK)
                return store_stage_object(store, -EBADF, &file->entry, true, error);
        r = store_new_object(store, &fd, error);
        if (r < 0)
                return r;
        r = write_all(fd, file->content, file->entry.size);
        if (r < 0)
                return error_errno(error, -r, "Failed to write '%s' into the store",
                                   file->entry.path);
        return store_stage_object(store, fd, &file->entry, true, error);
}

int merged_files_stage(const MergedFiles *files, Store *store, Error *error)
{
        for (size_t i = 0; i < files->n; i++) {
                const MergedFile *file = files->list[i];
                Hash id;
                int r;

                if (file->reveal || !entry_is_object(&file->entry))
                        continue;
                if (entry_object_id(store->hasher, &file->entry, &id) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                if (store_has_object(store, &id))
                        continue;
                if (file->entry.kind == ENTRY_FILE && !file->content)
                        return error_set(error, ENOENT, "The store lost the content of '%s'",
                                         file->entry.path);
                r = stage_one(file, store, error);
                if (r < 0)
                        return r;
        }
        return 0;
}
