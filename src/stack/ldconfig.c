/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two processes: one mounts and waits, with our rights; its child enters the mounted tree, gives up
 * all rights and becomes ldconfig. Libraries of a machine are input that nobody has checked. */

#include "stack/ldconfig.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/capability.h"
#include "os/clone.h"
#include "os/mount.h"
#include "os/path.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SCRATCH "/tmp" /* covered in a mount namespace of our own */
#define LIBRARY_MAX (512 * 1024 * 1024)
#define CACHE_MAX ((size_t)16 * 1024 * 1024)

bool ldconfig_cares(const char *path)
{
        static const char *const patterns[] = {
                "/etc/ld.so.conf",       "/etc/ld.so.conf.d/*",
                "/lib*/*.so*",           "/lib/*-linux-*/*.so*",
                "/usr/lib*/*.so*",       "/usr/lib/*-linux-*/*.so*",
                "/usr/local/lib*/*.so*", "/usr/local/lib/*-linux-*/*.so*",
        };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++)
                if (fnmatch(patterns[i], path, FNM_PATHNAME) == 0)
                        return true;
        return false;
}

/* A new file below the scratch directory, its parents made. */
static int make_path(const char *below, const char *path, char **ret)
{
        _cleanup_free_ char *full = NULL, *parent = NULL;
        int r;

        if (asprintf(&full, SCRATCH "/%s%s", below, path) < 0) {
                full = NULL;
                return -ENOMEM;
        }
        parent = strndup(full, (size_t)(strrchr(full, '/') - full));
        r = parent ? mkdir_parents_at(AT_FDCWD, parent, 0755) : -ENOMEM;
        if (r >= 0)
                *ret = TAKE_PTR(full);
        return r;
}

static int put_content(const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        return fd < 0 ? -errno : write_all(fd, data, size);
}

static int put_copy(const char *path, int from)
{
        _cleanup_close_ int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        ssize_t n = to < 0 ? -1 : 1;

        while (n > 0)
                n = sendfile(to, from, NULL, LIBRARY_MAX);
        return n < 0 ? -errno : 0;
}

static int put_whiteout(const char *path)
{
        return mknod(path, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
}

static int put_object(const LdconfigRequest *q, const Entry *e, const char *path)
{
        _cleanup_close_ int from = -EBADF;
        Hash id;
        int r = entry_object_id(q->store->hasher, e, &id);

        from = r < 0 ? r : store_open_object(q->store, &id);
        return from < 0 ? from : put_copy(path, from);
}

/* What was generated, as far as the linker cares. */
static int put_generated(const LdconfigRequest *q)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < q->generated->n; i++) {
                const MergedFile *file = q->generated->list[i];
                const Entry *e = &file->entry;
                _cleanup_free_ char *path = NULL;

                if (!ldconfig_cares(e->path))
                        continue;
                r = make_path("generated", e->path, &path);
                if (r < 0)
                        break;
                if (e->kind == ENTRY_FILE)
                        r = file->content || e->size == 0
                                    ? put_content(path, file->content, e->size)
                                    : put_object(q, e, path);
                else if (e->kind == ENTRY_SYMLINK)
                        r = symlink(e->target, path) < 0 ? -errno : 0;
                else if (e->kind == ENTRY_WHITEOUT)
                        r = put_whiteout(path);
        }
        return r;
}

/* One file of the state. It may be anything. */
static int put_name(int dirfd, const char *name, const char *path)
{
        _cleanup_close_ int fd = -EBADF;
        char target[PATH_MAX];
        struct stat st;
        ssize_t n;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode)) {
                n = readlinkat(dirfd, name, target, sizeof(target) - 1);
                if (n < 0)
                        return -errno;
                target[n] = '\0';
                return symlink(target, path) < 0 ? -errno : 0;
        }
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
                return put_whiteout(path);
        if (!S_ISREG(st.st_mode) || st.st_size > LIBRARY_MAX)
                return 0;
        fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        return fd < 0 ? -errno : put_copy(path, fd);
}

/* The state cannot be mounted: its file system may be in nobody's mount namespace. What the linker
 * looks at is copied. */
static int put_directory(int upper_fd, const char *directory)
{
        _cleanup_closedir_ DIR *d = NULL;
        int fd = path_open(upper_fd, directory, O_RDONLY | O_DIRECTORY, 0), r = 0;

        d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                closep(&fd);
                return 0; /* the state has nothing there */
        }
        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                _cleanup_free_ char *path = NULL, *full = NULL;

                if (!strstr(e->d_name, ".so") && !strstr(e->d_name, ".conf"))
                        continue;
                if (asprintf(&path, "%s/%s", directory, e->d_name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = make_path("state", path, &full);
                if (r >= 0)
                        r = put_name(dirfd(d), e->d_name, full);
                if (r == -EEXIST)
                        r = 0; /* a directory that is named twice */
        }
        return r;
}

static int put_state(const LdconfigRequest *q)
{
        int r = 0;

        for (char *const *d = q->directories; r >= 0 && q->upper_fd >= 0 && d && *d; d++)
                r = put_directory(q->upper_fd, *d);
        return r;
}

/* Opened here, since an overlay takes only mounts of our own namespace, and before the scratch
 * directory covers any of them. By descriptor no path can disturb the list. */
static int list_lowers(const LdconfigRequest *q, Buffer *ret)
{
        for (size_t i = strv_length(q->lowers); i > 0; i--) {
                int fd = open(q->lowers[i - 1], O_PATH | O_DIRECTORY); /* until our end */

                if (fd < 0)
                        return -errno;
                buffer_printf(ret, ":%s", fd_path(fd).path);
        }
        return buffer_error(ret);
}

static _noreturn_ void become_ldconfig(int program_fd, int root_fd)
{
        static const struct {
                int resource;
                rlim_t limit;
        } limits[] = {
                { RLIMIT_CPU, 20 },
                { RLIMIT_AS, (rlim_t)1 << 30 },
                { RLIMIT_FSIZE, CACHE_MAX },
                { RLIMIT_CORE, 0 },
        };
        char *argv[] = { (char *)"ldconfig", (char *)"-i", (char *)"-X", NULL }, *none[] = { NULL };
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);

        for (size_t i = 0; i < ELEMENTSOF(limits); i++)
                if (setrlimit(limits[i].resource,
                              &(struct rlimit){ limits[i].limit, limits[i].limit }) < 0)
                        _exit(125);
        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
            dup2(null_fd, STDERR_FILENO) < 0 || fchdir(root_fd) < 0 || chroot(".") < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || capability_apply(0, 0) < 0)
                _exit(126);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) /* last: a change of rights undoes it */
                _exit(126);
        (void)umask(022);
        (void)execveat(program_fd, "", argv, none, AT_EMPTY_PATH);
        _exit(127);
}

static int wait_for(int pid_fd)
{
        siginfo_t info = {};
        int r = pidfd_reap(pid_fd, &info);

        if (r < 0)
                return r;
        return info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : -EIO;
}

static int copy_cache(int result_fd)
{
        _cleanup_free_ char *data = NULL;
        ssize_t n = read_file_at(AT_FDCWD, SCRATCH "/upper/etc/ld.so.cache", CACHE_MAX, &data);

        return n < 0 ? (int)n : write_all(result_fd, data, (size_t)n);
}

static int make_scratch(const LdconfigRequest *q)
{
        _cleanup_close_ int tmp =
                mount_newf("tmpfs", MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, "mode=755");
        int r = tmp < 0 ? tmp : mount_attach(tmp, AT_FDCWD, SCRATCH);

        if (r >= 0 && (mkdir(SCRATCH "/upper", 0755) < 0 || mkdir(SCRATCH "/work", 0755) < 0 ||
                       mkdir(SCRATCH "/generated", 0755) < 0 || mkdir(SCRATCH "/state", 0755) < 0))
                r = -errno;
        if (r >= 0)
                r = put_generated(q);
        return r < 0 ? r : put_state(q);
}

/* The first process; returns what its exit status says. */
static int mount_and_run(const LdconfigRequest *q, int program_fd, int result_fd)
{
        _cleanup_close_ int root = -EBADF, pid_fd = -EBADF;
        _cleanup_buffer_ Buffer lowers = BUFFER_NULL;
        pid_t pid;
        int r;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return -errno;
        (void)umask(022);
        r = list_lowers(q, &lowers);
        if (r >= 0)
                r = make_scratch(q);
        if (r < 0)
                return r;
        root = mount_newf("overlay", MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
                          "lowerdir=" SCRATCH "/state:" SCRATCH "/generated%s,upperdir=" SCRATCH
                          "/upper,workdir=" SCRATCH "/work",
                          lowers.data);
        if (root < 0)
                return root;
        pid = clone_process(0, -EBADF, &pid_fd);
        if (pid == 0)
                become_ldconfig(program_fd, root);
        r = pid < 0 ? (int)pid : wait_for(pid_fd);
        return r < 0 ? r : copy_cache(result_fd);
}

/* Some distributions wrap it into a script that only defers its work. */
static int open_program(void)
{
        static const char *const paths[] = { "/sbin/ldconfig.real", "/usr/sbin/ldconfig.real",
                                             "/sbin/ldconfig", "/usr/sbin/ldconfig" };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                int fd = open(paths[i], O_PATH | O_CLOEXEC);

                if (fd >= 0)
                        return fd;
        }
        return -ENOENT;
}

int ldconfig_run(const LdconfigRequest *request, char **ret, size_t *ret_size, Error *error)
{
        _cleanup_close_ int program = open_program(), pid_fd = -EBADF,
                            result = memfd_create("ld.so.cache", MFD_CLOEXEC);
        siginfo_t info = {};
        ssize_t n;
        pid_t pid;
        int r;

        if (program < 0)
                return error_errno(error, -program, "Failed to find ldconfig on the host");
        if (result < 0)
                return error_errno(error, errno, "Failed to make a file in memory");
        pid = clone_process(CLONE_NEWNS, -EBADF, &pid_fd);
        if (pid == 0) {
                r = mount_and_run(request, program, result);
                _exit(r < 0 ? MIN_OF(-r, 255) : 0);
        }
        r = pid < 0 ? (int)pid : pidfd_reap(pid_fd, &info);
        if (r >= 0 && (info.si_code != CLD_EXITED || info.si_status != 0))
                r = info.si_code == CLD_EXITED ? -info.si_status : -EIO;
        if (r >= 0 && lseek(result, 0, SEEK_SET) < 0)
                r = -errno;
        n = r < 0 ? r : read_fd(result, CACHE_MAX, ret);
        if (n < 0)
                return error_errno(error, (int)-n, "Failed to make ld.so.cache with ldconfig");
        *ret_size = (size_t)n;
        return 0;
}
