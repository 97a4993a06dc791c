/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resolver and time zone of the machine, from the host's. A file that already is as it should be is
 * not written; a symlink of the tree is never followed out of it and never replaced unasked. */

#include "boot/assembly.h"

#include "base/fd.h"
#include "network/guest-config.h"
#include "os/mount.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX (64U << 10)

typedef enum Action {
        ACTION_NONE,
        ACTION_COPY,    /* into a missing or regular file */
        ACTION_REPLACE, /* also in place of a symlink */
        ACTION_BIND,
        ACTION_DELETE,
        ACTION_AUTO, /* copy where possible, else bind */
        ACTION_OWN,  /* what its own network says */
} Action;

typedef struct ResolvSource {
        Action action;
        const char *path; /* on the host */
} ResolvSource;

#define RESOLVED "/run/systemd/resolve/"
#define RESOLVED_STATIC "/usr/lib/systemd/resolv.conf"

static ResolvSource resolv_source(const BootPlan *plan)
{
        static const ResolvSource sources[_RESOLV_CONF_MAX] = {
                [RESOLV_CONF_OFF] = { ACTION_NONE, NULL },
                [RESOLV_CONF_COPY_HOST] = { ACTION_COPY, RESOLV_CONF },
                [RESOLV_CONF_COPY_STATIC] = { ACTION_COPY, RESOLVED_STATIC },
                [RESOLV_CONF_COPY_UPLINK] = { ACTION_COPY, RESOLVED "resolv.conf" },
                [RESOLV_CONF_COPY_STUB] = { ACTION_COPY, RESOLVED "stub-resolv.conf" },
                [RESOLV_CONF_REPLACE_HOST] = { ACTION_REPLACE, RESOLV_CONF },
                [RESOLV_CONF_REPLACE_STATIC] = { ACTION_REPLACE, RESOLVED_STATIC },
                [RESOLV_CONF_REPLACE_UPLINK] = { ACTION_REPLACE, RESOLVED "resolv.conf" },
                [RESOLV_CONF_REPLACE_STUB] = { ACTION_REPLACE, RESOLVED "stub-resolv.conf" },
                [RESOLV_CONF_BIND_HOST] = { ACTION_BIND, RESOLV_CONF },
                [RESOLV_CONF_BIND_STATIC] = { ACTION_BIND, RESOLVED_STATIC },
                [RESOLV_CONF_BIND_UPLINK] = { ACTION_BIND, RESOLVED "resolv.conf" },
                [RESOLV_CONF_BIND_STUB] = { ACTION_BIND, RESOLVED "stub-resolv.conf" },
                [RESOLV_CONF_DELETE] = { ACTION_DELETE, NULL },
        };

        if (plan->resolv_conf != RESOLV_CONF_AUTO)
                return sources[plan->resolv_conf];
        if (plan->pod || network_plan_has_links(&plan->network))
                return (ResolvSource){ ACTION_OWN, NULL };
        if (plan->private_network)
                return (ResolvSource){ ACTION_NONE, NULL };
        return (ResolvSource){ ACTION_AUTO, access(RESOLVED "stub-resolv.conf", F_OK) >= 0
                                                    ? RESOLVED "stub-resolv.conf"
                                                    : RESOLV_CONF };
}

static int bind_file(Assembly *a, const char *source, const char *target, Error *error)
{
        int fd = mount_clone(AT_FDCWD, source, false);
        int r = fd < 0 ? fd
                       : mount_set_attributes(fd, MOUNT_ATTR_RDONLY | MOUNT_ATTRIBUTES_API, 0,
                                              false);

        if (r < 0) {
                closep(&fd);
                return error_errno(error, -r, "Failed to clone the mount of '%s'", source);
        }
        return assembly_attach_consume(a, fd, target, error);
}

/* Writes @text to a path of the machine, beside and renamed; -ELOOP when a symlink is in the way.
 */
static int put_file(Assembly *a, const char *path, const char *text, bool replace_symlink)
{
        _cleanup_free_ char *old = NULL;
        _cleanup_close_ int parent = -EBADF;
        const char *name;
        struct stat st;

        parent = path_open_parent(a->root_fd, path, &name);
        if (parent < 0)
                return parent;
        if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
                if (S_ISLNK(st.st_mode) && !replace_symlink)
                        return -ELOOP;
                if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
                        return -EEXIST; /* a fifo, a device: not ours to remove */
                if (S_ISREG(st.st_mode) && read_file_at(parent, name, RESOLV_CONF_MAX, &old) >= 0 &&
                    strcmp(old, text) == 0)
                        return 0;
        }
        return write_file_atomic_at(parent, name, text, 0644);
}

/* A new file with its directories in the machine's /run. */
static int write_in_run(Assembly *a, const char *path, const char *text, Error *error)
{
        _cleanup_free_ char *parent = strndup(path, (size_t)(strrchr(path, '/') - path));
        int r = parent ? assembly_mkdir(a, parent, 0755, error)
                       : error_set(error, ENOMEM, "Out of memory");

        return r < 0 ? r : assembly_write(a, path, 0644, text, strlen(text), error);
}

/* Where the tree's link leads into /run, which is the machine's and empty: a resolver inside will
 * replace it when it starts, and if none does, names are found all the same. */
static int write_behind_link(Assembly *a, const char *text, Error *error)
{
        _cleanup_close_ int parent = -EBADF;
        char target[PATH_MAX], path[PATH_MAX];
        const char *name, *in_run;
        ssize_t n;

        parent = path_open_parent(a->root_fd, RESOLV_CONF, &name);
        n = parent < 0 ? -1 : readlinkat(parent, name, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';
        in_run = strncmp(target, "../run/", 7) == 0 ? target + 2 : target;
        if (strncmp(in_run, "/run/", 5) != 0 || strstr(in_run, "/../"))
                return 0;
        (void)snprintf(path, sizeof(path), "%s", in_run);
        return write_in_run(a, path, text, error);
}

/* What the machine's own network says of name servers, if it says anything. */
static int set_own_resolv_conf(Assembly *a, Error *error)
{
        _cleanup_free_ char *text = NULL;
        int r = network_resolv_conf(a->network, &text);

        if (r < 0)
                return error_set(error, -r, "Out of memory");
        if (!text)
                return 0;
        r = put_file(a, RESOLV_CONF, text, false);
        if (r == -ELOOP)
                return write_behind_link(a, text, error);
        return r < 0 && r != -EEXIST && r != -ENOENT && r != -ENOTDIR && r != -EROFS
                       ? error_errno(error, -r, "Failed to write '" RESOLV_CONF "' of machine '%s'",
                                     a->plan->machine)
                       : 0;
}

typedef struct NetworkFile {
        const char *path;
        int (*text)(const Network *n, char **ret);
} NetworkFile;

/* For the programs of systemd inside, so that they keep what is there. */
static int set_network_files(Assembly *a, Error *error)
{
        static const NetworkFile own[] = {
                { "/run/systemd/network/70-stead.network", network_networkd_file },
                { "/run/systemd/resolved.conf.d/70-stead.conf", network_resolved_file },
                { NULL, NULL },
        }, of_pod[] = {
                { "/run/systemd/network/70-stead.network", network_unmanaged_file },
                { "/run/systemd/resolved.conf.d/70-stead.conf", network_resolved_file },
                { "/run/systemd/system/systemd-networkd-wait-online.service.d/70-stead.conf",
                  network_online_file },
                { NULL, NULL },
        };
        int r = 0;

        if (a->plan->init != INIT_SYSTEMD || !a->network)
                return 0;
        for (const NetworkFile *f = a->plan->pod ? of_pod : own; f->path && r >= 0; f++) {
                _cleanup_free_ char *text = NULL;

                r = f->text(a->network, &text);
                if (r < 0)
                        return error_set(error, -r, "Out of memory");
                if (text)
                        r = write_in_run(a, f->path, text, error);
        }
        return r;
}

static int set_resolv_conf(Assembly *a, Error *error)
{
        ResolvSource s = resolv_source(a->plan);
        _cleanup_free_ char *text = NULL;
        ssize_t n;
        int r;

        if (s.action == ACTION_NONE)
                return 0;
        if (s.action == ACTION_OWN)
                return set_own_resolv_conf(a, error);
        if (s.action == ACTION_DELETE) {
                const char *name;
                _cleanup_close_ int parent = path_open_parent(a->root_fd, RESOLV_CONF, &name);

                if (parent >= 0 && unlinkat(parent, name, 0) < 0 && errno != ENOENT)
                        return error_errno(error, errno, "Failed to delete '" RESOLV_CONF "'");
                return 0;
        }
        n = read_file_at(AT_FDCWD, s.path, RESOLV_CONF_MAX, &text);
        if (n < 0 && s.action == ACTION_AUTO)
                return 0; /* a host without a resolver has none to pass on */
        if (n < 0) {
                error_errno(error, (int)-n, "Failed to read '%s' for --resolv-conf=%s", s.path,
                            resolv_conf_to_string(a->plan->resolv_conf));
                error_hint(error, "--resolv-conf=auto");
                return (int)n;
        }
        if (s.action == ACTION_BIND)
                return bind_file(a, s.path, RESOLV_CONF, error);
        r = put_file(a, RESOLV_CONF, text, s.action == ACTION_REPLACE);
        if (r == -EROFS && s.action == ACTION_AUTO)
                r = path_exists(a->root_fd, RESOLV_CONF) >= 0
                            ? bind_file(a, s.path, RESOLV_CONF, error)
                            : 0;
        if (r == -ELOOP || r == -EEXIST || r == -ENOENT || r == -ENOTDIR)
                return 0; /* the tree has its own idea, or no /etc at all */
        return r < 0 ? error_errno(error, -r, "Failed to write '" RESOLV_CONF "' of machine '%s'",
                                   a->plan->machine)
                     : 0;
}

/* 0: linked (or was already), -ENOENT: the tree does not have the zone, -EROFS ... */
static int link_timezone(Assembly *a)
{
        _cleanup_free_ char *target = NULL, *beside = NULL;
        char old[PATH_MAX];
        const char *name;
        _cleanup_close_ int parent = -EBADF;
        ssize_t n;
        int r;

        if (asprintf(&target, "../usr/share/zoneinfo/%s", a->plan->timezone_name) < 0) {
                target = NULL;
                return -ENOMEM;
        }
        r = path_exists(a->root_fd, target + 2);
        if (r < 0)
                return r;
        parent = path_open_parent(a->root_fd, "/etc/localtime", &name);
        if (parent < 0)
                return parent;
        n = readlinkat(parent, name, old, sizeof(old) - 1);
        if (n > 0) {
                old[n] = '\0';
                if (strcmp(old, target) == 0 || strcmp(old, target + 2) == 0)
                        return 0;
        }
        if (asprintf(&beside, ".%s.stead", name) < 0) {
                beside = NULL;
                return -ENOMEM;
        }
        (void)unlinkat(parent, beside, 0); /* of a killed run */
        if (symlinkat(target, parent, beside) < 0 || renameat(parent, beside, parent, name) < 0)
                return -errno;
        return 0;
}

static int copy_timezone(Assembly *a)
{
        _cleanup_free_ char *data = NULL;
        _cleanup_close_ int parent = -EBADF, fd = -EBADF;
        const char *name;
        ssize_t n = read_file_at(AT_FDCWD, "/etc/localtime", RESOLV_CONF_MAX, &data);

        if (n < 0)
                return (int)n;
        parent = path_open_parent(a->root_fd, "/etc/localtime", &name);
        if (parent < 0)
                return parent;
        if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        return fd < 0 ? -errno : write_all(fd, data, (size_t)n);
}

static int set_timezone(Assembly *a, Error *error)
{
        Timezone mode = a->plan->timezone;
        const char *name;
        int r = 0;

        if (mode == TIMEZONE_OFF)
                return 0;
        if (mode == TIMEZONE_DELETE) {
                _cleanup_close_ int parent = path_open_parent(a->root_fd, "/etc/localtime", &name);

                if (parent >= 0 && unlinkat(parent, name, 0) < 0 && errno != ENOENT)
                        return error_errno(error, errno, "Failed to delete '/etc/localtime'");
                return 0;
        }
        if (access("/etc/localtime", F_OK) < 0)
                return 0; /* the host runs on UTC, and so does a tree without the file */
        if (mode == TIMEZONE_COPY || (mode == TIMEZONE_AUTO && !a->plan->timezone_name))
                r = copy_timezone(a);
        else if (mode == TIMEZONE_SYMLINK || mode == TIMEZONE_AUTO)
                r = a->plan->timezone_name ? link_timezone(a) : -EINVAL;
        if (mode == TIMEZONE_BIND || (mode == TIMEZONE_AUTO && r < 0)) {
                if (mode == TIMEZONE_AUTO && path_exists(a->root_fd, "/etc/localtime") < 0)
                        return 0; /* nothing to mount on, and nothing may be written */
                return bind_file(a, "/etc/localtime", "/etc/localtime", error);
        }
        if (r < 0) {
                error_errno(error, -r, "Failed to set the time zone '%s' of machine '%s'",
                            a->plan->timezone_name ?: "of the host", a->plan->machine);
                error_hint(error, "--timezone=auto  (or install tzdata in the tree)");
        }
        return r;
}

int assembly_etc(Assembly *a, Error *error)
{
        int r = set_resolv_conf(a, error);

        if (r >= 0)
                r = set_network_files(a, error);
        return r < 0 ? r : set_timezone(a, error);
}
