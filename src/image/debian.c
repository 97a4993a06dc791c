/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mmdebstrap underneath; then what each init needs for a login on a machine's only terminal. */

#include "image/debian.h"

#include "base/buffer.h"
#include "base/fd.h"
#include "base/strv.h"
#include "image/debian-architecture.h"
#include "os/path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1024 * 1024)

DEFINE_STRING_TABLE(debian_init, DebianInit, "systemd", "sysvinit", "openrc", "runit");

static const struct {
        const char *version, *suite;
} releases[] = {
        { "11", "bullseye" },
        { "12", "bookworm" },
        { "13", "trixie" },
};

/* What a person needs at a prompt, with any init. */
#define PACKAGES_COMMON "login,passwd,util-linux,mount,procps,iproute2,netbase"

static const char *const init_packages[_DEBIAN_INIT_MAX] = {
        [DEBIAN_SYSTEMD] = "systemd,systemd-sysv,dbus,libpam-systemd",
        [DEBIAN_SYSVINIT] = "sysvinit-core,sysv-rc,initscripts",
        [DEBIAN_OPENRC] = "openrc,initscripts",
        [DEBIAN_RUNIT] = "runit-init",
};

#define GETTY_LINE "co:2345:respawn:/sbin/getty --noclear --keep-baud console 115200 linux"

const char *debian_suite(const char *word)
{
        bool prefixed = strncmp(word, "debian/", 7) == 0;

        if (prefixed)
                word += 7;
        for (size_t i = 0; i < ELEMENTSOF(releases); i++)
                if (strcmp(word, releases[i].suite) == 0 ||
                    (prefixed && strcmp(word, releases[i].version) == 0))
                        return releases[i].suite;
        return prefixed && (strcmp(word, "sid") == 0 || strcmp(word, "testing") == 0)
                       ? (strcmp(word, "sid") == 0 ? "sid" : "testing")
                       : NULL;
}

const char *debian_release(const char *suite)
{
        for (size_t i = 0; i < ELEMENTSOF(releases); i++)
                if (strcmp(suite, releases[i].suite) == 0)
                        return releases[i].version;
        return suite;
}

const char *debian_choices(void)
{
        return "debian/11, debian/12, debian/13";
}

/* Its stages become ours; the rest is kept for the error. */
static void on_line(Worker *worker, const char *line)
{
        static const struct {
                const char *line, *stage;
        } stages[] = {
                { "I: running apt-get update", "reading package lists" },
                { "I: downloading packages", "downloading packages" },
                { "I: extracting archives", "unpacking the base system" },
                { "I: installing essential packages", "installing the base system" },
                { "I: installing remaining packages", "installing packages" },
                { "I: cleaning package lists", "cleaning up" },
        };

        for (size_t i = 0; i < ELEMENTSOF(stages); i++)
                if (strncmp(line, stages[i].line, strlen(stages[i].line)) == 0)
                        worker_stage(worker, "%s", stages[i].stage);
}

static int run_mmdebstrap(Worker *worker, const DebianRecipe *recipe, const char *path,
                          Error *error)
{
        _cleanup_strv_ char **argv = NULL;
        int r = strv_push(&argv, "mmdebstrap");

        if (r >= 0)
                r = strv_push(&argv, "--mode=root");
        if (r >= 0)
                r = strv_push(&argv, "--variant=minbase");
        if (r >= 0)
                r = strv_push(&argv, "--format=directory");
        if (r >= 0)
                r = strv_push(&argv, "--aptopt=Acquire::Languages \"none\"");
        if (r >= 0)
                r = strv_pushf(&argv, "--include=%s,%s%s%s", PACKAGES_COMMON,
                               init_packages[recipe->init], recipe->include ? "," : "",
                               recipe->include ?: "");
        if (r >= 0 && recipe->architecture)
                r = strv_pushf(&argv, "--architectures=%s", recipe->architecture);
        if (r >= 0)
                r = strv_push(&argv, recipe->suite);
        if (r >= 0)
                r = strv_push(&argv, path);
        if (r >= 0 && recipe->mirror)
                r = strv_push(&argv, recipe->mirror);
        if (r < 0)
                return error_errno(error, -r, "Failed to prepare 'mmdebstrap'");
        r = worker_program(worker, argv, on_line, error);
        if (r == -ENOENT)
                error_hint(error, "apt-get install mmdebstrap");
        return r;
}

static int write_tree_file(int tree_fd, const char *path, const char *text, mode_t mode)
{
        int r = 0;

        if (strrchr(path, '/') > path) {
                _cleanup_free_ char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));

                r = directory ? path_mkdirs(tree_fd, directory, 0755) : -ENOMEM;
        }
        return r < 0 ? r : path_write(tree_fd, path, text, mode);
}

static int make_link(int tree_fd, const char *path, const char *target)
{
        const char *name;
        _cleanup_close_ int parent = path_open_parent(tree_fd, path, &name);

        if (parent < 0)
                return parent;
        if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
                return -errno;
        return symlinkat(target, parent, name) < 0 ? -errno : 0;
}

/* Root gets in by `stead shell`, or sets a password there; none is guessed from outside. */
static int lock_root(int tree_fd)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;
        ssize_t n = path_read(tree_fd, "/etc/shadow", FILE_MAX, &text);
        _cleanup_close_ int fd = -EBADF;
        char *line, *rest;

        if (n < 0)
                return n == -ENOENT ? 0 : (int)n;
        line = strncmp(text, "root:", 5) == 0 ? text : strstr(text, "\nroot:");
        if (!line)
                return 0;
        line = strchr(line, ':') + 1; /* the password */
        rest = line + strcspn(line, ":\n");
        buffer_append(&out, text, (size_t)(line - text));
        buffer_printf(&out, "*%s", rest);
        if (buffer_error(&out) < 0)
                return -ENOMEM;
        /* in place: mode and group of the file matter */
        fd = path_open(tree_fd, "/etc/shadow", O_WRONLY | O_TRUNC, 0);
        return fd < 0 ? fd : write_all(fd, out.data, out.size);
}

/* No virtual terminals in a machine; one getty on its console. */
static int setup_sysvinit(int tree_fd)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        _cleanup_free_ char *text = NULL;
        ssize_t n = path_read(tree_fd, "/etc/inittab", FILE_MAX, &text);
        char *line = text, *next;

        if (n < 0)
                return (int)n;
        for (; *line; line = next) {
                next = strchrnul(line, '\n');
                if (*next)
                        *next++ = '\0';
                if (strncmp(line, "co:", 3) == 0)
                        continue;
                buffer_printf(&out, "%s%s\n",
                              *line != '#' && strstr(line, "getty") && strstr(line, " tty") ? "#"
                                                                                            : "",
                              line);
        }
        buffer_puts(&out, GETTY_LINE "\n");
        return buffer_error(&out) < 0 ? -ENOMEM
                                      : write_tree_file(tree_fd, "/etc/inittab", out.data, 0644);
}

/* Debian ships openrc-init without making it the init. */
static int setup_openrc(int tree_fd)
{
        int r = make_link(tree_fd, "/sbin/init", "openrc-init");

        if (r >= 0)
                r = make_link(tree_fd, "/etc/init.d/agetty.console", "agetty");
        if (r >= 0)
                r = make_link(tree_fd, "/etc/runlevels/default/agetty.console",
                              "/etc/init.d/agetty.console");
        if (r >= 0)
                r = write_tree_file(tree_fd, "/etc/conf.d/agetty.console",
                                    "agetty_options=\"--noclear --keep-baud\"\nbaud=115200\n",
                                    0644);
        return r;
}

static int setup_runit(int tree_fd)
{
        static const char run[] = "#!/bin/sh\n"
                                  "exec 2>&1\n"
                                  "exec /sbin/getty --noclear --keep-baud console 115200 linux\n";
        static const char directory[] = "/etc/runit/runsvdir/default";
        int fd = path_open(tree_fd, directory, O_RDONLY | O_DIRECTORY, 0), r;
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d)
                return fd < 0 ? fd : -errno;
        for (struct dirent *e; (e = readdir(d));)
                if (strncmp(e->d_name, "getty-", 6) == 0 && unlinkat(dirfd(d), e->d_name, 0) < 0)
                        return -errno;
        r = write_tree_file(tree_fd, "/etc/sv/getty-console/run", run, 0755);
        if (r >= 0 && symlinkat("/etc/sv/getty-console", dirfd(d), "getty-console") < 0)
                r = -errno;
        return r;
}

static int setup_systemd(int tree_fd)
{
        return 0; /* it starts console-getty.service in containers by itself */
}

int debian_install(Worker *worker, const DebianRecipe *recipe, const char *path, int tree_fd,
                   Error *error)
{
        static int (*const setup[_DEBIAN_INIT_MAX])(int tree_fd) = {
                [DEBIAN_SYSTEMD] = setup_systemd,
                [DEBIAN_SYSVINIT] = setup_sysvinit,
                [DEBIAN_OPENRC] = setup_openrc,
                [DEBIAN_RUNIT] = setup_runit,
        };
        int r;

        worker_stage(worker, "preparing Debian %s", recipe->suite);
        r = debian_check_architecture(recipe, error);
        if (r >= 0)
                r = run_mmdebstrap(worker, recipe, path, error);
        if (r < 0)
                return r;
        r = lock_root(tree_fd);
        if (r >= 0)
                r = setup[recipe->init](tree_fd);
        if (r < 0)
                return error_errno(error, -r, "Failed to set up %s for the console",
                                   debian_init_to_string(recipe->init));
        return 0;
}
