/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Staging directory with mkosi's output and workspace in it, mkosi, what it has made. Being one
 * mount for both, the end of the build is a rename and no copy. */

#include "cli/create-build.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/strv.h"
#include "cli/launcher.h"
#include "cli/names.h"
#include "cli/progress-display.h"
#include "cli/shown-program.h"
#include "image/built.h"
#include "image/layer-base.h"
#include "store/checkout.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLDEST 25 /* the first whose options are those below */
#define BUILDER_LAYER "debian/13/mkosi"
#define BUILDER_PACKAGES "mkosi,ca-certificates,debian-archive-keyring"
#define CACHE "/var/cache/stead/mkosi"
#define CACHES 16

/* Where things are for the mkosi that runs. */
typedef struct Places {
        const char *source, *work, *cache;
} Places;

typedef struct Building {
        const CreateBuild *request;
        Staging staging;
        Store store;
        char *source, *work, *cache, *checkout; /* on the host */
        int cache_lock, checkout_lock;
} Building;

static void building_done(Building *b)
{
        staging_done(&b->staging);
        closep(&b->cache_lock);
        closep(&b->checkout_lock);
        store_close(&b->store);
        free(b->source);
        free(b->work);
        free(b->cache);
        free(b->checkout);
}

static int find_source(Building *b, Error *error)
{
        const char *directory = b->request->directory;
        _cleanup_close_ int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return error_errno(error, errno, "Failed to open '%s'", directory);
        if (faccessat(fd, "mkosi.conf", F_OK, 0) < 0 &&
            faccessat(fd, "mkosi.conf.d", F_OK, 0) < 0) {
                error_hint(error,
                           "printf '[Distribution]\\nDistribution=debian\\n[Content]\\n"
                           "Packages=systemd\\n' > %s/mkosi.conf",
                           directory);
                return error_set(error, ENOENT, "There is no mkosi.conf in '%s'", directory);
        }
        b->source = realpath(directory, NULL);
        return b->source ? 0 : error_errno(error, errno, "Failed to find '%s'", directory);
}

static int make_places(Building *b, Error *error)
{
        int r = staging_new(TREES_DIRECTORY, b->request->name, &b->staging, error);

        if (r < 0)
                return r;
        if (fchmod(b->staging.fd, 0700) < 0 || mkdirat(b->staging.fd, BUILT_OUTPUT, 0755) < 0 ||
            mkdirat(b->staging.fd, "work", 0755) < 0)
                return error_errno(error, errno, "Failed to make directories in '%s'",
                                   TREES_DIRECTORY);
        if (asprintf(&b->work, TREES_DIRECTORY "/%s", b->staging.temporary) < 0) {
                b->work = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return 0;
}

/* Packages that were fetched once. Package managers rewrite their lists there, so each of several
 * builds at a time has one for itself, the first that is free. */
static int take_cache(Building *b, Error *error)
{
        int r = mkdir_parents_at(AT_FDCWD, CACHE, 0755);

        for (unsigned i = 0; r >= 0 && i < CACHES; i++) {
                _cleanup_free_ char *path = NULL;
                _cleanup_close_ int fd = -EBADF;

                if (asprintf(&path, CACHE "/%u", i) < 0) {
                        path = NULL;
                        return error_set(error, ENOMEM, "Out of memory");
                }
                r = mkdir_parents_at(AT_FDCWD, path, 0755);
                fd = r < 0 ? r : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        return error_errno(error, r < 0 ? -r : errno, "Failed to open '%s'", path);
                if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                        continue;
                b->cache_lock = TAKE_FD(fd);
                b->cache = TAKE_PTR(path);
                return 0;
        }
        return r < 0 ? error_errno(error, -r, "Failed to make '%s'", CACHE)
                     : error_set(error, EBUSY, "More than %d builds run already", CACHES);
}

/* 1 if the host has one that will do. */
static int has_mkosi(Error *error)
{
        char program[] = "mkosi", option[] = "--version";
        char *const argv[] = { program, option, NULL };
        ShownProgram p = { .argv = argv, .quiet = true };
        unsigned version = 0;
        int r = shown_program_run(&p, error);

        if (r < 0)
                return r;
        return p.status == 0 && sscanf(p.lines[0], "mkosi %u", &version) == 1 && version >= OLDEST;
}

static int mkosi_words(char ***argv, const Places *at)
{
        int r = strv_push(argv, "mkosi");

        if (r >= 0)
                r = strv_pushf(argv, "--directory=%s", at->source);
        if (r >= 0)
                r = strv_pushf(argv, "--output-directory=%s/" BUILT_OUTPUT, at->work);
        if (r >= 0)
                r = strv_push(argv, "--output=" BUILT_NAME);
        if (r >= 0)
                r = strv_pushf(argv, "--workspace-directory=%s/work", at->work);
        if (r >= 0)
                r = strv_pushf(argv, "--package-cache-directory=%s", at->cache);
        return r < 0 ? r : strv_push(argv, "build");
}

/* The tree that mkosi runs in, from the store: made when it is first needed, kept, and brought up
 * to date by 'stead layer build'. */
static int prepare_builder(Building *b, Error *error)
{
        const LayerBase base = { .debian = { .suite = "trixie",
                                             .init = DEBIAN_SYSTEMD,
                                             .include = BUILDER_PACKAGES,
                                             .mirror = b->request->mirror },
                                 .name = BUILDER_LAYER,
                                 .message = "Builds machines: stead create --build" };
        _cleanup_progress_display_ ProgressDisplay shown;
        _cleanup_free_ char *name = NULL, *resolved = NULL;
        _cleanup_commit_ Commit commit = COMMIT_NULL;
        Hash id;
        int r;

        progress_display_init(&shown, false, b->request->quiet);
        r = store_open(NULL, STORE_ADD, &b->store, error);
        if (r >= 0)
                r = layer_base_ensure(&b->store, &base, &shown.progress, &name, error);
        if (r >= 0)
                r = store_resolve(&b->store, name, &id, &resolved, error);
        if (r >= 0)
                r = store_load_commit(&b->store, &id, &commit, error);
        if (r >= 0)
                r = checkout_make(&b->store, &commit.tree, &shown.progress, &b->checkout, error);
        if (r >= 0)
                r = checkout_lock(&b->store, &commit.tree, &b->checkout_lock, error);
        return r;
}

/* A ':' ends a path there. */
static int push_bind(char ***argv, const char *option, const char *source, const char *place)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        buffer_puts(&text, option);
        for (const char *p = source; *p; p++) {
                if (*p == ':' || *p == '\\')
                        buffer_puts(&text, "\\");
                buffer_append(&text, p, 1);
        }
        buffer_printf(&text, ":%s", place);
        return buffer_error(&text) < 0 ? -ENOMEM : strv_push(argv, text.data);
}

/* mkosi makes mounts, device nodes and owners of all kinds: what builds is as powerful as who
 * builds, so that what DIR may do is what it may do on a host with mkosi. Nothing in the machine is
 * kept, so there is nothing to wait for when mkosi does not hear that it is to stop: a signal
 * between two of its programs can be lost on it. */
static int builder_words(const Building *b, char ***argv, Error *error)
{
        static const char *const fixed[] = {
                "--quiet",
                "--settings=no",
                "--read-only",
                "--tmpfs=/var/tmp:mode=1777",
                "--as-pid2",
                "--console=pipe",
                "--capability=all",
                "--system-call-filter=@known",
                "--private-users=no",
                "--suppress-sync=yes",
                "--stop-timeout=5s",
        };
        static const char *const proxies[] = { "http_proxy", "https_proxy", "no_proxy" };
        char *program = NULL;
        int r = launcher_find(&program, error);

        if (r < 0)
                return r;
        r = strv_push(argv, program);
        free(program);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fixed); i++)
                r = strv_push(argv, fixed[i]);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(proxies); i++)
                if (getenv(proxies[i]))
                        r = strv_pushf(argv, "--setenv=%s=%s", proxies[i], getenv(proxies[i]));
        if (r >= 0)
                r = strv_pushf(argv, "--machine=mkosi-%d", (int)getpid());
        if (r >= 0)
                r = strv_pushf(argv, "--directory=%s", b->checkout);
        if (r >= 0)
                r = push_bind(argv, "--bind-ro=", b->source, "/srv");
        if (r >= 0)
                r = push_bind(argv, "--bind=", b->work, "/mnt");
        if (r >= 0)
                r = push_bind(argv, "--bind=", b->cache, "/media");
        return r < 0 ? r : strv_push(argv, "--");
}

static int build_failed(const Building *b, const ShownProgram *p, Error *error)
{
        _cleanup_free_ char *last = shown_program_last(p);

        error_hint(error, "edit %s/mkosi.conf; then again: stead create %s --build=%s", b->source,
                   b->request->name, b->request->directory);
        if (last && strstr(last, "No space left on device")) {
                error_hint(error, "df -h " TREES_DIRECTORY " " CACHE);
                return error_set(error, ENOSPC, "mkosi failed (status %d): no space left%s",
                                 p->status, last);
        }
        return error_set(error, EIO, "mkosi failed (status %d) on '%s'%s", p->status, b->source,
                         last ?: "");
}

static int run_mkosi(Building *b, Error *error)
{
        const Places inside = { "/srv", "/mnt", "/media" }, here = { b->source, b->work, b->cache };
        _cleanup_strv_ char **argv = NULL;
        ShownProgram p = { .quiet = b->request->quiet };
        int own = has_mkosi(error), r = MIN_OF(own, 0);

        if (own == 0)
                r = prepare_builder(b, error);
        if (own == 0 && r >= 0)
                r = builder_words(b, &argv, error);
        if (r >= 0)
                r = mkosi_words(&argv, own > 0 ? &here : &inside);
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare mkosi");
        p.argv = argv;
        r = shown_program_run(&p, error);
        return r >= 0 && p.status != 0 ? build_failed(b, &p, error) : r;
}

static void on_stage(const char *stage, void *userdata)
{
        const Building *b = userdata;

        if (stage && !b->request->quiet && !strchr(stage, '%'))
                fprintf(stderr, "%s: %s\n", b->request->name, stage);
}

int create_build(const CreateBuild *request, Error *error)
{
        _cleanup_(building_done) Building b = { .request = request,
                                                .staging = STAGING_NULL,
                                                .store = STORE_NULL,
                                                .cache_lock = -EBADF,
                                                .checkout_lock = -EBADF };
        int r = find_source(&b, error);

        if (r >= 0)
                r = make_places(&b, error);
        if (r >= 0)
                r = take_cache(&b, error);
        if (r >= 0)
                r = run_mkosi(&b, error);
        return r < 0 ? r : built_publish(&b.staging, request->name, on_stage, &b, error);
}
