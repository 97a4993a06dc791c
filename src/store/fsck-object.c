/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every object is read and hashed, by as many threads as there are processors. They look only;
 * what they find is told, and mended, by the one who started them. */

#include "store/fsck-parts.h"

#include "base/fd.h"
#include "store/inode.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define THREADS_MAX 8
#define BLOCK ((size_t)256 * 1024)
/* More lines than that about one tree help nobody. */
#define MISSING_MAX 20

/* An object that is not what its name says. */
typedef struct Finding {
        unsigned first;
        char *name;
        Hash id;      /* null: the name is none of an object */
        Entry actual; /* with the hash of what is in it */
        int error;    /* it cannot be read: errno */
} Finding;

typedef struct Scan {
        Fsck *fsck;
        atomic_uint next; /* the directory to take */
        atomic_bool stop;
        atomic_ullong bytes, objects;
} Scan;

/* A thread. */
typedef struct Worker {
        Scan *scan;
        pthread_t thread;
        bool is_caller; /* shows the progress of all */
        unsigned first; /* the directory that it is in */
        Hasher *hasher;
        char *block;
        Finding *findings;
        size_t n;
        int result;
} Worker;

static void finding_done(Finding *x)
{
        free(x->name);
        entry_done(&x->actual);
}

static int hash_content(Worker *w, int dirfd, const char *name, Entry *e)
{
        _cleanup_close_ int fd =
                openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        uint64_t size = 0;
        ssize_t n;

        if (fd < 0)
                return -errno;
        while ((n = read(fd, w->block, BLOCK)) > 0) {
                hasher_add(w->hasher, w->block, (size_t)n);
                size += (uint64_t)n;
        }
        hasher_end(w->hasher, &e->content); /* also after an error: the next one begins anew */
        e->size = size;
        return n < 0 ? -errno : 0;
}

static int add_finding(Worker *w, const char *name, const Hash *id, Entry *actual, int error)
{
        Finding *grown = reallocarray(w->findings, w->n + 1, sizeof(Finding));
        Finding new = { .first = w->first, .name = strdup(name), .error = error };

        if (grown)
                w->findings = grown;
        if (!grown || !new.name) {
                free(new.name);
                return -ENOMEM;
        }
        if (id)
                new.id = *id;
        if (actual) {
                new.actual = *actual;
                *actual = ENTRY_NULL;
        }
        grown[w->n++] = new;
        return 0;
}

/* What all of them have done. */
static int show(Scan *scan)
{
        Progress *p = scan->fsck->progress;

        if (!p)
                return 0;
        p->done_bytes = atomic_load(&scan->bytes);
        p->done_objects = atomic_load(&scan->objects);
        return progress_step(p, 0, 0);
}

static int step(Worker *w, uint64_t bytes)
{
        (void)atomic_fetch_add(&w->scan->bytes, bytes);
        (void)atomic_fetch_add(&w->scan->objects, 1);
        if (atomic_load(&w->scan->stop))
                return -ECANCELED;
        return w->is_caller ? show(w->scan) : 0;
}

static int look_at(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        _cleanup_(entry_done) Entry e = ENTRY_NULL;
        Worker *w = userdata;
        FsckObject *asked;
        Hash id, actual;
        int r;

        if (object_id_of(w->first, name, &id) < 0)
                return add_finding(w, name, NULL, NULL, 0);
        asked = hash_map_get(&w->scan->fsck->objects, &id);
        r = inode_read(dirfd, name, &e);
        if (r >= 0 && e.kind == ENTRY_FILE)
                r = hash_content(w, dirfd, name, &e);
        if (r == -ENOENT) /* collected meanwhile */
                return 0;
        if (asked) /* no other thread comes to this name */
                asked->is_there = true;
        if (r < 0)
                return fsck_is_passing(r) ? r : add_finding(w, name, &id, NULL, -r);
        r = entry_object_id(w->hasher, &e, &actual);
        if (r < 0)
                return r;
        if (!entry_is_object(&e) || !hash_equal(&id, &actual))
                return add_finding(w, name, &id, &e, 0);
        return step(w, e.size);
}

static void *work(void *userdata)
{
        Worker *w = userdata;
        unsigned i;

        w->hasher = hasher_new();
        w->block = malloc(BLOCK);
        w->result = w->hasher && w->block ? 0 : -ENOMEM;
        while (w->result >= 0 && (i = atomic_fetch_add(&w->scan->next, 1)) < OBJECT_DIRECTORIES) {
                w->first = i;
                w->result = names_in(w->scan->fsck->store->fd, object_directory(i).path, false,
                                     look_at, w);
        }
        if (w->result < 0)
                atomic_store(&w->scan->stop, true);
        hasher_free(w->hasher);
        free(w->block);
        return NULL;
}

/* --- what was found --- */

static void describe(const Entry *is, const Entry *should, char *text, size_t size)
{
        if (is->kind != should->kind)
                (void)snprintf(text, size, "it is another kind of file");
        else if (is->size != should->size)
                (void)snprintf(text, size, "it has %" PRIu64 " bytes, not %" PRIu64, is->size,
                               should->size);
        else if (!hash_equal(&is->content, &should->content))
                (void)snprintf(text, size, "its content has changed");
        else if (is->mode != should->mode)
                (void)snprintf(text, size, "its mode is %04o, not %04o", is->mode, should->mode);
        else if (is->uid != should->uid || is->gid != should->gid)
                (void)snprintf(text, size, "its owner is %u:%u, not %u:%u", is->uid, is->gid,
                               should->uid, should->gid);
        else if (is->mtime != should->mtime)
                (void)snprintf(text, size, "its time has changed");
        else
                (void)snprintf(text, size, "its extended attributes have changed");
}

/* Attributes can be put back, on the very inode that checkouts have. Whether that was done. */
static bool mend(Fsck *f, const Finding *x, const Entry *should)
{
        _cleanup_(entry_done) Entry now = ENTRY_NULL;
        _cleanup_close_ int dirfd = openat(f->store->fd, object_directory(x->first).path,
                                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        char path[PATH_MAX];
        Hash id;

        if (!f->repair || dirfd < 0 || x->actual.kind != should->kind ||
            x->actual.size != should->size || !hash_equal(&x->actual.content, &should->content))
                return false;
        (void)snprintf(path, sizeof(path), "%s/%s", fd_path(dirfd).path, x->name);
        if (inode_drop_attributes(path, &x->actual) < 0 || inode_set_attributes(path, should) < 0 ||
            inode_read(dirfd, x->name, &now) < 0)
                return false;
        now.content = x->actual.content;
        return entry_object_id(f->store->hasher, &now, &id) >= 0 && hash_equal(&id, &x->id);
}

static bool set_object_aside(Fsck *f, const Finding *x)
{
        _cleanup_close_ int dirfd = openat(f->store->fd, object_directory(x->first).path,
                                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        char id[PATH_MAX];

        (void)snprintf(id, sizeof(id), "%02x%s", x->first, x->name);
        return dirfd >= 0 && fsck_set_aside(f, dirfd, x->name, "objects", id);
}

static void tell(Fsck *f, const Finding *x)
{
        FsckObject *asked = hash_is_null(&x->id) ? NULL : hash_map_get(&f->objects, &x->id);
        char what[160];
        bool repaired;

        if (hash_is_null(&x->id)) {
                fsck_report(f, set_object_aside(f, x), "'%s/%s' is no object",
                            object_directory(x->first).path, x->name);
                return;
        }
        if (asked && mend(f, x, &asked->entry)) {
                describe(&x->actual, &asked->entry, what, sizeof(what));
                fsck_report(f, true, "The object %02x%.10s, '%s' of %s, is damaged: %s", x->first,
                            x->name, asked->entry.path, fsck_layer(asked->tree), what);
                return;
        }
        repaired = set_object_aside(f, x);
        if (x->error)
                (void)snprintf(what, sizeof(what), "%s", strerrordesc_np(x->error));
        else if (asked)
                describe(&x->actual, &asked->entry, what, sizeof(what));
        if (!asked) {
                fsck_report(f, repaired, "The object %02x%.10s, which nothing needs, is damaged",
                            x->first, x->name);
                return;
        }
        asked->is_damaged = true;
        if (repaired)
                asked->is_there = false;
        fsck_report(f, repaired, "The object %02x%.10s, '%s' of %s, is damaged: %s", x->first,
                    x->name, asked->entry.path, fsck_layer(asked->tree), what);
}

static void tell_missing(Fsck *f)
{
        HashMapSlot *slot;

        for (size_t at = 0; (slot = hash_map_next(&f->objects, &at));) {
                const FsckObject *object = slot->value;
                char text[HASH_TEXT_SIZE];

                if (object->is_there)
                        continue;
                /* staged ones are of no use until they are published */
                if (object->tree->n_missing++ < MISSING_MAX)
                        fsck_report(f, false, "The object %.12s, '%s' of %s, is missing",
                                    hash_to_string(&slot->key, text), object->entry.path,
                                    fsck_layer(object->tree));
        }
        for (size_t at = 0; (slot = hash_map_next(&f->trees, &at));) {
                const FsckTree *tree = slot->value;

                if (tree->n_missing > MISSING_MAX)
                        fsck_report(f, false, "%zu more objects of %s are missing",
                                    tree->n_missing - MISSING_MAX, fsck_layer(tree));
        }
}

static uint64_t bytes_asked(const Fsck *f)
{
        uint64_t bytes = 0;
        HashMapSlot *slot;

        for (size_t at = 0; (slot = hash_map_next(&f->objects, &at));)
                bytes += ((const FsckObject *)slot->value)->entry.size;
        return bytes;
}

int fsck_objects(Fsck *f)
{
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        size_t n = (size_t)MIN_OF(MAX_OF(processors, 1L), (long)THREADS_MAX), started = 1;
        Scan scan = { .fsck = f };
        Worker workers[THREADS_MAX] = {};
        int r;

        progress_begin(f->progress, "Checking", bytes_asked(f), f->objects.n);
        for (size_t i = 0; i < n; i++)
                workers[i] = (Worker){ .scan = &scan, .is_caller = i == 0 };
        while (started < n &&
               pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
                started++;
        (void)work(&workers[0]);
        for (size_t i = 1; i < started; i++)
                (void)pthread_join(workers[i].thread, NULL); /* ours, and joined once */
        r = show(&scan); /* the caller may have had nothing to do */
        for (size_t i = 0; i < started; i++) {
                Worker *w = &workers[i];

                if (w->result < 0 && (r == 0 || r == -ECANCELED))
                        r = w->result;
                for (size_t k = 0; k < w->n; k++) {
                        tell(f, &w->findings[k]);
                        finding_done(&w->findings[k]);
                }
                free(w->findings);
        }
        if (r < 0)
                return error_errno(f->error, -r, "Failed to read '%s/objects'", f->store->path);
        tell_missing(f);
        return 0;
}
