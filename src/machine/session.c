/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of a machine's own. A process of ours talks to the machine's systemd while the caller
 * has the terminal; its end is the session's.
 *
 *   caller                   errand into the machine      errand that talks        systemd inside
 *   session_door_open() ---> connection, terminal
 *   <----------------------- descriptors
 *   errand_start() ---------------------------------------> StartTransientUnit() --> PAM, shell
 *   <------------------------------------------------------ "it runs"
 *   uses the terminal                                       waits
 *   <------------------------------------------------------ exit status <----------- end
 */

#include "machine/session.h"

#include "base/fd.h"
#include "base/strv.h"
#include "bus/session-unit.h"
#include "machine/join.h"
#include "machine/session-door.h"
#include "machine/user.h"
#include "os/path.h"
#include "os/pidfd.h"
#include "os/pty.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define AGETTY "/sbin/agetty"

/* systemd that executes itself anew is back within this. */
#define RETRIES 20
#define RETRY_USEC (250 * 1000)

typedef struct Session {
        const Machine *m;
        SessionDoor door;
        char *unit, *description, *tty, *path;
        char **argv, **environment;
        const char *user;
        int ready_fd; /* one byte when it runs */
} Session;

static void session_done(Session *s)
{
        session_door_done(&s->door);
        free(s->unit);
        free(s->description);
        free(s->tty);
        free(s->path);
        strv_free(s->argv);
        strv_free(s->environment);
        closep(&s->ready_fd);
}

/* After its connection was lost: a new one, and whether there is still something to wait for. */
static int reconnect(const Session *s, SessionWatch **w)
{
        for (int i = 0; i < RETRIES && pidfd_is_alive(s->m->leader_fd); i++) {
                _cleanup_(session_door_done) SessionDoor door = SESSION_DOOR_NULL;
                struct timespec pause = { .tv_nsec = RETRY_USEC * 1000L };

                if (session_door_open(s->m, false, 0, &door, NULL) >= 0) {
                        *w = session_watch_free(*w);
                        if (session_watch_new(TAKE_FD(door.bus_fd), door.is_bus, s->unit, w,
                                              NULL) >= 0)
                                return session_unit_is_running(*w);
                }
                (void)nanosleep(&pause, NULL); /* woken early, it asks early */
        }
        return 0;
}

static int talk(void *argument, Error *error)
{
        Session *s = argument;
        _cleanup_session_watch_ SessionWatch *w = NULL;
        SessionUnit unit = { .name = s->unit,
                             .description = s->description,
                             .user = s->user,
                             .pam = "login",
                             .tty = s->tty,
                             .tty_fd = s->door.tty_fd,
                             .path = s->path,
                             .argv = s->argv,
                             .environment = s->environment };
        int r = errand_die_with_caller();

        closep(&s->door.pty_fd); /* hanging up is for our caller alone */
        s->door.pty_fd = -EBADF;
        if (r >= 0)
                r = session_watch_new(TAKE_FD(s->door.bus_fd), s->door.is_bus, s->unit, &w, error);
        if (r >= 0)
                r = session_unit_start(w, &unit, error);
        if (r >= 0)
                r = write_all(s->ready_fd, "", 1);
        if (r < 0)
                return r;
        closep(&s->ready_fd);
        closep(&s->door.tty_fd);
        s->ready_fd = s->door.tty_fd = -EBADF;
        for (;;) {
                r = session_unit_wait(w, NULL);
                if (r != -ENOTCONN)
                        return r;
                if (reconnect(s, &w) <= 0) /* it has ended, and nobody knows how */
                        return pidfd_is_alive(s->m->leader_fd) ? 0 : 128 + SIGKILL;
        }
}

/* A name that was never used: systemd may clean up after the last unit of a name while it makes the
 * next one. */
static int name_unit(Session *s, const char *what)
{
        uint32_t random;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return -errno;
        if (asprintf(&s->unit, "%s@%d-%08x.service", what, s->door.tty_number, random) < 0) {
                s->unit = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* A login shell of the user. One that /etc/passwd does not list may come from elsewhere: then the
 * machine is asked. */
static int prepare_shell(Session *s, const SessionLogin *login, const User *user)
{
        const char *slash = user->shell ? strrchr(user->shell, '/') : NULL;
        int r;

        s->user = login->user ?: "root";
        if (!user->shell) {
                s->path = strdup("/bin/sh");
                r = strv_push(&s->argv, "sh");
                if (r >= 0)
                        r = strv_push(&s->argv, "-c");
                if (r >= 0)
                        r = strv_push(&s->argv, "shell=$(getent passwd \"$USER\" | cut -d: -f7); "
                                                "exec \"${shell:-/bin/sh}\" -l \"$@\"");
                if (r >= 0)
                        r = strv_push(&s->argv, "sh");
        } else {
                s->path = strdup(user->shell);
                r = strv_pushf(&s->argv, "-%s", slash ? slash + 1 : user->shell);
        }
        if (r >= 0 && login->command && login->command[0]) {
                _cleanup_free_ char *command = strv_join(login->command, " ");

                r = strv_push(&s->argv, "-c");
                if (r >= 0)
                        r = command ? strv_push(&s->argv, command) : -ENOMEM;
        }
        if (r >= 0)
                r = strv_pushf(&s->environment, "TERM=%s", getenv("TERM") ?: "vt220");
        for (char *const *e = login->environment; r >= 0 && e && *e; e++)
                r = strv_env_set(&s->environment, *e);
        if (r >= 0)
                r = name_unit(s, "container-shell");
        if (r >= 0 && asprintf(&s->description, "Shell for User %s", s->user) < 0)
                s->description = NULL;
        return r < 0 ? r : s->path && s->unit && s->description ? 0 : -ENOMEM;
}

/* As container-getty@.service has it, but without its Restart=: whoever logs out is done. */
static int prepare_getty(Session *s)
{
        const char *const words[] = { "agetty",      "-o",   "-p -- \\u",        "--noclear",
                                      "--keep-baud", s->tty, "115200,38400,9600" };
        int r = 0;

        s->path = strdup(AGETTY);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(words); i++)
                r = strv_push(&s->argv, words[i]);
        if (r >= 0)
                r = strv_push(&s->argv, getenv("TERM") ?: "vt220");
        if (r >= 0)
                r = name_unit(s, "container-login");
        if (r >= 0 && asprintf(&s->description, "Login on %s", s->tty) < 0)
                s->description = NULL;
        return r < 0 ? r : s->path && s->unit && s->description ? 0 : -ENOMEM;
}

static int look_up(const Machine *m, const SessionLogin *login, User *user, Error *error)
{
        _cleanup_close_ int root_fd = machine_open_root(m, error);
        int r;

        if (root_fd < 0)
                return root_fd;
        if (login->getty) {
                r = path_exists(root_fd, AGETTY);
                return r < 0 ? error_set(error, ENXIO, "Machine '%s' has no '%s'", m->name, AGETTY)
                             : 0;
        }
        r = user_find(root_fd, login->user, user, NULL);
        return r == -ESRCH ? 0
               : r < 0     ? error_errno(error, -r, "Failed to read the machine's users")
                           : 0;
}

/* Opens the terminal and has the session begun. */
static int begin(Session *s, const SessionLogin *login, Errand *errand, Error *error)
{
        _cleanup_close_ int ready = -EBADF;
        _cleanup_user_ User user = USER_NULL;
        int r = look_up(s->m, login, &user, error), ends[2];
        char byte;

        if (r >= 0)
                r = session_door_open(s->m, true, user.uid, &s->door, error);
        if (r < 0)
                return r;
        if (asprintf(&s->tty, "pts/%d", s->door.tty_number) < 0)
                s->tty = NULL;
        r = !s->tty ? -ENOMEM : login->getty ? prepare_getty(s) : prepare_shell(s, login, &user);
        if (r < 0 || pipe2(ends, O_CLOEXEC) < 0)
                return error_errno(error, r < 0 ? -r : errno, "Failed to prepare a session");
        ready = ends[0];
        s->ready_fd = ends[1];
        pty_copy_size(STDOUT_FILENO, s->door.pty_fd);
        r = errand_start(talk, s, errand, error);
        closep(&s->ready_fd);
        closep(&s->door.tty_fd);
        closep(&s->door.bus_fd);
        s->ready_fd = s->door.tty_fd = s->door.bus_fd = -EBADF;
        if (r < 0)
                return r;
        if (read(ready, &byte, 1) == 1)
                return 0;
        r = errand_wait(errand, error);
        return r < 0 ? r : error_set(error, ENXIO, "The session ended at once");
}

int machine_session_begin(const Machine *m, const SessionLogin *login, MachineSession *ret,
                          Error *error)
{
        _cleanup_(session_done)
                Session s = { .m = m, .door = SESSION_DOOR_NULL, .ready_fd = -EBADF };
        _cleanup_(machine_session_done) MachineSession session = MACHINE_SESSION_NULL;
        int r = begin(&s, login, &session.errand, error);

        if (r < 0) {
                error_hint(error, "stead exec %s -- journalctl -n 20; stead shell --direct %s",
                           m->name, m->name);
                return error_errno(error, -r, "Failed to begin a session");
        }
        session.pty_fd = TAKE_FD(s.door.pty_fd);
        *ret = session;
        session = MACHINE_SESSION_NULL;
        return 0;
}

int machine_session_wait(MachineSession *s, Error *error)
{
        return errand_wait(&s->errand, error);
}

void machine_session_done(MachineSession *s)
{
        closep(&s->pty_fd); /* first: the session hears of it */
        errand_done(&s->errand);
        *s = MACHINE_SESSION_NULL;
}

int machine_session_explain(const Machine *m, const SessionLogin *login, int status, Error *error)
{
        int r = session_unit_explain(status, login->getty ? NULL : login->user ?: "root", error);

        if (r < 0)
                error_hint(error, "stead exec %s -- journalctl -n 20; stead shell --direct %s",
                           m->name, m->name);
        return r;
}
