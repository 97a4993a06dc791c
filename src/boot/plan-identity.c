/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who the machine is: tree, name, id, operating system. Reads the tree through its descriptor. */

#include "boot/plan-parts.h"

#include "base/fd.h"
#include "base/strv.h"
#include "config/definition.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define SYSTEMD_VERSION_CGROUP2 230U /* container-interface CI-104 */

static const char *const tree_places[] = {
        "/var/lib/machines",
        "/run/machines",
        "/usr/local/lib/machines",
        "/usr/lib/machines",
};

int plan_find_tree(const char *name, const char *suffix, char **ret)
{
        for (size_t i = 0; i < ELEMENTSOF(tree_places); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/%s%s", tree_places[i], name, suffix) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                if (access(path, F_OK) >= 0) {
                        *ret = TAKE_PTR(path);
                        return 0;
                }
        }
        return -ENOENT;
}

static int directory_of_name(const char *name, char **ret, Error *error)
{
        int r = plan_find_tree(name, "", ret);

        if (r != -ENOENT)
                return r < 0 ? error_set(error, -r, "Out of memory") : 0;
        error_set(
                error, ENOENT,
                "There is no tree for machine '%s': no directory /var/lib/machines/%s, and no disk "
                "image of that name with .raw",
                name, name);
        error_hint(error, "stead create %s debian/12  (or name a tree: --directory=PATH)", name);
        return -ENOENT;
}

static bool is_image(const char *path)
{
        size_t n = strlen(path);

        return strncmp(path, "/dev/", 5) == 0 || (n > 4 && strcmp(path + n - 4, ".raw") == 0);
}

int plan_directory(BootPlan *plan, Settings *s, Error *error)
{
        _cleanup_free_ char *given = TAKE_PTR(s->directory);
        struct stat st;

        if (s->disk_max > 0 && s->disk_max != DISK_MAX_INFINITY) {
                error_hint(error, "quota(1), or make it of layers: stead create NAME debian/12");
                return error_set(
                        error, EOPNOTSUPP,
                        "DiskMax= is for machines of layers, and this one is a plain tree");
        }

        if (!given && s->machine) {
                int r = directory_of_name(s->machine, &given, error);

                if (r < 0)
                        return r;
        }
        plan->directory = realpath(given ?: ".", NULL);
        if (!plan->directory || stat(plan->directory, &st) < 0) {
                error_errno(error, errno, "Cannot use '%s' as a tree", given ?: ".");
                error_hint(error, "stead list --all  (shows the trees there are)");
                return -error->number;
        }
        for (const char *p = plan->directory; *p; p++)
                if ((unsigned char)*p < ' ')
                        return error_set(error, EINVAL,
                                         "Cannot use a tree with control characters in its "
                                         "path");
        if (!S_ISDIR(st.st_mode)) {
                error_set(error, ENOTDIR, "Cannot use '%s' as a tree: it is not a directory",
                          plan->directory);
                error_hint(error,
                           is_image(plan->directory)
                                   ? "--image=%s"
                                   : "stead create NAME %s  (makes a tree from a tar archive)",
                           plan->directory);
                return -ENOTDIR;
        }
        if (strcmp(plan->directory, "/") == 0 && !plan->ephemeral &&
            plan->volatile_mode == VOLATILE_NO) {
                error_set(error, EINVAL, "Refusing to start '/', the running host, as a machine");
                error_hint(error,
                           "add --ephemeral or --volatile=overlay to run on a throw-away view");
                return -EINVAL;
        }
        return 0;
}

int plan_layers(BootPlan *plan, const LayerRoot *layers, Error *error)
{
        plan->directory = realpath(layers->state, NULL);
        if (!plan->directory)
                return error_errno(error, errno, "Cannot use '%s'", layers->state);
        plan->generation = layers->generation;
        return strv_copy(layers->names, &plan->layers) < 0
                       ? error_set(error, ENOMEM, "Out of memory")
                       : 0;
}

/* Without a root partition there is only one kind of root that it can have. Where its root cannot
 * be written to, the machine is read-only. */
int plan_disk(BootPlan *plan, Settings *s, const DiskRoot *disk, Error *error)
{
        bool throw_away = plan->ephemeral || plan->volatile_mode == VOLATILE_OVERLAY;

        if (disk->usr_only && plan->volatile_mode != VOLATILE_NO &&
            plan->volatile_mode != VOLATILE_YES) {
                error_hint(error, "--volatile=yes");
                return error_set(error, EINVAL,
                                 "Disk image '%s' has only a /usr, which makes no other root than "
                                 "a temporary one",
                                 disk->path);
        }
        plan->directory = strdup(disk->path);
        plan->disk = true;
        if (disk->usr_only) {
                plan->volatile_mode = VOLATILE_YES;
                plan->ephemeral = false;
        }
        plan->read_only |= disk->usr_only || (disk->fs[DISK_ROOT].read_only && !throw_away);
        return plan->directory ? 0 : error_set(error, ENOMEM, "Out of memory");
}

int plan_name(BootPlan *plan, Settings *s, Error *error)
{
        uint32_t random;
        int r;

        plan->machine = TAKE_PTR(s->machine);
        if (!plan->machine) {
                r = plan->disk ? machine_name_from_image(plan->directory, &plan->machine)
                               : machine_name_from_path(plan->directory, &plan->machine);
                if (r < 0) {
                        error_set(error, EINVAL, "No machine name can be made from '%s'",
                                  plan->directory);
                        error_hint(error, "add --machine=NAME");
                        return -EINVAL;
                }
                if (plan->ephemeral) {
                        _cleanup_free_ char *base = TAKE_PTR(plan->machine);

                        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
                                random = (uint32_t)getpid();
                        /* 64 characters are the limit of a name: leave room for the suffix */
                        if (asprintf(&plan->machine, "%.55s-%08x", base, random) < 0) {
                                plan->machine = NULL;
                                return error_set(error, ENOMEM, "Out of memory");
                        }
                }
        }
        if (!machine_name_is_valid(plan->machine)) {
                error_set(error, EINVAL,
                          "'%s' is not a machine name: up to 64 characters, labels of a-z, A-Z, "
                          "0-9, - "
                          "and _ joined by single dots, none beginning or ending with a dash",
                          plan->machine);
                error_hint(error, "add --machine=NAME");
                return -EINVAL;
        }
        plan->hostname = s->hostname ? TAKE_PTR(s->hostname) : strdup(plan->machine);
        return plan->hostname ? 0 : error_set(error, ENOMEM, "Out of memory");
}

/* The tree's own id wins, since every program inside will use it (CI-135); in a throw-away machine
 * and in a try it is that of another one, which may run. */
int plan_uuid(BootPlan *plan, const Settings *s, int root_fd, Error *error)
{
        _cleanup_free_ char *text = NULL;
        ssize_t n = path_read(root_fd, "/etc/machine-id", 128, &text);

        plan->is_first_boot = s->volatile_mode == VOLATILE_YES || n == -ENOENT ||
                              (n > 0 && strncmp(text, "uninitialized", 13) == 0);
        if (n >= 32) {
                text[strcspn(text, "\n")] = '\0';
                if (!plan->ephemeral && !s->try_of && parse_id128(text, &plan->uuid) >= 0)
                        return 0;
        }
        if (!id128_is_null(&s->uuid)) {
                plan->uuid = s->uuid;
                return 0;
        }
        if (getrandom(plan->uuid.bytes, sizeof(plan->uuid.bytes), 0) !=
            (ssize_t)sizeof(plan->uuid.bytes))
                return error_errno(error, errno, "Failed to make a machine id");
        plan->uuid_is_fresh = true;
        /* RFC 4122 version 4, variant 1, as machine-id(5) asks for */
        plan->uuid.bytes[6] = (plan->uuid.bytes[6] & 0x0f) | 0x40;
        plan->uuid.bytes[8] = (plan->uuid.bytes[8] & 0x3f) | 0x80;
        return 0;
}

int plan_os_release(BootPlan *plan, const Settings *s, int root_fd, Error *error)
{
        if (plan->start != START_INIT || !s->check_os_release)
                return 0;
        if (path_exists(root_fd, "/etc/os-release") >= 0 ||
            path_exists(root_fd, "/usr/lib/os-release") >= 0)
                return 0;
        error_set(error, ENOENT,
                  "'%s' does not hold an operating system: neither /etc/os-release nor "
                  "/usr/lib/os-release is there",
                  plan->directory);
        error_hint(error, "ls %s  (to boot it all the same: --check-os-release=no)",
                   plan->directory);
        return -ENOENT;
}

/* The version of a tree's systemd, told by the name of its private library
 * (libsystemd-shared-252.so); 0 if there is none, as before version 226. */
static unsigned systemd_version(int root_fd)
{
        static const char *const places[] = { "/usr/lib/systemd", "/lib/systemd",
                                              "/usr/lib/x86_64-linux-gnu/systemd" };

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_closedir_ DIR *d = NULL;
                int fd = path_open(root_fd, places[i], O_RDONLY | O_DIRECTORY, 0);
                unsigned version;

                d = fd < 0 ? NULL : fdopendir(fd);
                for (struct dirent *e; d && (e = readdir(d));)
                        if (sscanf(e->d_name, "libsystemd-shared-%u", &version) == 1)
                                return version;
        }
        return 0;
}

int plan_systemd_age(BootPlan *plan, int root_fd, Error *error)
{
        unsigned version = plan->init == INIT_SYSTEMD ? systemd_version(root_fd) : 0;

        if (version == 0 || version >= SYSTEMD_VERSION_CGROUP2)
                return 0;
        error_set(error, EPROTONOSUPPORT,
                  "The systemd %u of tree '%s' is too old: it does not know cgroup v2 (%u and "
                  "later do)",
                  version, plan->directory, SYSTEMD_VERSION_CGROUP2);
        error_hint(error, "apt-get dist-upgrade  (in the tree: stead run %s -- /bin/sh)",
                   plan->directory);
        return -EPROTONOSUPPORT;
}
