/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making the machine's journal visible to the host: a link on the host to the tree's directory
 * (guest), or the host's directory shown in the machine (host). */

#include "boot/assembly.h"

#include "base/fd.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define JOURNAL "/var/log/journal"

static int check_id(const Assembly *a, const char *id, Error *error)
{
        _cleanup_free_ char *host = NULL;

        if (read_file_at(AT_FDCWD, "/etc/machine-id", 64, &host) < 32 || strncmp(host, id, 32) != 0)
                return 0;
        error_set(error, EADDRINUSE,
                  "Machine '%s' has the same machine id as the host, their journals would mix",
                  a->plan->machine);
        error_hint(error, ": > %s/etc/machine-id", a->plan->files);
        return -EADDRINUSE;
}

static int link_guest(Assembly *a, const char *host_path, const char *id, Error *error)
{
        _cleanup_free_ char *target = NULL, *inside = NULL;
        int r;

        if (asprintf(&target, "%s%s", a->plan->files, host_path) < 0 ||
            asprintf(&inside, JOURNAL "/%s", id) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = assembly_mkdir(a, inside, 0755, error);
        if (r < 0)
                return r;
        if (symlink(target, host_path) < 0 && errno == EEXIST) {
                char old[4096];
                ssize_t n = readlink(host_path, old, sizeof(old) - 1);

                if (n == (ssize_t)strlen(target) && strncmp(old, target, (size_t)n) == 0)
                        return 0;
                return error_set(error, EEXIST, "'%s' exists already and is not the link to '%s'",
                                 host_path, target);
        }
        return access(host_path, F_OK) < 0 && errno != ENOENT
                       ? error_errno(error, errno, "Failed to link '%s'", host_path)
                       : 0;
}

/* We create as root of the machine here, but this is the host's. */
static int make_host_directory(const char *path)
{
        if (mkdir(path, 0755) < 0)
                return errno == EEXIST ? 0 : -errno;
        return lchown(path, 0, (gid_t)-1) < 0 ? -errno : 0;
}

/* Root of the machine writes as the owner of the host's directory, and its group as the
 * directory's: the kernel refuses to write to a directory that has an owner or a group without a
 * place in the map. */
static int show_as_root(const Assembly *a, int fd, const struct stat *st)
{
        const IdMap user = { st->st_uid, a->base, 1 }, group = { st->st_gid, a->base, 1 };
        _cleanup_close_ int map = userns_new_split(&user, 1, &group, 1);

        return map < 0 ? map : mount_set_idmap(fd, map, false);
}

static int bind_host(Assembly *a, const char *host_path, Error *error)
{
        _cleanup_close_ int source = -EBADF;
        struct stat st;
        int fd, r;

        r = make_host_directory(JOURNAL);
        if (r >= 0)
                r = make_host_directory(host_path);
        source = r < 0 ? r : open(host_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (source < 0 || fstat(source, &st) < 0)
                return error_errno(error, r < 0 ? -r : errno, "Failed to open '%s'", host_path);
        fd = mount_clone(source, "", false);
        if (fd >= 0 && a->mapped) {
                r = show_as_root(a, fd, &st);
                if (r < 0) {
                        closep(&fd);
                        return error_errno(error, -r, "Failed to show '%s' in the machine",
                                           host_path);
                }
        }
        r = assembly_mkdir(a, host_path, 0755, error);
        if (r < 0) {
                closep(&fd);
                return r;
        }
        return assembly_attach_consume(a, fd, host_path, error);
}

int assembly_journal(Assembly *a, Error *error)
{
        LinkJournal mode = a->plan->link_journal;
        bool try = mode == LINK_JOURNAL_TRY_HOST || mode == LINK_JOURNAL_TRY_GUEST ||
                   mode == LINK_JOURNAL_AUTO;
        bool guest = mode == LINK_JOURNAL_GUEST || mode == LINK_JOURNAL_TRY_GUEST;
        _cleanup_error_ Error e = ERROR_NULL;
        char id[33], path[64];
        int r;

        if (mode == LINK_JOURNAL_NO ||
            (try && (a->plan->start != START_INIT || a->plan->ephemeral)))
                return 0;
        id128_to_string(&a->plan->uuid, id);
        (void)snprintf(path, sizeof(path), JOURNAL "/%s", id);
        if (mode == LINK_JOURNAL_AUTO && access(path, F_OK) < 0)
                return 0;
        if (try && access(JOURNAL, F_OK) < 0)
                return 0; /* the host keeps no journal on disk */
        r = check_id(a, id, &e);
        if (r >= 0)
                r = guest ? link_guest(a, path, id, &e) : bind_host(a, path, &e);
        return r < 0 && !try ? error_move(error, &e) : 0;
}
