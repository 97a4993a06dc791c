/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/verification.h"

#include "base/strv.h"
#include "os/path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HEAD_MAX 256 /* of a script, as the kernel has it */

void verification_done(Verification *v)
{
        for (size_t i = 0; i < v->n; i++) {
                free(v->misses[i].path);
                free(v->misses[i].process);
                free(v->misses[i].option);
        }
        free(v->misses);
        *v = VERIFICATION_NULL;
}

static int look(int root_fd, const char *path, bool link_itself)
{
        int fd = path_open(root_fd, path, O_PATH | (link_itself ? O_NOFOLLOW : 0), 0);

        if (fd < 0)
                return fd;
        (void)close(fd);
        return 0;
}

static bool is_below(const char *path, const char *directory)
{
        size_t n = strlen(directory);

        return strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* What a machine gets at its start, and what is left out because nobody can miss it: libraries are
 * in the loader's own directories, or the tree has a cache of its own; those for newer processors
 * are only faster. */
static bool is_beside_the_point(const char *path)
{
        static const char *const places[] = {
                "/dev",
                "/proc",
                "/run",
                "/sys",
                "/tmp",
                "/var/tmp",
                "/var/run",
                "/etc/ld.so.cache",
                "/etc/localtime",
                "/etc/machine-id",
                "/etc/resolv.conf",
        };

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (is_below(path, places[i]))
                        return true;
        return strcmp(path, "/") == 0 || strstr(path, "/glibc-hwcaps");
}

/* A program whose locale is missing goes on with "C". */
static bool is_locale(const char *path)
{
        return is_below(path, "/usr/lib/locale") || is_below(path, "/usr/share/locale");
}

static bool is_accepted(const Verification *v, const char *path)
{
        for (char *const *without = v->without; without && *without; without++)
                if (is_below(path, *without))
                        return true;
        return false;
}

static int add_miss(Verification *v, const char *path, const Lookup *l)
{
        Miss *grown, miss = { .call = l->call, .times = 1 };

        for (size_t i = 0; i < v->n; i++)
                if (strcmp(v->misses[i].path, path) == 0 &&
                    strcmp(v->misses[i].process, l->process) == 0) {
                        v->misses[i].times++;
                        return 0;
                }
        grown = reallocarray(v->misses, v->n + 1, sizeof(Miss));
        if (!grown)
                return -ENOMEM;
        v->misses = grown;
        miss.path = strdup(path);
        miss.process = strdup(l->process);
        if (!miss.path || !miss.process) {
                free(miss.path);
                free(miss.process);
                return -ENOMEM;
        }
        v->misses[v->n++] = miss;
        return 0;
}

/* The interpreter of a script or of a program: execve() fails for it with the program's name. */
static char *find_interpreter(int machine_fd, const char *path)
{
        _cleanup_close_ int fd = path_open_regular(machine_fd, path);
        _cleanup_elf_file_ ElfFile e = ELF_FILE_NULL;
        char head[HEAD_MAX] = "", *start;

        if (fd < 0 || pread(fd, head, sizeof(head) - 1, 0) < 0)
                return NULL;
        if (head[0] == '#' && head[1] == '!') {
                start = head + 2 + strspn(head + 2, " \t");
                start[strcspn(start, " \t\r\n")] = '\0';
                return start[0] == '/' ? strdup(start) : NULL;
        }
        return elf_file_read(fd, &e) < 0 ? NULL : TAKE_PTR(e.interpreter);
}

static int look_one(Verification *v, int machine_fd, const char *path, const Lookup *l)
{
        int r;

        if (is_beside_the_point(path) || is_accepted(v, path) ||
            look(machine_fd, path, l->link_itself) != -ENOENT)
                return 0;
        r = look(v->source_fd, path, l->link_itself);
        if (r < 0)
                return 0;
        if (is_locale(path)) {
                v->locale = true;
                return 0;
        }
        return add_miss(v, path, l);
}

int verification_look(Verification *v, int machine_fd, const Lookup *l)
{
        _cleanup_free_ char *other = NULL;
        int r;

        v->looked_up++;
        if (strcmp(l->path, "/etc/passwd") == 0 || strcmp(l->path, "/etc/group") == 0)
                v->asked_accounts = true;
        if (l->creation) {
                other = strndup(l->path, MAX_OF((size_t)(strrchr(l->path, '/') - l->path), 1));
                return other ? look_one(v, machine_fd, other, l) : -ENOMEM;
        }
        r = look_one(v, machine_fd, l->path, l);
        if (r < 0 || !l->execution)
                return r;
        other = find_interpreter(machine_fd, l->path);
        return other ? look_one(v, machine_fd, other, l) : 0;
}

/* Directories high up are on the way to everything. */
static bool brings(const Minimal *m, const char *path)
{
        _cleanup_carry_ Carry way = { .root_fd = m->closure.carry.root_fd };
        _cleanup_free_ char *real = NULL;
        const CarryItem *item =
                carry_add(&way, path, "", &real) < 0 ? NULL : carry_find(&m->closure.carry, real);
        unsigned depth = 0;

        for (const char *p = real; item && *p; p++)
                depth += *p == '/';
        return item && (!S_ISDIR(item->type) || depth >= 3);
}

/* What an option brings is asked of the plan that has it, so that the two cannot differ. */
static int explain_by(Verification *v, const char *option, MinimalRequest request)
{
        _cleanup_minimal_ Minimal m = MINIMAL_NULL;

        if (minimal_plan(v->source_fd, &request, &m, NULL) < 0)
                return 0; /* certificates that the source tree does not have either */
        for (size_t i = 0; i < v->n; i++) {
                Miss *miss = &v->misses[i];

                if (miss->option || !brings(&m, miss->path))
                        continue;
                miss->option = strdup(option);
                if (!miss->option)
                        return -ENOMEM;
        }
        return 0;
}

int verification_explain(Verification *v, Error *error)
{
        MinimalRequest nss = *v->request, certificates = nss, gconv = nss;
        int r = 0;

        nss.nss = certificates.certificates = gconv.gconv = true;
        if (v->n > 0 && !v->request->nss)
                r = explain_by(v, "--nss", nss);
        if (r >= 0 && v->n > 0 && !v->request->certificates)
                r = explain_by(v, "--certs", certificates);
        if (r >= 0 && v->n > 0 && !v->request->gconv)
                r = explain_by(v, "--gconv", gconv);
        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                Miss *miss = &v->misses[i];

                if (!miss->option && strcmp(miss->path, "/etc/nsswitch.conf") == 0)
                        miss->option = strdup("--nss"); /* is written, not taken along */
                else if (!miss->option && asprintf(&miss->option, "--add=%s", miss->path) < 0)
                        miss->option = NULL;
                if (!miss->option)
                        r = -ENOMEM;
        }
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}
