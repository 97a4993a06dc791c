/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts: refs, commits and manifests. What they ask for is gathered, for the other parts to
 * compare with what is there. */

#include "store/fsck-parts.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

void fsck_report(Fsck *f, bool repaired, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        f->n_left += !repaired;
        f->function(text ?: "A defect, and no memory to name it", repaired, f->userdata);
}

static int no_memory(Fsck *f)
{
        return error_set(f->error, ENOMEM, "Out of memory");
}

bool fsck_is_passing(int r)
{
        static const int errors[] = { ENOMEM, EMFILE, ENFILE, EINTR, EAGAIN, EACCES, EPERM };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (r == -errors[i])
                        return true;
        return false;
}

const char *fsck_layer(const FsckTree *tree)
{
        return tree && tree->layer ? tree->layer : "a version without a name";
}

bool fsck_set_aside(Fsck *f, int dirfd, const char *name, const char *kind, const char *id)
{
        _cleanup_free_ char *to = NULL;

        if (!f->repair || asprintf(&to, "damaged/%s-%s", kind, id) < 0)
                return false;
        for (char *s = to + sizeof("damaged/") - 1; *s; s++)
                if (*s == '/')
                        *s = ',';
        if (mkdirat(f->store->fd, "damaged", 0700) < 0 && errno != EEXIST)
                return false;
        (void)remove_tree_at(f->store->fd, to); /* an earlier one of the same name */
        return renameat(dirfd, name, f->store->fd, to) >= 0;
}

/* --- what the trees ask for --- */

static FsckTree *tree_of(Fsck *f, const Hash *id)
{
        FsckTree *tree = hash_map_get(&f->trees, id);

        if (tree)
                return tree;
        tree = calloc(1, sizeof(*tree));
        if (!tree || hash_map_put(&f->trees, id, tree) < 0) {
                free(tree);
                return NULL;
        }
        return tree;
}

static int ask_for_object(Fsck *f, FsckTree *tree, Entry *e)
{
        FsckObject *object;
        Hash id;

        if (entry_object_id(f->store->hasher, e, &id) < 0)
                return -ENOMEM;
        if (hash_map_get(&f->objects, &id))
                return 0;
        object = calloc(1, sizeof(*object));
        if (!object)
                return -ENOMEM;
        *object = (FsckObject){ .entry = *e, .tree = tree };
        if (hash_map_put(&f->objects, &id, object) < 0) {
                free(object);
                return -ENOMEM;
        }
        *e = ENTRY_NULL; /* the map has it now */
        return 0;
}

static int check_tree(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        _cleanup_manifest_ Manifest m = MANIFEST_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        Fsck *f = userdata;
        FsckTree *tree;
        Hash id;
        int r = hash_parse(name, &id);

        if (r < 0) {
                fsck_report(f, fsck_set_aside(f, dirfd, name, "trees", name),
                            "'trees/%s' is no manifest", name);
                return 0;
        }
        tree = tree_of(f, &id);
        if (!tree)
                return no_memory(f);
        r = store_load_tree(f->store, &id, &m, &problem);
        if (fsck_is_passing(r))
                return error_move(f->error, &problem);
        if (r < 0) {
                fsck_report(f, fsck_set_aside(f, dirfd, name, "trees", name),
                            "The manifest %.12s of %s is damaged: %s", name, fsck_layer(tree),
                            problem.message);
                return 0;
        }
        tree->is_good = true;
        for (size_t i = 0; i < m.n; i++)
                if (entry_is_object(&m.entries[i]) && ask_for_object(f, tree, &m.entries[i]) < 0)
                        return no_memory(f);
        return progress_step(f->progress, 0, 1);
}

/* --- commits and refs --- */

static int check_commit(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        _cleanup_commit_ Commit c = COMMIT_NULL;
        _cleanup_error_ Error problem = ERROR_NULL;
        Fsck *f = userdata;
        Hash id;
        int r = hash_parse(name, &id);

        if (r >= 0)
                r = store_load_commit(f->store, &id, &c, &problem);
        if (fsck_is_passing(r))
                return error_move(f->error, &problem);
        if (r < 0)
                fsck_report(f, fsck_set_aside(f, dirfd, name, "commits", name),
                            "The version 'commits/%s' is damaged: %s", name,
                            problem.message ?: "that is no name of one");
        return 0;
}

/* Gives the trees of a history its name. */
static int name_trees(Fsck *f, const Ref *ref)
{
        _cleanup_hash_map_ HashMap seen = HASH_MAP_NULL;
        Hash at = ref->commit;

        while (!hash_is_null(&at)) {
                _cleanup_commit_ Commit c = COMMIT_NULL;
                FsckTree *tree;
                int r = hash_map_put(&seen, &at, HASH_MAP_MEMBER);

                if (r < 0)
                        return no_memory(f);
                if (r == 0 || store_load_commit(f->store, &at, &c, NULL) < 0)
                        break;
                tree = tree_of(f, &c.tree);
                if (!tree || (!tree->layer && !(tree->layer = strdup(ref->name))))
                        return no_memory(f);
                at = c.parent;
        }
        return 0;
}

static int add_head(Fsck *f, Ref *ref)
{
        Ref *grown = reallocarray(f->heads, f->n_heads + 1, sizeof(*grown));

        if (!grown)
                return no_memory(f);
        f->heads = grown;
        grown[f->n_heads++] = *ref;
        *ref = REF_NULL;
        return 0;
}

/* What a name means now must be there, also after what is damaged was set aside; earlier versions
 * may have been collected. */
static void check_head(Fsck *f, const Ref *ref)
{
        _cleanup_commit_ Commit c = COMMIT_NULL;
        char text[HASH_TEXT_SIZE];
        int r;

        if (!store_has_commit(f->store, &ref->commit)) {
                fsck_report(f, false, "The version %.12s of '%s' is missing",
                            hash_to_string(&ref->commit, text), ref->name);
                return;
        }
        r = store_load_commit(f->store, &ref->commit, &c, NULL);
        if (r >= 0 && !store_has_tree(f->store, &c.tree))
                fsck_report(f, false, "The manifest %.12s of '%s' is missing",
                            hash_to_string(&c.tree, text), ref->name);
}

typedef struct RefWalk {
        Fsck *f;
        const char *prefix; /* "" or "debian/12/" */
} RefWalk;

static int check_ref(int dirfd, const char *name, unsigned char d_type, void *userdata);

static int check_ref_file(const RefWalk *w, int dirfd, const char *file, char *name)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        _cleanup_ref_ Ref ref = REF_NULL;
        size_t length = strlen(name), suffix = sizeof(REF_SUFFIX) - 1;
        int r = -EINVAL;

        if (length > suffix && strcmp(name + length - suffix, REF_SUFFIX) == 0) {
                name[length - suffix] = 0;
                r = store_load_ref(w->f->store, name, &ref, &problem);
        }
        if (fsck_is_passing(r))
                return error_move(w->f->error, &problem);
        if (r < 0) {
                fsck_report(w->f, fsck_set_aside(w->f, dirfd, file, "refs", name),
                            "The name '%s' is damaged: %s", name,
                            problem.message ?: "'refs' holds a file that is no ref");
                return 0;
        }
        r = name_trees(w->f, &ref);
        return r < 0 ? r : add_head(w->f, &ref);
}

static int check_ref(int dirfd, const char *file, unsigned char d_type, void *userdata)
{
        const RefWalk *w = userdata;
        _cleanup_free_ char *name = NULL, *prefix = NULL;
        struct stat st;

        if (fstatat(dirfd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (asprintf(&name, "%s%s", w->prefix, file) < 0 || asprintf(&prefix, "%s/", name) < 0)
                return no_memory(w->f);
        if (S_ISDIR(st.st_mode))
                return names_in(dirfd, file, false, check_ref, &(RefWalk){ w->f, prefix });
        return check_ref_file(w, dirfd, file, name);
}

static int check_texts(Fsck *f)
{
        const char *where = "refs";
        int r;

        progress_begin(f->progress, "Reading", 0, 0);
        r = names_in(f->store->fd, where, false, check_ref, &(RefWalk){ f, "" });
        if (r >= 0)
                r = names_in(f->store->fd, where = "commits", false, check_commit, f);
        if (r >= 0)
                r = names_in(f->store->fd, where = "trees", false, check_tree, f);
        if (r < 0)
                return error_errno(f->error, -r, "Failed to read '%s/%s'", f->store->path, where);
        for (size_t i = 0; i < f->n_heads; i++)
                check_head(f, &f->heads[i]);
        return 0;
}

static void fsck_done(Fsck *f)
{
        HashMapSlot *slot;

        ref_list_free(f->heads, f->n_heads);
        for (size_t at = 0; (slot = hash_map_next(&f->objects, &at));) {
                FsckObject *object = slot->value;

                entry_done(&object->entry);
                free(object);
        }
        for (size_t at = 0; (slot = hash_map_next(&f->trees, &at));) {
                FsckTree *tree = slot->value;

                free(tree->layer);
                free(tree);
        }
        hash_map_done(&f->objects);
        hash_map_done(&f->trees);
}

int fsck_run(Store *store, bool repair, Progress *progress, FsckFunction function, void *userdata,
             Error *error)
{
        Fsck f = { .store = store,
                   .repair = repair,
                   .progress = progress,
                   .function = function,
                   .userdata = userdata,
                   .error = error };
        int r;

        if (store->fd < 0) /* there is no store */
                return 0;
        r = check_texts(&f);
        if (r >= 0)
                r = fsck_objects(&f);
        if (r >= 0)
                r = fsck_checkouts(&f);
        fsck_done(&f);
        return r < 0 ? r : (int)MIN_OF(f.n_left, (size_t)INT32_MAX);
}
