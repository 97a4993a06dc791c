/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks what a caller hands over before a process is made for it. */

#include "service/manager-open.h"

#include "base/strv.h"
#include "machine/control.h"
#include "service/operation.h"
#include "service/process.h"
#include "service/reply.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int check_environment(char *const *environment, Error *error)
{
        for (char *const *e = environment; e && *e; e++)
                if (!strchr(*e, '=') || **e == '=')
                        return error_set(error, EINVAL,
                                         "The environment holds NAME=VALUE, not '%s'", *e);
        return 0;
}

/* One of the three streams: something that can be read or written, and nothing else. */
static int check_stream(int fd, bool output, const char *what, Error *error)
{
        int flags = fcntl(fd, F_GETFL);
        struct stat st;

        if (flags < 0 || fstat(fd, &st) < 0)
                return error_errno(error, errno, "%s cannot be used", what);
        if (flags & O_PATH || !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) ||
                                S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode)))
                return error_set(error, EINVAL,
                                 "%s is no stream: a file, pipe, socket or terminal may be passed",
                                 what);
        if ((flags & O_ACCMODE) == (output ? O_RDONLY : O_WRONLY))
                return error_set(error, EINVAL, "%s is not open for %s", what,
                                 output ? "writing" : "reading");
        return 0;
}

static int check_streams(const int fds[static 3], Error *error)
{
        int r = check_stream(fds[0], false, "Standard input", error);

        if (r >= 0)
                r = check_stream(fds[1], true, "Standard output", error);
        return r < 0 ? r : check_stream(fds[2], true, "Standard error", error);
}

static const char *or_null(const char *s)
{
        return *s ? s : NULL;
}

int manager_exec(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **argv = NULL, **environment = NULL;
        const char *name, *user, *directory;
        ProcessRequest request = {};
        int r = sd_bus_message_read(m, "ss", &name, &user);

        if (r >= 0)
                r = sd_bus_message_read_strv(m, &argv);
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &environment);
        if (r >= 0)
                r = sd_bus_message_read(m, "shhh", &directory, &request.stdio[0], &request.stdio[1],
                                        &request.stdio[2]);
        if (r < 0)
                return r;
        if (strv_length(argv) == 0 || argv[0][0] == '\0')
                return reply_errorf(m, EINVAL, "Exec needs a command");
        if (*directory && *directory != '/')
                return reply_errorf(m, EINVAL, "'%s' is no absolute directory", directory);
        if (check_environment(environment, &error) < 0 ||
            check_streams(request.stdio, &error) < 0 ||
            operation_check_running(s, name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        request.machine = name;
        request.user = or_null(user);
        request.directory = or_null(directory);
        request.argv = argv;
        request.environment = environment;
        return process_begin(s, m, &request);
}

int manager_open_login(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        char program[] = "/bin/login", *const argv[] = { program, NULL };
        Service *s = userdata;
        _cleanup_error_ Error error = ERROR_NULL;
        ProcessRequest request = { .argv = argv, .pty = true, .session = true };
        int r = sd_bus_message_read(m, "s", &request.machine);

        if (r < 0)
                return r;
        if (operation_check_running(s, request.machine, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        return process_begin(s, m, &request);
}

int manager_open_shell(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **argv = NULL, **environment = NULL;
        ProcessRequest request = { .pty = true };
        const char *user;
        int r = sd_bus_message_read(m, "ss", &request.machine, &user);

        if (r >= 0)
                r = sd_bus_message_read_strv(m, &argv);
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &environment);
        if (r < 0)
                return r;
        if (check_environment(environment, &error) < 0 ||
            operation_check_running(s, request.machine, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        request.user = or_null(user);
        request.argv = argv;
        request.environment = environment;
        /* as `stead shell` */
        request.login_shell = request.session = strv_length(argv) == 0;
        return process_begin(s, m, &request);
}

int manager_open_console(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (operation_check_running(s, name, &error) < 0 || control_connect(name, &fd, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        return sd_bus_reply_method_return(m, "h", fd);
}
