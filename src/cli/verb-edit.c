/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead edit: a definition in the user's editor; it only takes effect when it is free of errors. */

#include "base/fd.h"
#include "base/strv.h"
#include "cli/arguments.h"
#include "config/definition.h"
#include "config/later-option.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFINITIONS "/etc/stead"
#define DEFINITION_MAX ((size_t)1024 * 1024)

static const char template[] = "# Definition of machine '%s': see stead.machine(5). Lines that "
                               "begin with '#' do nothing.\n"
                               "# After a change: stead restart %s\n"
                               "\n"
                               "#[Unit]\n"
                               "#After=stead@db.service\n"
                               "\n"
                               "#[Image]\n"
                               "#Directory=/var/lib/machines/%s\n"
                               "\n"
                               "#[Exec]\n"
                               "#Boot=yes\n"
                               "#Environment=NAME=VALUE\n"
                               "#PrivateUsers=pick\n"
                               "\n"
                               "#[Files]\n"
                               "#Bind=/srv/%s:/srv/%s:idmap\n"
                               "#ReadOnly=no\n"
                               "\n"
                               "#[Network]\n"
                               "#Private=no\n"
                               "\n"
                               "#[Resources]\n"
                               "#MemoryMax=512M\n"
                               "#CPUQuota=150%%\n";

/* What the editor starts with: the file in force, wherever it lies, or the template. */
static int initial_text(const char *name, char **ret, Error *error)
{
        static const char *const places[] = { DEFINITIONS, "/run/stead", "/usr/lib/stead" };

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_free_ char *path = NULL;
                ssize_t n;

                if (asprintf(&path, "%s/%s.machine", places[i], name) < 0) {
                        path = NULL;
                        return error_set(error, ENOMEM, "Out of memory");
                }
                n = read_file_at(AT_FDCWD, path, DEFINITION_MAX, ret);
                if (n >= 0)
                        return 0;
                if (n != -ENOENT)
                        return error_errno(error, (int)-n, "Failed to read '%s'", path);
        }
        if (asprintf(ret, template, name, name, name, name, name) < 0) {
                *ret = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return 0;
}

static const char *editor(void)
{
        const char *e = getenv("VISUAL") ?: getenv("EDITOR");

        return e && *e ? e : "editor";
}

static int run_editor(const char *path, Error *error)
{
        _cleanup_strv_ char **argv = NULL;
        int status = 0;
        pid_t pid;

        if (strv_split_quoted(editor(), &argv) < 0 || strv_push(&argv, path) < 0)
                return error_set(error, EINVAL, "EDITOR is no command: %s", editor());
        pid = fork();
        if (pid < 0)
                return error_errno(error, errno, "Failed to start '%s'", argv[0]);
        if (pid == 0) {
                (void)execvp(argv[0], argv);
                _exit(127);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
                error_hint(error, "EDITOR=nano stead edit NAME");
                return error_set(error, ENOENT, "Editor '%s' could not be run", argv[0]);
        }
        if (status != 0)
                return error_set(error, ECANCELED, "Editor '%s' failed: nothing was changed",
                                 argv[0]);
        return 0;
}

/* Prints what is wrong as if it stood in @path already. Returns whether it is free of errors. */
static bool text_is_good(const char *name, const char *path, const char *text)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_definition_ Definition *d = calloc(1, sizeof(Definition));
        _cleanup_settings_ Settings *settings = NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        if (!d)
                return false;
        d->name = strdup(name);
        d->trusted = true;
        if (!d->name ||
            definition_parse(d, path, text, strlen(text), DEFINITION_MACHINE, &diagnostics) < 0 ||
            later_diagnose(&d->assignments, &diagnostics) < 0)
                return false;
        diagnostics_print(&diagnostics, stderr);
        if (diagnostics.n_errors > 0)
                return false;
        if (settings_from_assignments(&d->assignments, &settings, &error) < 0) {
                error_print(&error);
                return false;
        }
        return true;
}

/* After errors: true to go back to the editor. */
static bool ask_again(void)
{
        char answer[16] = "";

        if (!isatty(STDIN_FILENO))
                return false;
        fputs("Edit again? [Y/n] ", stderr);
        if (!fgets(answer, sizeof(answer), stdin))
                return false;
        return answer[0] != 'n' && answer[0] != 'N';
}

/* Editor and checks, until the text is good. *ret NULL: nothing was changed. */
static int edit(const char *name, const char *path, const char *copy, const char *before,
                char **ret, Error *error)
{
        for (;;) {
                _cleanup_free_ char *text = NULL;
                ssize_t n;
                int r = run_editor(copy, error);

                if (r < 0)
                        return r;
                n = read_file_at(AT_FDCWD, copy, DEFINITION_MAX, &text);
                if (n < 0)
                        return error_errno(error, (int)-n, "Failed to read '%s'", copy);
                if (strcmp(text, before) == 0)
                        return 0;
                if (text_is_good(name, path, text)) {
                        *ret = TAKE_PTR(text);
                        return 0;
                }
                if (!ask_again())
                        return error_set(error, EINVAL, "'%s' was not changed: the text has errors",
                                         path);
        }
}

static int edit_copy(const char *name, const char *path, Error *error)
{
        _cleanup_free_ char *before = NULL, *after = NULL;
        char copy[] = "/tmp/stead-edit-XXXXXX";
        _cleanup_close_ int fd = -EBADF;
        int r = initial_text(name, &before, error);

        if (r < 0)
                return r;
        fd = mkstemp(copy);
        if (fd < 0 || write_all(fd, before, strlen(before)) < 0)
                return error_errno(error, errno, "Failed to write '%s'", copy);
        r = edit(name, path, copy, before, &after, error);
        if (r == -EINVAL && isatty(STDIN_FILENO))
                error_hint(error, "cp %s %s  (your text was kept there)", copy, path);
        else
                (void)unlink(copy); /* nobody's any more */
        if (r < 0)
                return r;
        if (!after) {
                fputs("Nothing was changed.\n", stderr);
                return EXIT_SUCCESS;
        }
        r = mkdir_parents_at(AT_FDCWD, DEFINITIONS, 0755);
        if (r >= 0)
                r = write_file_synced_at(AT_FDCWD, path, after, 0644);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", path) : EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_free_ char *path = NULL;
        const char *name = a->words[0];

        if (!machine_name_is_valid(name))
                return error_set(error, EINVAL, "'%s' is not a machine name", name);
        if (asprintf(&path, DEFINITIONS "/%s.machine", name) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return edit_copy(name, path, error);
}

const Verb verb_edit = {
        .name = "edit",
        .operands = "NAME",
        .help = "Edit a definition, and check it before it takes effect",
        .text = "Opens /etc/stead/NAME.machine, or a commented template, in $VISUAL or $EDITOR.",
        .group = VERB_GROUP_DEFINITION,
        .operand_kind = OPERAND_ANY,
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
