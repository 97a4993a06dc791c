/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/publication.h"

#include "base/fd.h"
#include "base/strv.h"
#include "store/object-list.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define STAGE ".stage"
#define LOCK ".lock"

void publication_close(Publication *p)
{
        closep(&p->stage_fd);
        closep(&p->lock_fd);
        closep(&p->fd);
        free(p->path);
        *p = PUBLICATION_NULL;
}

int publication_error(const Publication *p, int r, Error *error)
{
        if (r == -ENOMEM)
                return error_set(error, ENOMEM, "Out of memory");
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(error, "df -h %s; stead publish %s --prune", p->path, p->path);
        return error_errno(error, -r, "Failed to write below '%s'", p->path);
}

static int open_stage(Publication *p)
{
        int r = remove_tree_at(p->fd, STAGE); /* of somebody who was killed */

        if (r >= 0 && mkdirat(p->fd, STAGE, 0700) < 0)
                r = -errno;
        if (r < 0)
                return r;
        p->stage_fd = openat(p->fd, STAGE, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return p->stage_fd < 0 ? -errno : 0;
}

int publication_open(const char *path, Publication *ret, Error *error)
{
        _cleanup_publication_ Publication p = PUBLICATION_NULL;
        int r;

        p.path = strdup(path);
        if (!p.path)
                return error_set(error, ENOMEM, "Out of memory");
        r = mkdir_parents_at(AT_FDCWD, path, 0755);
        p.fd = r < 0 ? r : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (p.fd < 0)
                return error_errno(error, r < 0 ? -r : errno, "Failed to open '%s'", path);
        p.lock_fd = openat(p.fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (p.lock_fd < 0)
                return publication_error(&p, -errno, error);
        if (flock(p.lock_fd, LOCK_EX | LOCK_NB) < 0) {
                error_hint(error, "fuser -v %s/" LOCK "  (then try again)", path);
                return error_set(error, EBUSY, "Somebody else is publishing to '%s'", path);
        }
        r = open_stage(&p);
        if (r < 0)
                return publication_error(&p, r, error);
        *ret = p;
        p = PUBLICATION_NULL;
        return 0;
}

/* In the stage a path is one word: no name of a site has a '='. */
static SitePath staged(const char *path)
{
        SitePath s;

        (void)snprintf(s.path, sizeof(s.path), "%s", path);
        for (char *c = s.path; *c; c++)
                if (*c == '/')
                        *c = '=';
        return s;
}

bool publication_has(const Publication *p, const char *path)
{
        return faccessat(p->fd, path, F_OK, 0) >= 0 ||
               faccessat(p->stage_fd, staged(path).path, F_OK, 0) >= 0;
}

int publication_new_file(const Publication *p, const char *path)
{
        int fd = openat(p->stage_fd, staged(path).path,
                        O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

        if (fd < 0)
                return -errno;
        (void)fchmod(fd, 0644); /* whatever the umask; web servers run as others */
        return fd;
}

int publication_stage(const Publication *p, const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = publication_new_file(p, path);

        return fd < 0 ? fd : write_all(fd, data, size);
}

int publication_restage(const Publication *p, const char *from, const char *to)
{
        SitePath a = staged(from), b = staged(to);

        return renameat(p->stage_fd, a.path, p->stage_fd, b.path) < 0 ? -errno : 0;
}

static int make_directory(const Publication *p, const char *path)
{
        char parent[sizeof(SitePath)];
        int r;

        (void)snprintf(parent, sizeof(parent), "%s", path);
        *strrchr(parent, '/') = '\0';
        r = mkdir_parents_at(p->fd, parent, 0755);
        if (r < 0)
                return r;
        do
                (void)fchmodat(p->fd, parent, 0755, 0); /* whatever the umask */
        while (strchr(parent, '/') && (*strrchr(parent, '/') = '\0', true));
        return 0;
}

static int put(const Publication *p, const char *name)
{
        SitePath s;
        int r = 0;

        (void)snprintf(s.path, sizeof(s.path), "%s", name);
        for (char *c = s.path; *c; c++)
                if (*c == '=')
                        *c = '/';
        for (int attempt = 0; attempt < 2; attempt++) {
                if (renameat(p->stage_fd, name, p->fd, s.path) >= 0)
                        return 1;
                r = -errno;
                if (r != -ENOENT)
                        return r;
                r = make_directory(p, s.path);
                if (r < 0)
                        return r;
        }
        return r;
}

typedef struct Putting {
        const Publication *site;
        int n;
} Putting;

static int put_staged(int dirfd, const char *name, unsigned char d_type, void *userdata)
{
        Putting *p = userdata;

        p->n++;
        return put(p->site, name);
}

int publication_commit(const Publication *p, Error *error)
{
        Putting putting = { .site = p };
        int r = syncfs(p->stage_fd) < 0 ? -errno : 0;

        if (r >= 0)
                r = names_in(p->stage_fd, ".", false, put_staged, &putting);
        if (r >= 0 && putting.n > 0 && syncfs(p->fd) < 0)
                r = -errno;
        return r < 0 ? publication_error(p, r, error) : putting.n;
}

int publication_load_ref(const Publication *p, const char *name, Ref *ret, Error *error)
{
        _cleanup_free_ char *text = NULL, *file = NULL;
        _cleanup_ref_ Ref ref = REF_NULL;
        SitePath path = site_ref(name);
        ssize_t n = read_file_at(p->fd, path.path, SITE_REF_MAX, &text);
        int r;

        if (n < 0)
                return error_errno(error, (int)-n, "Failed to read '%s/%s'", p->path, path.path);
        if (asprintf(&file, "%s/%s", p->path, path.path) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = ref_parse(file, text, (size_t)n, &ref, error);
        if (r < 0)
                return r;
        if (strcmp(ref.name, name) != 0)
                return error_set(error, EBADMSG, "'%s' is the ref of '%s'", file, ref.name);
        *ret = ref;
        ref = REF_NULL;
        return 0;
}

int publication_list_refs(const Publication *p, char ***ret, Error *error)
{
        int r = ref_names(p->fd, ret);

        return r < 0 ? error_errno(error, -r, "Failed to read '%s/refs'", p->path) : 0;
}

int publication_save_ref(const Publication *p, const Ref *ref, const char *text, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_buffer_ Buffer list = BUFFER_NULL;
        SitePath path = site_ref(ref->name);
        int r = make_directory(p, path.path);

        if (r >= 0)
                r = write_file_synced_at(p->fd, path.path, text, 0644);
        if (r < 0)
                return publication_error(p, r, error);
        r = publication_list_refs(p, &names, error);
        if (r < 0)
                return r;
        STRV_FOREACH (name, names)
                buffer_printf(&list, "%s\n", *name);
        r = buffer_error(&list);
        if (r >= 0)
                r = write_file_synced_at(p->fd, SITE_LIST, list.data, 0644);
        return r < 0 ? publication_error(p, r, error) : 0;
}
