/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names are relative to the root directory, which is the tree: links lead nowhere else. */

#include "image/archive-layer.h"

#include "base/fd.h"
#include "image/acl.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE_NAME ".wh..wh..opq"
#define LIST_MAX 65536 /* XATTR_LIST_MAX of the kernel */

static bool has_dotdot(const char *path)
{
        for (const char *p = path; *p; p += strspn(p, "/")) {
                size_t n = strcspn(p, "/");

                if (n == 2 && p[0] == '.' && p[1] == '.')
                        return true;
                p += n;
        }
        return false;
}

/* ".wh..wh.plnk/123": a directory of bookkeeping. */
static bool is_below_whiteout(const char *path)
{
        for (const char *p = path, *slash; (slash = strchr(p, '/')); p = slash + 1)
                if (slash[1] != '\0' &&
                    strncmp(p, WHITEOUT_PREFIX WHITEOUT_PREFIX, 2 * strlen(WHITEOUT_PREFIX)) == 0)
                        return true;
        return false;
}

int whiteout_parse(const char *path, WhiteoutKind *ret_kind, char **ret_directory,
                   const char **ret_name)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        char *directory;

        *ret_kind = WHITEOUT_NONE;
        if (is_below_whiteout(path)) {
                *ret_kind = WHITEOUT_IGNORE;
                return 0;
        }
        if (strncmp(name, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) != 0)
                return 0;
        if (strcmp(name, WHITEOUT_OPAQUE_NAME) != 0 &&
            strncmp(name, WHITEOUT_PREFIX WHITEOUT_PREFIX, 2 * strlen(WHITEOUT_PREFIX)) == 0) {
                *ret_kind = WHITEOUT_IGNORE;
                return 0;
        }
        name += strlen(WHITEOUT_PREFIX);
        if (has_dotdot(path) || *name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return -EBADMSG;
        directory = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
        if (!directory)
                return -ENOMEM;
        *ret_kind = strncmp(name, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) == 0 ? WHITEOUT_OPAQUE
                                                                                 : WHITEOUT_FILE;
        *ret_directory = directory;
        *ret_name = name;
        return 0;
}

static int make_whiteout(WhiteoutKind kind, const char *directory, const char *name)
{
        _cleanup_free_ char *path = NULL;
        int r = strcmp(directory, ".") == 0 ? 0 : mkdir_parents_at(AT_FDCWD, directory, 0755);

        if (r < 0)
                return r;
        if (kind == WHITEOUT_OPAQUE)
                return lsetxattr(directory, "trusted.overlay.opaque", "y", 1, 0) < 0 ? -errno : 0;
        if (asprintf(&path, "%s/%s", directory, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        /* what this layer itself has in that place hides the layers below as well */
        return mknod(path, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST ? -errno : 0;
}

/* A directory takes its attributes from one layer, never from several. */
static int clear_attributes(const char *path)
{
        _cleanup_free_ char *list = malloc(LIST_MAX);
        ssize_t n = list ? llistxattr(path, list, LIST_MAX) : -1;

        if (!list)
                return -ENOMEM;
        for (const char *name = list; n > 0 && name < list + n; name += strlen(name) + 1)
                if (lremovexattr(path, name) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
                        return -errno;
        return 0;
}

/* Overlays do the same: only a directory over a directory is joined with it. */
static int make_way(struct archive_entry *entry)
{
        const char *path = archive_entry_pathname(entry);
        bool directory =
                !archive_entry_hardlink(entry) && archive_entry_filetype(entry) == AE_IFDIR;
        struct stat st;

        if (has_dotdot(path) || strcmp(path, ".") == 0 || lstat(path, &st) < 0)
                return 0; /* the first is refused later, with its name */
        if (directory && S_ISDIR(st.st_mode))
                return clear_attributes(path);
        return remove_tree_at(AT_FDCWD, path);
}

int archive_layer_entry(const ArchiveSource *source, struct archive_entry *entry, Error *error)
{
        const char *path = archive_entry_pathname(entry), *name;
        _cleanup_free_ char *directory = NULL;
        WhiteoutKind kind = WHITEOUT_NONE;
        int r = 0;

        if (source->whiteouts != ARCHIVE_WHITEOUTS_PLAIN)
                r = whiteout_parse(path, &kind, &directory, &name);
        if (r == -EBADMSG)
                return error_set(error, EBADMSG, "Failed to unpack '%s': '%s' is no whiteout",
                                 source->name, path);
        if (r >= 0 && kind == WHITEOUT_NONE)
                r = source->over ? make_way(entry) : 0;
        else if (r >= 0 && kind != WHITEOUT_IGNORE &&
                 source->whiteouts == ARCHIVE_WHITEOUTS_OVERLAY)
                r = make_whiteout(kind, directory, name);
        if (r < 0)
                return error_errno(error, -r, "Failed to unpack '%s' of '%s'", path, source->name);
        return kind != WHITEOUT_NONE;
}

static int add_later(ArchiveLater *later, const char *path, const char *name, const void *value,
                     size_t size)
{
        struct ArchiveAttribute *a;

        if (later->n == later->allocated) {
                size_t allocated = MAX_OF(later->allocated * 2, (size_t)64);
                struct ArchiveAttribute *list = reallocarray(later->list, allocated, sizeof(*list));

                if (!list)
                        return -ENOMEM;
                later->list = list;
                later->allocated = allocated;
        }
        a = &later->list[later->n++];
        *a = (struct ArchiveAttribute){ .path = strdup(path), .size = size };
        if (!a->path)
                return -ENOMEM;
        if (!name)
                return 0;
        a->name = strdup(name);
        a->value = malloc(size + 1);
        if (!a->name || !a->value)
                return -ENOMEM;
        memcpy(a->value, value, size);
        return 0;
}

static int compare_paths(const void *a, const void *b)
{
        return strcmp(a, b);
}

/* 1: for the first time. */
static int note_directory(ArchiveLater *later, const char *path)
{
        char *copy = strndup(path,
                             strlen(path) - (strlen(path) > 1 && path[strlen(path) - 1] == '/')),
             **found = copy ? tsearch(copy, &later->noted, compare_paths) : NULL;
        int r = !found ? -ENOMEM : *found == copy;

        if (r <= 0)
                free(copy);
        return r;
}

static int add_time(ArchiveLater *later, const char *path, int64_t mtime)
{
        int r = add_later(later, path, NULL, NULL, 0);

        if (r >= 0)
                later->list[later->n - 1].mtime = mtime;
        return r;
}

/* Shortens a path to the directory that it is in; "." at the top. */
static void cut_last(char *path)
{
        size_t n = strlen(path);

        while (n > 0 && path[n - 1] == '/')
                n--;
        while (n > 0 && path[n - 1] != '/')
                n--;
        while (n > 0 && path[n - 1] == '/')
                n--;
        if (n == 0)
                path[n++] = '.';
        path[n] = '\0';
}

int archive_later_parent(ArchiveLater *later, const char *path, int64_t mtime)
{
        _cleanup_free_ char *parent = strdup(*path ? path : ".");
        bool is_there = false;

        if (!parent)
                return -ENOMEM;
        while (!is_there && strcmp(parent, ".") != 0) {
                struct stat st;
                int r;

                cut_last(parent);
                r = note_directory(later, parent);
                if (r <= 0)
                        return r; /* and those above it are known as well */
                is_there = stat(parent, &st) >= 0;
                r = add_time(later, parent,
                             is_there && st.st_mtim.tv_sec != 0 ? st.st_mtim.tv_sec : mtime);
                if (r < 0)
                        return r;
        }
        return 0;
}

int archive_later_entry(ArchiveLater *later, struct archive_entry *entry)
{
        const char *path = archive_entry_pathname(entry), *name;
        bool directory = archive_entry_filetype(entry) == AE_IFDIR;
        const void *value;
        size_t size;
        int r = 0;

        if (directory) {
                r = note_directory(later, path);
                if (r >= 0)
                        r = add_time(later, path, archive_entry_mtime(entry));
        }
        (void)archive_entry_xattr_reset(entry); /* the number of them */
        while (r >= 0 && archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
                if (!acl_is_attribute(name))
                        continue;
                if (directory)
                        r = add_later(later, path, name, value, size);
                else if (lsetxattr(path, name, value, size, 0) < 0)
                        r = -errno;
        }
        return r;
}

/* A directory may have been replaced by another entry of its name, of whatever kind. */
int archive_later_end(ArchiveLater *later, Error *error)
{
        for (size_t i = 0; i < later->n; i++) {
                const struct ArchiveAttribute *a = &later->list[i];
                const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                                   { .tv_sec = a->mtime } };
                struct stat st;
                int r;

                if (stat(a->path, &st) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                r = a->name ? setxattr(a->path, a->name, a->value, a->size, 0)
                            : utimensat(AT_FDCWD, a->path, times, 0);
                if (r < 0)
                        return error_errno(error, errno, "Failed to set the %s of '%s'",
                                           a->name ? "ACL" : "time", a->path);
        }
        return 0;
}

void archive_later_done(ArchiveLater *later)
{
        for (size_t i = 0; i < later->n; i++) {
                free(later->list[i].path);
                free(later->list[i].name);
                free(later->list[i].value);
        }
        free(later->list);
        tdestroy(later->noted, free);
        *later = (ArchiveLater){ .list = NULL };
}
