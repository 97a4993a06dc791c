/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rewriting the identity of a tree on disk. Must not run anything of the tree. */

#include "image/identity.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1024 * 1024)

/* Writes a file of the tree's, in place of a symlink too: /etc/hostname must not be another's. */
static int replace(int tree_fd, const char *path, const char *text)
{
        const char *name;
        _cleanup_close_ int parent = path_open_parent(tree_fd, path, &name);

        return parent < 0 ? parent : write_file_synced_at(parent, name, text, 0644);
}

static int remove_file(int tree_fd, const char *path)
{
        const char *name;
        _cleanup_close_ int parent = path_open_parent(tree_fd, path, &name);

        if (parent < 0)
                return parent == -ENOENT ? 0 : parent;
        return unlinkat(parent, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* A line for the name in /etc/hosts; those of localhost and other hosts stay. */
static int reset_hosts(int tree_fd, const char *name)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;
        ssize_t n = path_read(tree_fd, "/etc/hosts", FILE_MAX, &text);
        char *line = text, *next;

        if (n < 0 && n != -ENOENT)
                return n == -ELOOP || n == -EBADFD ? 0 : (int)n; /* not a plain file: leave it */
        if (n <= 0)
                buffer_puts(&out, "127.0.0.1\tlocalhost\n"
                                  "::1\t\tlocalhost ip6-localhost ip6-loopback\n"
                                  "ff02::1\t\tip6-allnodes\n"
                                  "ff02::2\t\tip6-allrouters\n");
        for (; line && *line; line = next) {
                next = strchrnul(line, '\n');
                if (*next)
                        *next++ = '\0';
                if (strncmp(line, "127.0.1.1", 9) != 0) /* Debian's place for the host's own name */
                        buffer_printf(&out, "%s\n", line);
        }
        buffer_printf(&out, "127.0.1.1\t%s\n", name);
        return buffer_error(&out) < 0 ? -ENOMEM : replace(tree_fd, "/etc/hosts", out.data);
}

/* Removes the files of a directory that match. Returns how many. */
static int remove_matching(int tree_fd, const char *directory, const char *pattern)
{
        int fd = path_open(tree_fd, directory, O_RDONLY | O_DIRECTORY, 0), n = 0;
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d)
                return fd == -ENOENT ? 0 : fd;
        for (struct dirent *e; (e = readdir(d));) {
                if (fnmatch(pattern, e->d_name, 0) != 0)
                        continue;
                if (unlinkat(dirfd(d), e->d_name, 0) < 0 && errno != ENOENT)
                        return -errno;
                n++;
        }
        return n;
}

/* Debian makes ssh host keys only when the package is installed, so without help sshd would not
 * start in a copy. */
static int renew_ssh_keys(int tree_fd)
{
        static const char drop_in[] =
                "# Written when this tree was made: its host keys are its own.\n"
                "[Service]\n"
                "ExecStartPre=\n"
                "ExecStartPre=/usr/bin/ssh-keygen -A\n"
                "ExecStartPre=/usr/sbin/sshd -t\n";
        int r = remove_matching(tree_fd, "/etc/ssh", "ssh_host_*_key*");

        if (r <= 0)
                return r;
        if (path_exists(tree_fd, "/usr/lib/systemd/system/ssh.service") < 0 &&
            path_exists(tree_fd, "/lib/systemd/system/ssh.service") < 0)
                return 0;
        r = path_mkdirs(tree_fd, "/etc/systemd/system/ssh.service.d", 0755);
        return r < 0 ? r
                     : replace(tree_fd, "/etc/systemd/system/ssh.service.d/host-keys.conf",
                               drop_in);
}

/* Tools that make trees copy the host's resolver in; nothing else may be equal to it. */
static int reset_resolver(int tree_fd)
{
        _cleanup_free_ char *ours = NULL, *theirs = NULL;

        if (read_file_at(AT_FDCWD, "/etc/resolv.conf", FILE_MAX, &ours) <= 0 ||
            path_read(tree_fd, "/etc/resolv.conf", FILE_MAX, &theirs) <= 0 ||
            strcmp(ours, theirs) != 0)
                return 0;
        return replace(tree_fd, "/etc/resolv.conf", "");
}

static int reset_id(int tree_fd)
{
        static const char *const secrets[] = {
                "/var/lib/dbus/machine-id",
                "/var/lib/systemd/random-seed",
                "/var/lib/systemd/credential.secret",
                "/var/lib/urandom/random-seed",
        };
        int r = replace(tree_fd, "/etc/machine-id", "");

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(secrets); i++)
                r = remove_file(tree_fd, secrets[i]);
        return r;
}

int identity_reset(int tree_fd, const char *name, Error *error)
{
        _cleanup_free_ char *line = NULL;
        int r = path_mkdirs(tree_fd, "/etc", 0755);

        if (asprintf(&line, "%s\n", name ?: "") < 0) {
                line = NULL;
                r = -ENOMEM;
        }
        if (r >= 0)
                r = reset_id(tree_fd);
        if (r >= 0)
                r = name ? replace(tree_fd, "/etc/hostname", line)
                         : remove_file(tree_fd, "/etc/hostname");
        if (r >= 0 && name)
                r = reset_hosts(tree_fd, name);
        if (r >= 0)
                r = renew_ssh_keys(tree_fd);
        if (r >= 0)
                r = reset_resolver(tree_fd);
        if (r < 0)
                return error_errno(error, -r, "Failed to give the tree its own identity");
        return 0;
}
