/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One child, whose words come back. */

#include "image/layer-switch.h"

#include "base/strv.h"
#include "image/program.h"
#include "os/own-program.h"

#include <string.h>
#include <sys/wait.h>

#define PROGRAM "stead-switch"
#define STATUS_OLD_STACK 3 /* see switch/main.c */

/* "PROGRAM: message", and in a line of its own what to type. */
static void take_words(char *words, const char *machine, Error *error)
{
        static const char prefix[] = PROGRAM ": ";
        char *message = words, *hint = NULL, *end;

        for (char *p = words; (p = strstr(p, prefix)); p++)
                message = p + strlen(prefix); /* the last one: before it may be warnings */
        end = strchr(message, '\n');
        if (end && strncmp(end, "\n  ", 3) == 0) {
                hint = end + 1 + strspn(end + 1, " ");
                if (strncmp(hint, "Try: ", 5) == 0) /* as error_print() writes it */
                        hint += 5;
                hint[strcspn(hint, "\n")] = '\0';
        }
        message[strcspn(message, "\n")] = '\0';
        if (hint && *hint)
                error_hint(error, "%s", hint);
        if (*message)
                (void)error_set(error, EIO, "Machine '%s' cannot get its layers: %s", machine,
                                message);
        else
                (void)error_set(error, EIO, PROGRAM " failed for machine '%s' without a word",
                                machine);
}

static int make_argv(const char *machine, char *const *layers, const int keep[2], char ***ret)
{
        _cleanup_strv_ char **argv = NULL;
        int r = strv_push(&argv, PROGRAM);

        if (r >= 0)
                r = strv_pushf(&argv, "--lock-fd=%d", keep[0]);
        if (r >= 0)
                r = strv_pushf(&argv, "--data-fd=%d", keep[1]);
        if (r >= 0)
                r = strv_push(&argv, machine);
        if (r >= 0)
                r = strv_extend(&argv, layers);
        if (r >= 0)
                *ret = TAKE_PTR(argv);
        return r;
}

int layer_switch_run(const char *machine, char *const *layers, int lock_fd, int data_fd,
                     Error *error)
{
        _cleanup_close_ int program = own_program_open("switch", PROGRAM);
        const int keep[2] = { lock_fd, data_fd };
        _cleanup_free_ char *words = NULL;
        _cleanup_strv_ char **argv = NULL;
        int status = -1, r;

        if (program < 0) {
                error_errno(error, -program,
                            "Failed to open '" STEAD_LIBEXECDIR "/" PROGRAM
                            "', which brings layers together");
                error_hint(error, "install stead anew");
                return program;
        }
        r = make_argv(machine, layers, keep, &argv);
        if (r >= 0)
                r = program_run(&(ProgramRun){ program, argv, keep, ELEMENTSOF(keep) }, &status,
                                &words);
        if (r < 0)
                return error_errno(error, -r, "Failed to start " PROGRAM);
        if (status == 0) {
                fputs(words ?: "", stderr);
                return 0;
        }
        take_words(words ?: (char[]){ "" }, machine, error);
        return WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OLD_STACK ? -ESTALE : -EIO;
}
