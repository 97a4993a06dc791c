/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the launcher and becoming it. */

#include "cli/launcher.h"

#include "base/parse.h"
#include "base/strv.h"
#include "config/definition.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAUNCHER "stead-launch"

/* The directory that our own program lies in, with a final '/'. */
static int own_directory(char *buffer, size_t size)
{
        ssize_t n = readlink("/proc/self/exe", buffer, size - 1);

        if (n < 0)
                return -errno;
        buffer[n] = '\0';
        strrchr(buffer, '/')[1] = '\0'; /* it is absolute */
        return 0;
}

int launcher_find(char **ret, Error *error)
{
        static const char *const places[] = { "../launch/" LAUNCHER, LAUNCHER,
                                              "../lib/stead/" LAUNCHER };
        const char *search = getenv("PATH") ?: "/usr/local/bin:/usr/bin";
        _cleanup_strv_ char **directories = NULL;
        char here[PATH_MAX];

        if (own_directory(here, sizeof(here)) >= 0)
                for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                        _cleanup_free_ char *path = NULL;

                        if (asprintf(&path, "%s%s", here, places[i]) < 0)
                                return error_set(error, ENOMEM, "Out of memory");
                        if (access(path, X_OK) >= 0) {
                                *ret = TAKE_PTR(path);
                                return 0;
                        }
                }
        if (strv_split(search, ":", &directories) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        STRV_FOREACH (d, directories) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/%s", *d, LAUNCHER) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                if (access(path, X_OK) >= 0) {
                        *ret = TAKE_PTR(path);
                        return 0;
                }
        }
        error_hint(error, "meson install  (the launcher belongs to the same package)");
        return error_set(error, ENOENT, "Program '%s' is neither beside 'stead' nor in PATH",
                         LAUNCHER);
}

int launcher_target(const char *word, char ***argv)
{
        struct stat st;

        if (!strchr(word, '/'))
                return strv_pushf(argv, "--machine=%s", word);
        if (stat(word, &st) >= 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
                return strv_pushf(argv, "--image=%s", word);
        return strv_pushf(argv, "--directory=%s", word);
}

int launcher_exec(char **argv, Error *error)
{
        _cleanup_free_ char *program = NULL, *name = strdup(LAUNCHER);
        int r = launcher_find(&program, error);

        if (r < 0)
                return r;
        if (!name)
                return error_set(error, ENOMEM, "Out of memory");
        free(argv[0]);
        argv[0] = TAKE_PTR(name);
        (void)execv(program, argv);
        return error_errno(error, errno, "Failed to run '%s'", program);
}

static _noreturn_ void try_child(const char *program, char *const *argv)
{
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (dup2(null_fd, STDIN_FILENO) >= 0 && dup2(null_fd, STDOUT_FILENO) >= 0)
                (void)execv(program, argv);
        _exit(EXIT_FAILURE);
}

int launcher_try(char *const *argv, Error *error)
{
        _cleanup_free_ char *program = NULL;
        _cleanup_strv_ char **words = NULL;
        int status, r = launcher_find(&program, error);
        pid_t pid;

        if (r < 0)
                return r;
        if (strv_extend(&words, argv) < 0 || strv_push(&words, "--dry-run") < 0)
                return error_set(error, ENOMEM, "Out of memory");
        pid = fork();
        if (pid == 0)
                try_child(program, words);
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return error_errno(error, errno, "Failed to run '%s'", program);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0
                       ? 0
                       : error_set(error, EINVAL, "The plan of a start cannot be made");
}

/* The last value of a boolean key: 1, 0, or -ENODATA if nobody gave one. */
static int definition_boolean(const Definition *d, const char *key)
{
        int value = -ENODATA;

        for (size_t i = 0; d && i < d->assignments.n; i++) {
                const Assignment *a = &d->assignments.items[i];

                if (a->option->key && strcmp(a->option->key, key) == 0)
                        value = a->value ? parse_boolean(a->value) : 1;
        }
        return value;
}

int launcher_start_options(const char *name, char ***argv, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_definition_ Definition *d = NULL;
        int boot, r = definition_load("", name, NULL, DEFINITION_TRUST_BY_PLACE, &d, &diagnostics,
                                      error);

        if (r == -ENOENT) { /* a tree without a definition */
                error_done(error);
                r = 0;
        }
        if (r < 0) {
                error_hint(error, "stead check %s", name);
                return r;
        }
        boot = definition_boolean(d, "Boot");
        if (boot < 0 && definition_boolean(d, "ProcessTwo") < 0)
                boot = 1;
        if (boot > 0)
                r = strv_push(argv, "--boot");
        /* who waits for a start waits for what the init has to start */
        if (r >= 0 && boot > 0 && definition_boolean(d, "NotifyReady") < 0)
                r = strv_push(argv, "--notify-ready=yes");
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : 0;
}
