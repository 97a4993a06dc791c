/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What pull_ref() is made of. */

#include "store/content-map.h"
#include "store/pull.h"
#include "store/site.h"

typedef struct PullVersion {
        Hash hash;
        Commit commit;
} PullVersion;

typedef struct PullJob {
        Store *store;
        Transfer *transfer;
        const Remote *remote;
        const PullOptions *options;
        const char *name;
        Ref local, there;      /* local.name NULL: it is not here */
        PullVersion *versions; /* of the remote, the newest first, as far as asked for */
        size_t n_versions;
        Hash tree;
        Manifest manifest;
        ContentList contents;
        bool *have; /* for each content: all objects with it are in the store or staged */
        uint64_t n_missing, missing_bytes;
        bool has_old;          /* some version before it is here: */
        bool old_is_published; /* and is one of @versions, so that there may be a delta */
        Hash old_tree;
        Manifest old_manifest;
        ContentList old_contents;
        PullResult result;
} PullJob;

void pull_note(const PullJob *job, const char *format, ...) _printf_(2, 3);
/* "URL/PATH", for messages. The caller frees it; NULL on out of memory. */
char *pull_url(const PullJob *job, const char *path);
/* A content of job->contents is in the stage now. */
void pull_got(PullJob *job, const Content *content);

/* pull-ref.c: job->there, checked. */
int pull_get_ref(PullJob *job, Error *error);
/* pull-history.c: job->versions, until the local one, if there is one. Returns whether the local
 * version is among them. */
int pull_get_history(PullJob *job, Error *error);
/* pull-tree.c: job->old_* if there is one here; job->manifest and job->contents. */
int pull_find_old(PullJob *job, Error *error);
int pull_get_tree(PullJob *job, Error *error);
/* pull-contents.c: all objects of job->manifest into the stage. */
int pull_get_contents(PullJob *job, Error *error);
/* What another pull has brought meanwhile is not missing any more. */
int pull_look_again(PullJob *job, Error *error);
/* pull-delta.c, pull-pack.c, pull-single.c: ways to get what is missing. What cannot be used is no
 * error but left out, with a note. The last one gets all that is left, or fails. */
int pull_by_delta(PullJob *job, Error *error);
int pull_by_packs(PullJob *job, Error *error);
int pull_by_singles(PullJob *job, Error *error);

/* A content on its way into the stage. */
typedef struct ContentWriter {
        PullJob *job;
        const Content *content;
        Hasher *hasher;
        int fd;
        uint64_t size;
        Error *error; /* of what write() and the like say; borrowed */
} ContentWriter;

#define CONTENT_WRITER_NULL ((ContentWriter){ .fd = -EBADF })
#define _cleanup_content_writer_ _cleanup_(content_writer_done)
void content_writer_done(ContentWriter *w);
/* May be called again for the next one. */
int content_writer_begin(ContentWriter *w, PullJob *job, const Content *content, Error *error);
/* A CompressSink. -EFBIG: more than the manifest says. */
int content_writer_add(const void *data, size_t size, void *userdata);
/* Stages all objects with it. -EBADMSG, with no error set: it is not the content. */
int content_writer_end(ContentWriter *w);

/* pull-file.c: a file with many of the contents. */
typedef struct PulledFile {
        const char *path, *what; /* below the site; for messages */
        uint64_t size_max;
        /* -EBADMSG, with @error set, if it is not what it should be: then it is left out */
        int (*use)(PullJob *job, int fd, const void *userdata, Error *error);
        const void *userdata;
} PulledFile;

/* Nothing if it is not there. What was got when we are stopped is continued the next time. */
int pull_by_file(PullJob *job, const PulledFile *file, Error *error);
