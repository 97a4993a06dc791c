/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lookup.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "os/seccomp.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define PAGE 4096 /* the least of all: memory is there for all of it or for nothing */
#define NO_ARGUMENT (-1)
#define STATUS_LIMIT 65536

typedef struct Call {
        const char *name;
        int directory, path, flags; /* numbers of its arguments */
        int creation;               /* this flag makes what is missing */
        int link_itself;            /* this flag stops at a link */
        bool execution;
} Call;

static const Call calls[] = {
        { "access", NO_ARGUMENT, 0, NO_ARGUMENT, 0, 0, false },
        { "chdir", NO_ARGUMENT, 0, NO_ARGUMENT, 0, 0, false },
        { "chroot", NO_ARGUMENT, 0, NO_ARGUMENT, 0, 0, false },
        { "execve", NO_ARGUMENT, 0, NO_ARGUMENT, 0, 0, true },
        { "execveat", 0, 1, 4, 0, AT_SYMLINK_NOFOLLOW, true },
        { "faccessat", 0, 1, NO_ARGUMENT, 0, 0, false },
        { "faccessat2", 0, 1, 3, 0, AT_SYMLINK_NOFOLLOW, false },
        { "fstatat64", 0, 1, 3, 0, AT_SYMLINK_NOFOLLOW, false },
        { "newfstatat", 0, 1, 3, 0, AT_SYMLINK_NOFOLLOW, false },
        { "open", NO_ARGUMENT, 0, 1, O_CREAT, O_NOFOLLOW, false },
        { "openat", 0, 1, 2, O_CREAT, O_NOFOLLOW, false },
        { "openat2", 0, 1, NO_ARGUMENT, 0, 0, false },
        { "stat", NO_ARGUMENT, 0, NO_ARGUMENT, 0, 0, false },
        { "stat64", NO_ARGUMENT, 0, NO_ARGUMENT, 0, 0, false },
        { "statfs", NO_ARGUMENT, 0, NO_ARGUMENT, 0, 0, false },
        { "statfs64", NO_ARGUMENT, 0, NO_ARGUMENT, 0, 0, false },
        { "statx", 0, 1, 2, 0, AT_SYMLINK_NOFOLLOW, false },
        /* these never follow */
        { "lstat", NO_ARGUMENT, 0, NO_ARGUMENT, 0, -1, false },
        { "lstat64", NO_ARGUMENT, 0, NO_ARGUMENT, 0, -1, false },
        { "readlink", NO_ARGUMENT, 0, NO_ARGUMENT, 0, -1, false },
        { "readlinkat", 0, 1, NO_ARGUMENT, 0, -1, false },
};

void lookup_done(Lookup *l)
{
        free(l->path);
        free(l->process);
        *l = LOOKUP_NULL;
}

char *lookup_calls(void)
{
        _cleanup_buffer_ Buffer list = BUFFER_NULL;

        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                buffer_printf(&list, "%s%s", i > 0 ? " " : "", calls[i].name);
        return buffer_steal(&list);
}

static const Call *find_call(const struct seccomp_data *data)
{
        const char *name = seccomp_call_name(data->arch, (uint32_t)data->nr);

        for (size_t i = 0; name && i < ELEMENTSOF(calls); i++)
                if (strcmp(name, calls[i].name) == 0)
                        return &calls[i];
        return NULL;
}

/* A string at @address of the process. */
static int read_string(pid_t pid, uint64_t address, char ret[static PATH_MAX])
{
        size_t n = 0;

        while (n < PATH_MAX) {
                size_t rest = PAGE - (address + n) % PAGE;
                struct iovec here = { ret + n, MIN_OF(rest, PATH_MAX - n) };
                struct iovec there = { (void *)(uintptr_t)(address + n), here.iov_len };
                ssize_t k = process_vm_readv(pid, &here, 1, &there, 1, 0);

                if (k <= 0)
                        return -ENODATA;
                if (memchr(ret + n, '\0', (size_t)k))
                        return 0;
                n += (size_t)k;
        }
        return -ENODATA; /* the kernel takes none that is so long either */
}

/* Where a magic link of the process leads to; as seen from the root of its mount namespace. */
static int read_place(pid_t pid, const char *what, char ret[static PATH_MAX])
{
        char path[64];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
        n = readlink(path, ret, PATH_MAX - 1);
        if (n <= 0)
                return -ENODATA;
        ret[n] = '\0';
        return 0;
}

/* Without "//" and "/./", so that one file has one name. */
static void tidy(char *path)
{
        char *to = path;

        for (const char *from = path; *from;) {
                if (from[0] == '/' && (from[1] == '/' || (from[1] == '.' && from[2] == '/')))
                        from += from[1] == '/' ? 1 : 2;
                else
                        *to++ = *from++;
        }
        while (to > path + 1 && to[-1] == '/')
                to--;
        *to = '\0';
}

static int complete(pid_t pid, const Call *call, const struct seccomp_data *data, const char *path,
                    char **ret)
{
        int directory =
                call->directory == NO_ARGUMENT ? AT_FDCWD : (int)data->args[call->directory];
        char base[PATH_MAX], what[32] = "root";
        int r;

        if (path[0] != '/' && directory == AT_FDCWD)
                (void)strcpy(what, "cwd");
        else if (path[0] != '/')
                (void)snprintf(what, sizeof(what), "fd/%d", directory);
        r = read_place(pid, what, base);
        if (r < 0 || base[0] != '/') /* a pipe, a socket */
                return -ENODATA;
        if (asprintf(ret, "%s/%s", base, path) < 0)
                return -ENOMEM;
        tidy(*ret);
        return 0;
}

/* Threads have names of their own, and so the program's is that of the first. */
static char *name_process(pid_t pid)
{
        _cleanup_free_ char *status = NULL, *name = NULL;
        const char *leader;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        leader = read_file_at(AT_FDCWD, path, STATUS_LIMIT, &status) < 0
                         ? NULL
                         : strstr(status, "\nTgid:");
        (void)snprintf(path, sizeof(path), "/proc/%d/comm",
                       leader ? atoi(leader + strlen("\nTgid:")) : (int)pid);
        if (read_file_at(AT_FDCWD, path, STATUS_LIMIT, &name) < 0)
                return strdup("?");
        name[strcspn(name, "\n")] = '\0';
        return TAKE_PTR(name);
}

static bool has_flag(const Call *call, const struct seccomp_data *data, int flag)
{
        return flag == -1 || (flag != 0 && (data->args[call->flags] & (uint64_t)flag) != 0);
}

int lookup_read(int listener_fd, const struct seccomp_notif *n, Lookup *ret)
{
        const Call *call = find_call(&n->data);
        _cleanup_lookup_ Lookup l = LOOKUP_NULL;
        pid_t pid = (pid_t)n->pid;
        char path[PATH_MAX];
        int r = call ? read_string(pid, n->data.args[call->path], path) : -ENODATA;

        if (r >= 0 && path[0] == '\0')
                r = -ENODATA; /* AT_EMPTY_PATH, or an error of its own */
        if (r >= 0)
                r = complete(pid, call, &n->data, path, &l.path);
        if (r < 0)
                return r;
        l.process = name_process(pid);
        if (!l.process)
                return -ENOMEM;
        /* all that was read is worth nothing if the number had been given to somebody else */
        if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n->id) < 0)
                return -ESRCH;
        l.call = call->name;
        l.execution = call->execution;
        l.creation = has_flag(call, &n->data, call->creation);
        l.link_itself = has_flag(call, &n->data, call->link_itself);
        *ret = l;
        l = LOOKUP_NULL;
        return 0;
}
