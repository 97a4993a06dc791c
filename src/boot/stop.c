/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Orderly stops of different inits, from outside. */

#include "boot/stop.h"

#include "base/fd.h"
#include "machine/enter.h"
#include "os/path.h"
#include "os/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool stop_can_hear(pid_t pid, int signal)
{
        static const char *const masks[] = { "\nSigBlk:\t", "\nSigCgt:\t" };
        _cleanup_free_ char *text = NULL;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        if (read_file_at(AT_FDCWD, path, 65536, &text) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(masks); i++) {
                const char *p = strstr(text, masks[i]);
                uint64_t bits;

                if (p && sscanf(p + strlen(masks[i]), "%" SCNx64, &bits) == 1 &&
                    bits & (UINT64_C(1) << (signal - 1)))
                        return true;
        }
        return false;
}

static int ask_by_signal(const Boot *b, int signal)
{
        bool hears = signal == SIGKILL || stop_can_hear(b->pid, signal);
        int r;

        r = pidfd_signal(b->pid_fd, signal);
        if (r < 0)
                return r;
        /* Without a handler the kernel has thrown it away, unless PID 1 sits in sigwait(2), which
         * no mask in /proc shows: so it is sent, and sent again until it surely was heard. */
        return hears ? 0 : -EAGAIN;
}

/* What telinit(8) of sysvinit writes into the fifo (initreq.h of sysvinit, fixed for decades). */
typedef struct InitRequest {
        int32_t magic;
        int32_t command;
        int32_t runlevel;
        int32_t sleep_time;
        char reserved[368];
} InitRequest;

#define INIT_REQUEST_MAGIC 0x03091969
#define INIT_REQUEST_RUNLEVEL 1

/* The fifo is opened inside the machine's root, and only if it is a fifo: the tree is not trusted.
 */
static int open_initctl(const Boot *b)
{
        static const char *const places[] = { "/run/initctl", "/dev/initctl" };
        _cleanup_close_ int root = -EBADF;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)b->pid);
        root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_close_ int fd = path_open(root, places[i], O_PATH, 0);
                struct stat st;
                int fifo;

                if (fd < 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
                        continue;
                fifo = open(fd_path(fd).path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
                if (fifo >= 0)
                        return fifo;
        }
        return -EAGAIN; /* not made, or nobody reads it yet */
}

static int ask_by_initctl(const Boot *b, bool reboot)
{
        InitRequest request = {
                .magic = INIT_REQUEST_MAGIC,
                .command = INIT_REQUEST_RUNLEVEL,
                .runlevel = reboot ? '6' : '0',
        };
        _cleanup_close_ int fd = open_initctl(b);

        return fd < 0 ? fd : write_all(fd, &request, sizeof(request));
}

static int run_command(const Boot *b, bool reboot)
{
        const char *const runit[] = { "/sbin/init", reboot ? "6" : "0", NULL };
        const char *const openrc[] = { "/sbin/openrc-shutdown", reboot ? "-r" : "-p", "now", NULL };
        const char *const other[] = { reboot ? "reboot" : "poweroff", NULL };
        const char *const *argv = b->plan->init == INIT_RUNIT    ? runit
                                  : b->plan->init == INIT_OPENRC ? openrc
                                                                 : other;
        EnteredProcess process = ENTERED_PROCESS_NULL;
        _cleanup_machine_ Machine *machine = NULL;
        _cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        EnterRequest request = {
                .argv = (char *const *)argv,
                .stdio = { null, null, null },
        };
        int r = machine_open(b->plan->machine, &machine, NULL);

        if (r < 0)
                return r;
        r = machine_enter(machine, &request, &process, NULL);
        if (r < 0)
                return r;
        return entered_process_wait(&process) == 0 ? 0 : -EIO;
}

/* In a process of its own: entering reads the tree, which may hang, and the supervisor must not. */
static int ask_by_command(const Boot *b, bool reboot)
{
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0)
                _exit(run_command(b, reboot) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        return -EAGAIN; /* reaped like all helpers; an init that was not ready to hear it is told
                           again */
}

int stop_ask(const Boot *b, bool reboot)
{
        switch (reboot ? b->plan->reboot_method : b->plan->stop_method) {
        case STOP_INITCTL:
                return ask_by_initctl(b, reboot);
        case STOP_COMMAND:
                return ask_by_command(b, reboot);
        case STOP_AUTO:
        case STOP_SIGNAL:
        case _STOP_METHOD_MAX:
        case _STOP_METHOD_INVALID:
                break;
        }
        return ask_by_signal(b,
                             (reboot ? b->plan->reboot_signal : b->plan->stop_signal) ?: SIGKILL);
}
