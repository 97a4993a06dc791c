/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that a merge makes: entries with their contents, until these are objects of the store. */

#include "store/store.h"

typedef struct MergedFile {
        Entry entry;   /* also a whiteout */
        char *content; /* of a file, entry.size bytes; NULL: it is an object of the store already */
        bool reveal;   /* of a state: nothing is to be there, so that what is below shows */
} MergedFile;

typedef struct MergedFiles {
        MergedFile **list; /* in the order of manifests */
        size_t n;
} MergedFiles;

#define MERGED_FILES_NULL ((MergedFiles){})
#define _cleanup_merged_files_ _cleanup_(merged_files_done)
void merged_files_done(MergedFiles *files);

MergedFile *merged_file_free(MergedFile *file);
DEFINE_CLEANUP(MergedFile, merged_file_free)

/* @entry is copied, with @path for its own; @content is taken on success. */
int merged_file_new(const char *path, const Entry *entry, char *content, MergedFile **ret);
int merged_file_new_whiteout(const char *path, MergedFile **ret);
/* Owner and time are those of @like. */
int merged_file_new_symlink(const char *path, const char *target, const Entry *like,
                            MergedFile **ret);

MergedFile *merged_files_find(const MergedFiles *files, const char *path);
/* In place of the one with its path. Taken, always. */
int merged_files_set_consume(MergedFiles *files, MergedFile *file);
/* Missing is fine. */
void merged_files_drop(MergedFiles *files, const char *path);

/* Fills in size and hash of a content. */
int merged_file_hash(MergedFile *file);
/* Puts contents into the stage. */
int merged_files_stage(const MergedFiles *files, Store *store, Error *error);
