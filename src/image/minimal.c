/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/minimal.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/strv.h"
#include "os/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ACCOUNTS_LIMIT ((size_t)16 * 1024 * 1024)
#define LIBC_LIMIT ((size_t)64 * 1024 * 1024)

void minimal_done(Minimal *m)
{
        closure_done(&m->closure);
        free(m->program);
        free(m->passwd);
        free(m->group);
        *m = MINIMAL_NULL;
}

/* What is there comes along, what is not is not needed. */
static int add_if_there(Minimal *m, const char *path, const char *why, Error *error)
{
        int r = carry_add_all(&m->closure.carry, path, why);

        return r < 0 && r != -ENOENT && r != -EBADFD
                       ? error_errno(error, -r, "Failed to take '%s' along", path)
                       : 0;
}

static int add_libraries(Minimal *m, const char *const *names, size_t n, const char *why,
                         Error *error)
{
        for (size_t i = 0; i < n; i++) {
                int r = closure_add_library(&m->closure, names[i], why, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Since glibc 2.34 files and dns are part of libc itself. Which versions of its interface a libc
 * has are strings in it. 1 if it is one of those, 0 if not, or if there is none. */
static int libc_has_name_services(const Minimal *m)
{
        static const char version[] = "\0GLIBC_2.34";

        for (size_t i = 0; i < m->closure.carry.n; i++) {
                const char *path = m->closure.carry.items[i].path;
                _cleanup_free_ char *text = NULL;
                ssize_t size;

                if (!S_ISREG(m->closure.carry.items[i].type) ||
                    strcmp(strrchr(path, '/'), "/libc.so.6") != 0)
                        continue;
                size = path_read(m->closure.carry.root_fd, path, LIBC_LIMIT, &text);
                if (size < 0)
                        return (int)size;
                return memmem(text, (size_t)size, version, sizeof(version)) != NULL;
        }
        return 0;
}

static int add_nss(Minimal *m, Error *error)
{
        static const char *const libraries[] = { "libnss_files.so.2", "libnss_dns.so.2",
                                                 "libresolv.so.2" };
        static const char *const files[] = { "/etc/hosts", "/etc/services", "/etc/protocols",
                                             "/etc/host.conf", "/etc/gai.conf" };
        int r = libc_has_name_services(m);

        if (r < 0)
                return error_errno(error, -r, "Failed to read the C library");
        if (r == 0)
                r = add_libraries(m, libraries, ELEMENTSOF(libraries), "name services", error);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(files); i++)
                r = add_if_there(m, files[i], "name services", error);
        return r;
}

/* Where OpenSSL, GnuTLS and Go look in a Debian: the bundle, and the names that lead to it. */
static int add_certificates(Minimal *m, Error *error)
{
        static const char bundle[] = "/etc/ssl/certs/ca-certificates.crt";
        int r = carry_add(&m->closure.carry, bundle, "certificates", NULL);

        if (r == -ENOENT) {
                error_hint(error, "apt-get install ca-certificates  (in the source tree)");
                return error_set(error, ENOENT, "There are no certificates: '%s' is missing",
                                 bundle);
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to take '%s' along", bundle);
        r = add_if_there(m, "/usr/lib/ssl/openssl.cnf", "certificates", error);
        return r < 0 ? r : add_if_there(m, "/usr/share/zoneinfo/UTC", "certificates", error);
}

/* The modules of a gconv directory are loaded by name, and so all of them come. */
static int add_gconv(Minimal *m, Error *error)
{
        static const char *const triplets[] = { "x86_64-linux-gnu", "aarch64-linux-gnu",
                                                "i386-linux-gnu", "arm-linux-gnueabihf" };

        for (size_t i = 0; i < ELEMENTSOF(triplets); i++) {
                char path[64];
                int r;

                (void)snprintf(path, sizeof(path), "/usr/lib/%s/gconv", triplets[i]);
                r = add_if_there(m, path, "character sets", error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool wants_account(const MinimalRequest *request, const char *name)
{
        return strcmp(name, "root") == 0 || strcmp(name, "nobody") == 0 ||
               strcmp(name, "nogroup") == 0 || strv_contains(request->users, name);
}

static const char *fallback(const char *path)
{
        return strcmp(path, "/etc/passwd") == 0
                       ? "root:x:0:0:root:/root:/bin/sh\n"
                         "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
                       : "root:x:0:\nnogroup:x:65534:\n";
}

/* The lines of the source tree for those who are wanted. */
static int pick_accounts(int root_fd, const char *path, const MinimalRequest *request, char **ret,
                         Error *error)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;
        ssize_t size = path_read(root_fd, path, ACCOUNTS_LIMIT, &text);

        if (size < 0 && size != -ENOENT)
                return error_errno(error, (int)-size, "Failed to read '%s'", path);
        for (char *line = text, *next; line && *line; line = next) {
                size_t length = strcspn(line, "\n");

                next = line + length + (line[length] == '\n');
                line[length] = 0;
                {
                        _cleanup_free_ char *name = strndup(line, strcspn(line, ":"));

                        if (!name)
                                return error_set(error, ENOMEM, "Out of memory");
                        if (wants_account(request, name))
                                buffer_printf(&out, "%s\n", line);
                }
        }
        if (out.size == 0)
                buffer_puts(&out, fallback(path));
        *ret = buffer_steal(&out);
        return *ret ? 0 : error_set(error, ENOMEM, "Out of memory");
}

static int check_users(const Minimal *m, const MinimalRequest *request, Error *error)
{
        for (char *const *user = request->users; user && *user; user++) {
                _cleanup_free_ char *start = NULL;

                if (asprintf(&start, "\n%s:", *user) < 0) {
                        start = NULL;
                        return error_set(error, ENOMEM, "Out of memory");
                }
                if (strncmp(m->passwd, start + 1, strlen(start + 1)) != 0 &&
                    !strstr(m->passwd, start))
                        return error_set(error, ENOENT, "There is no user '%s' in the source tree",
                                         *user);
        }
        return 0;
}

/* A machine has these for itself, and what lies there in its tree is not to be seen. */
static int check_place(const char *path, Error *error)
{
        static const char *const hidden[] = { "/dev/", "/proc/", "/run/", "/sys/", "/tmp/" };

        for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
                if (strncmp(path, hidden[i], strlen(hidden[i])) == 0) {
                        error_hint(error, "cp %s /usr/local/bin  (of the source tree)", path);
                        return error_set(error, EINVAL,
                                         "Program '%s' could not be started: a machine mounts its "
                                         "own %.*s",
                                         path, (int)strlen(hidden[i]) - 1, hidden[i]);
                }
        return 0;
}

static int add_programs(Minimal *m, const MinimalRequest *request, Error *error)
{
        for (char *const *word = request->programs; *word; word++) {
                int r = check_place(*word, error);

                if (r < 0)
                        return r;
                r = closure_add_program(&m->closure, *word,
                                        word == request->programs ? &m->program : NULL, error);

                if (r < 0)
                        return r;
        }
        for (char *const *path = request->files; path && *path; path++) {
                int r = closure_add_all(&m->closure, *path, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_missing(const Minimal *m, Error *error)
{
        _cleanup_free_ char *list = NULL;

        if (!m->closure.missing)
                return 0;
        list = strv_join(m->closure.missing, ", ");
        error_hint(error, "install the packages that hold them into the source tree");
        return error_set(error, ENOENT, "Libraries are missing: %s", list ?: "");
}

int minimal_plan(int root_fd, const MinimalRequest *request, Minimal *ret, Error *error)
{
        _cleanup_minimal_ Minimal m = MINIMAL_NULL;
        int r = closure_open(root_fd, &m.closure, error);

        if (r >= 0)
                r = add_programs(&m, request, error);
        if (r >= 0)
                r = add_if_there(&m, "/etc/os-release", "what the tree is", error);
        if (r >= 0 && request->nss)
                r = add_nss(&m, error);
        if (r >= 0 && request->certificates)
                r = add_certificates(&m, error);
        if (r >= 0 && request->gconv)
                r = add_gconv(&m, error);
        if (r >= 0)
                r = check_missing(&m, error);
        if (r >= 0)
                r = pick_accounts(root_fd, "/etc/passwd", request, &m.passwd, error);
        if (r >= 0)
                r = pick_accounts(root_fd, "/etc/group", request, &m.group, error);
        if (r >= 0)
                r = check_users(&m, request, error);
        if (r < 0)
                return r;
        m.name_services = request->nss;
        for (size_t i = 0; i < m.closure.carry.n; i++)
                if (S_ISREG(m.closure.carry.items[i].type))
                        m.bytes += m.closure.carry.items[i].size;
        *ret = m;
        m = MINIMAL_NULL;
        return 0;
}

static const struct {
        const char *path;
        mode_t mode;
} directories[] = {
        { "/dev", 0755 }, { "/etc", 0755 },      { "/proc", 0555 }, { "/root", 0700 },
        { "/run", 0755 }, { "/sys", 0555 },      { "/tmp", 01777 }, { "/usr", 0755 },
        { "/var", 0755 }, { "/var/tmp", 01777 },
};

/* Links came along out of a tree that nobody has to trust, /etc -> /elsewhere among them: every
 * path is resolved in the new tree. */
static int make_directories(int target_fd)
{
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                const char *name;
                _cleanup_close_ int parent =
                        path_open_parent(target_fd, directories[i].path, &name);

                if (parent < 0)
                        return parent;
                if (mkdirat(parent, name, 0755) < 0) {
                        if (errno == EEXIST)
                                continue;
                        return -errno;
                }
                if (fchmodat(parent, name, directories[i].mode, 0) < 0)
                        return -errno;
        }
        return 0;
}

/* One that came along with --add= has these libraries, too. */
static int write_library_cache(const Minimal *m, int target_fd)
{
        const char *name;
        _cleanup_close_ int parent = path_open_parent(target_fd, "/etc/ld.so.cache", &name),
                            fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        size_t size = 0;
        int r = parent;

        if (r >= 0)
                r = library_cache_select(&m->closure.cache, m->closure.odd_libraries, &data, &size);
        if (r < 0)
                return r;
        fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return errno == EEXIST ? 0 : -errno;
        return write_all(fd, data, size);
}

/* Only where a library lies in a place of its own, which the loader knows by its cache alone; the
 * list of such places is for whoever runs ldconfig there one day. */
static int write_library_places(const Minimal *m, int target_fd)
{
        _cleanup_free_ char *text = NULL;
        int r;

        if (!m->closure.odd_directories)
                return 0;
        text = strv_join(m->closure.odd_directories, "\n");
        r = text ? path_write(target_fd, "/etc/ld.so.conf", text, 0644) : -ENOMEM;
        return r < 0 ? r : write_library_cache(m, target_fd);
}

static int write_accounts(const Minimal *m, int target_fd)
{
        int r = path_write(target_fd, "/etc/passwd", m->passwd, 0644);

        if (r >= 0)
                r = path_write(target_fd, "/etc/group", m->group, 0644);
        if (r >= 0 && (m->name_services || m->closure.asks_names))
                r = path_write(target_fd, "/etc/nsswitch.conf",
                               "passwd: files\ngroup: files\nshadow: files\n"
                               "hosts: files dns\nservices: files\nprotocols: files\n",
                               0644);
        return r;
}

int minimal_make(const Minimal *m, int target_fd, Error *error)
{
        int r = carry_copy(&m->closure.carry, target_fd, error);

        if (r < 0)
                return r;
        r = make_directories(target_fd);
        if (r >= 0)
                r = write_accounts(m, target_fd);
        if (r >= 0)
                r = write_library_places(m, target_fd);
        return r < 0 ? error_errno(error, -r, "Failed to make the tree") : 0;
}

static int forget_time(int target_fd, const char *path)
{
        const struct timespec none[] = { { 0 }, { 0 } };
        const char *name;
        _cleanup_close_ int parent = path_open_parent(target_fd, path, &name);

        if (parent < 0)
                return parent;
        return utimensat(parent, name, none, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int minimal_settle(int target_fd, Error *error)
{
        static const char *const written[] = { "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
                                               "/etc/ld.so.conf", "/etc/ld.so.cache" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(written); i++) {
                r = forget_time(target_fd, written[i]);
                if (r == -ENOENT) /* not each tree needs each of them */
                        r = 0;
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(directories); i++)
                r = forget_time(target_fd, directories[i].path);
        if (r >= 0)
                r = forget_time(target_fd, ".");
        return r < 0 ? error_errno(error, -r, "Failed to set times") : 0;
}
