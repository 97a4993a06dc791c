/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead drift: what of a machine hides what its layers bring. */

#include "base/fd.h"
#include "cli/arguments.h"
#include "cli/layered-change.h"
#include "cli/layered-report.h"
#include "cli/table.h"
#include "os/path.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define EXIT_TROUBLE 2 /* as diff(1) */

static const Flag flags[] = {
        { "all", 'a', NULL, "Also what is of no consequence" },
        { "json", 0, NULL, "Print a JSON object" },
};

/* The generation that an update would make, or what is in force if there is nothing newer. */
static int find_newest(Store *store, const Layered *l, Generation *ret, Error *error)
{
        int r = layered_resolve(store, l, ret, error);

        if (r >= 0 && l->wanted.number && generation_is_same(ret, &l->wanted))
                ret->number = l->wanted.number;
        return r;
}

static int report(const Arguments *a, Store *store, const Layered *l, Error *error)
{
        _cleanup_generation_ Generation newest = GENERATION_NULL;
        _cleanup_drift_ Drift drift = DRIFT_NULL;
        bool matters = false;
        int r = find_newest(store, l, &newest, error);

        if (r >= 0)
                r = layered_look(store, l, &newest, &drift, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < drift.n_items; i++)
                if (drift.items[i].kind <= DRIFT_PINNED)
                        matters = true;
        if (arguments_has(a, "json")) {
                if (json_print_take(layered_report_json(&drift)) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        } else {
                printf("%s: %s\n", l->name,
                       newest.number && newest.number == l->stack.generation
                               ? "on the newest versions of its layers"
                               : "compared with the newest versions of its layers");
                layered_report_print(&drift, arguments_has(a, "all"));
        }
        return matters ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One version of a file. */
typedef struct Version {
        const char *label;
        int fd;           /* O_PATH, or -EBADF: there is none */
        const char *from; /* the layer, or NULL: the machine's own */
        struct stat st;
} Version;

static bool is_whiteout(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* In one directory: 1 found, 0 not, also if the way there ends. */
static int find_in(int root_fd, const char *path, Version *v)
{
        int fd = root_fd < 0 ? -EBADF : path_open(root_fd, path, O_PATH | O_NOFOLLOW, 0);

        if (fd < 0)
                return 0;
        if (fstat(fd, &v->st) < 0) {
                (void)close(fd);
                return 0;
        }
        v->fd = fd;
        return 1;
}

/* From the layer below @top (a number of layers) downwards. */
static void find_below(const int *fds, const StackLayer *lowers, size_t n, size_t top,
                       const char *path, Version *v, size_t *ret_layer)
{
        for (size_t i = n - top; i < n; i++)
                if (find_in(fds[i], path, v)) {
                        v->from = lowers[n - 1 - i].name;
                        if (ret_layer)
                                *ret_layer = n - 1 - i;
                        break;
                }
        if (v->fd >= 0 && is_whiteout(&v->st)) {
                (void)close(v->fd);
                v->fd = -EBADF;
        }
}

static void print_version(const Version *v)
{
        char when[64] = "";
        struct tm tm;

        if (v->fd < 0) {
                printf("%-5s not there\n", v->label);
                return;
        }
        if (localtime_r(&v->st.st_mtim.tv_sec, &tm))
                (void)strftime(when, sizeof(when), "%F %T", &tm);
        printf("%-5s %04o %u:%u %lld bytes, %s, %s\n", v->label, v->st.st_mode & 07777,
               v->st.st_uid, v->st.st_gid, (long long)v->st.st_size, when,
               is_whiteout(&v->st) ? "removed by the machine"
               : v->from           ? v->from
                                   : "the machine's own");
}

/* diff(1) knows how to show it. */
static int print_difference(const Version *before, const Version *after, Error *error)
{
        _cleanup_close_ int a = -EBADF, b = -EBADF;
        char diff[] = "diff", unified[] = "-u", label[] = "--label";
        FdPath x, y;
        char *argv[] = { diff,   unified, label, (char *)before->label, label, (char *)after->label,
                         x.path, y.path,  NULL };
        int status, r;
        pid_t pid;

        if (before->fd < 0 || after->fd < 0 || !S_ISREG(before->st.st_mode) ||
            !S_ISREG(after->st.st_mode))
                return 0;
        x = fd_path(before->fd);
        y = fd_path(after->fd);
        a = open(x.path, O_RDONLY | O_NOCTTY); /* for the child: not closed when it executes */
        b = open(y.path, O_RDONLY | O_NOCTTY);
        if (a < 0 || b < 0)
                return error_errno(error, errno, "Failed to open a version of the file");
        x = fd_path(a);
        y = fd_path(b);
        (void)fflush(stdout);
        r = posix_spawnp(&pid, diff, NULL, NULL, argv, environ);
        if (r != 0 || waitpid(pid, &status, 0) < 0)
                return error_errno(error, r ?: errno, "Failed to run diff");
        return 0;
}

static bool is_same(const Version *a, const Version *b)
{
        if (a->fd < 0 || b->fd < 0)
                return a->fd < 0 && b->fd < 0;
        return a->st.st_ino == b->st.st_ino && a->st.st_dev == b->st.st_dev;
}

static int compare(Store *store, const Layered *l, const char *path, Error *error)
{
        Version base = { .label = "base", .fd = -EBADF }, ours = { .label = "ours", .fd = -EBADF },
                new = { .label = "new", .fd = -EBADF };
        _cleanup_generation_ Generation newest = GENERATION_NULL;
        _cleanup_close_ int upper_fd = layered_open_upper(l, "upper");
        int *old_fds = NULL, *new_fds = NULL;
        size_t layer = l->stack.n_lowers;
        int r = layered_resolve(store, l, &newest, error);

        if (r >= 0)
                r = layered_open_lowers(store, l->stack.lowers, l->stack.n_lowers, &old_fds, error);
        if (r >= 0)
                r = layered_open_lowers(store, newest.layers, newest.n_layers, &new_fds, error);
        if (r >= 0) {
                if (!find_in(upper_fd, path, &ours))
                        find_below(old_fds, l->stack.lowers, l->stack.n_lowers, layer, path, &ours,
                                   &layer);
                if (ours.fd >= 0 || layer == l->stack.n_lowers) {
                        find_below(old_fds, l->stack.lowers, l->stack.n_lowers, layer, path, &base,
                                   NULL);
                        find_below(new_fds, newest.layers, newest.n_layers,
                                   MIN_OF(layer, newest.n_layers), path, &new, NULL);
                }
                print_version(&base);
                print_version(&ours);
                print_version(&new);
                r = print_difference(&base, &ours, error);
                if (r >= 0 && !is_same(&base, &new))
                        r = print_difference(&base, &new, error);
        }
        if (r >= 0)
                r = ours.fd >= 0 && (base.fd >= 0 || new.fd >= 0) ? EXIT_FAILURE : EXIT_SUCCESS;
        closep(&base.fd);
        closep(&ours.fd);
        closep(&new.fd);
        layered_close_lowers(old_fds);
        layered_close_lowers(new_fds);
        return r;
}

static int drift(const Arguments *a, Error *error)
{
        _cleanup_layered_ Layered l = LAYERED_NULL;
        _cleanup_store_ Store store = STORE_NULL;
        const char *path = a->words[1];
        int r = layered_open(a->words[0], &l, error);

        if (r >= 0 && l.stack.generation == 0) {
                error_hint(error, "stead start %s", l.name);
                return error_set(error, ENOENT, "Machine '%s' has no stack of layers yet", l.name);
        }
        if (r >= 0 && path && path[0] != '/')
                r = error_set(error, EINVAL,
                              "'%s' is not the absolute path of a file in the machine", path);
        if (r >= 0)
                r = store_open(NULL, STORE_ADD, &store, error);
        if (r < 0)
                return r;
        return path ? compare(&store, &l, path, error) : report(a, &store, &l, error);
}

static int run(const Arguments *a, Error *error)
{
        int r = drift(a, error);

        if (r >= 0)
                return r;
        error_print(error);
        return EXIT_TROUBLE;
}

const Verb verb_drift = {
        .name = "drift",
        .operands = "NAME [PATH]",
        .help = "Show what of a machine hides what its layers bring",
        .text = "Without PATH: what an update to the newest versions would find, or, if there are "
                "none, what is\n"
                "hidden now, the most important first. The exit status is 1 if there are conflicts "
                "or files held\n"
                "back, 0 if not. With PATH, a file of the machine: what is below it now (base), "
                "what hides that\n"
                "(ours), what the newest versions have there (new), and how they differ; 1 if "
                "something is hidden.\n"
                "2 means trouble.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 2,
        .command_after = NO_COMMAND,
        .run = run,
};
