/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/carry.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX 40 /* as the kernel has it */

/* Index entries hold the path and the number, since the array moves as it grows. */
typedef struct IndexEntry {
        const char *path;
        size_t number;
} IndexEntry;

static int compare_index(const void *a, const void *b)
{
        return strcmp(((const IndexEntry *)a)->path, ((const IndexEntry *)b)->path);
}

static void item_done(CarryItem *item)
{
        free(item->path);
        free(item->why);
        free(item->target);
}

void carry_done(Carry *c)
{
        tdestroy(c->index, free);
        for (size_t i = 0; i < c->n; i++)
                item_done(&c->items[i]);
        free(c->items);
        *c = CARRY_NULL;
}

const CarryItem *carry_find(const Carry *c, const char *path)
{
        const IndexEntry key = { .path = path };
        IndexEntry *const *found = tfind(&key, &c->index, compare_index);

        return found ? &c->items[(*found)->number] : NULL;
}

static int add_item_take(Carry *c, CarryItem *item)
{
        CarryItem *items;
        IndexEntry *entry;

        if (carry_find(c, item->path)) {
                item_done(item);
                return 0;
        }
        items = reallocarray(c->items, c->n + 1, sizeof(*items));
        if (items)
                c->items = items;
        entry = malloc(sizeof(*entry));
        if (!items || !entry) {
                free(entry);
                item_done(item);
                return -ENOMEM;
        }
        *entry = (IndexEntry){ .path = item->path, .number = c->n };
        c->items[c->n++] = *item;
        if (tsearch(entry, &c->index, compare_index))
                return 0;
        c->n--;
        free(entry);
        item_done(item);
        return -ENOMEM;
}

/* What is found on the way, to be added only when all of the way is there. */
typedef struct Way {
        const Carry *carry;
        CarryItem *items;
        size_t n;
        char real[PATH_MAX]; /* "" is the root */
        char rest[PATH_MAX]; /* components that are still to come */
        int links;
} Way;

static int way_push(Way *w, const struct stat *st, const char *target, const char *why)
{
        CarryItem item = { .type = st->st_mode & S_IFMT, .size = (uint64_t)st->st_size };
        CarryItem *items = reallocarray(w->items, w->n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        w->items = items;
        item.path = strdup(w->real);
        item.why = strdup(why);
        item.target = target ? strdup(target) : NULL;
        if (!item.path || !item.why || (target && !item.target)) {
                item_done(&item);
                return -ENOMEM;
        }
        w->items[w->n++] = item;
        return 0;
}

static void way_up(Way *w)
{
        char *slash = strrchr(w->real, '/');

        if (slash)
                *slash = 0;
}

/* @target in place of the last component. */
static int way_follow(Way *w, const char *target)
{
        char rest[PATH_MAX];

        if (++w->links > LINKS_MAX)
                return -ELOOP;
        if (snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= (int)sizeof(rest))
                return -ENAMETOOLONG;
        if (target[0] == '/')
                w->real[0] = 0;
        else
                way_up(w);
        memcpy(w->rest, rest, sizeof(rest));
        return 0;
}

/* The kernel would follow a link in the middle: it is opened by the path without links that leads
 * there, and is one itself at most at its end. */
static int look(const Way *w, struct stat *ret, char target[static PATH_MAX])
{
        _cleanup_close_ int fd = path_open(w->carry->root_fd, w->real, O_PATH | O_NOFOLLOW, 0);
        ssize_t n;

        if (fd < 0)
                return fd;
        if (fstat(fd, ret) < 0)
                return -errno;
        if (!S_ISLNK(ret->st_mode))
                return 0;
        n = readlinkat(fd, "", target, PATH_MAX - 1);
        if (n < 0)
                return -errno;
        target[n] = 0;
        return n > 0 ? 0 : -ENOENT;
}

static int way_step(Way *w, const char *component, const char *why)
{
        size_t length = strlen(w->real);
        char target[PATH_MAX];
        struct stat st;
        int r;

        if (strcmp(component, ".") == 0)
                return 0;
        if (strcmp(component, "..") == 0) {
                way_up(w);
                return 0;
        }
        if (snprintf(w->real + length, sizeof(w->real) - length, "/%s", component) >=
            (int)(sizeof(w->real) - length))
                return -ENAMETOOLONG;
        r = look(w, &st, target);
        if (r < 0)
                return r;
        if (S_ISLNK(st.st_mode)) {
                r = way_push(w, &st, target, why);
                return r < 0 ? r : way_follow(w, target);
        }
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
                return -EBADFD;
        return way_push(w, &st, NULL, why);
}

static int way_walk(Way *w, const char *path, const char *why)
{
        int r = 0;

        if (snprintf(w->rest, sizeof(w->rest), "%s", path) >= (int)sizeof(w->rest))
                return -ENAMETOOLONG;
        while (r >= 0) {
                char component[NAME_MAX + 1];
                size_t skip = strspn(w->rest, "/"), length = strcspn(w->rest + skip, "/");

                if (length == 0)
                        return 0;
                if (length > NAME_MAX)
                        return -ENAMETOOLONG;
                memcpy(component, w->rest + skip, length);
                component[length] = 0;
                memmove(w->rest, w->rest + skip + length, strlen(w->rest + skip + length) + 1);
                r = way_step(w, component, why);
        }
        return r;
}

int carry_add(Carry *c, const char *path, const char *why, char **ret_real)
{
        _cleanup_free_ Way *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->carry = c;
        r = way_walk(w, path, why);
        if (r >= 0 && ret_real) {
                *ret_real = strdup(w->real[0] ? w->real : "/");
                r = *ret_real ? 0 : -ENOMEM;
        }
        for (size_t i = 0; i < w->n; i++) {
                if (r >= 0)
                        r = add_item_take(c, &w->items[i]);
                else
                        item_done(&w->items[i]);
        }
        free(w->items);
        return r;
}

int carry_add_all(Carry *c, const char *path, const char *why)
{
        _cleanup_free_ char *real = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        int r = carry_add(c, path, why, &real), fd;

        if (r < 0)
                return r;
        fd = path_open(c->root_fd, real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (fd == -ENOTDIR)
                return 0;
        d = fd < 0 ? NULL : fdopendir(fd);
        if (!d)
                return fd < 0 ? fd : -errno;
        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                _cleanup_free_ char *child = NULL;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                if (asprintf(&child, "%s/%s", real, e->d_name) < 0)
                        return -ENOMEM;
                r = e->d_type == DT_DIR ? carry_add_all(c, child, why)
                                        : carry_add(c, child, why, NULL);
                /* a link to nowhere, a device: of no use */
                if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EBADFD)
                        r = 0;
        }
        return r;
}
