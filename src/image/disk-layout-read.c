/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs stead-dissect on an image, for two seconds at most. */

#include "image/disk-layout.h"

#include "base/fd.h"
#include "os/clock.h"
#include "os/clone.h"
#include "os/own-program.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROGRAM "stead-dissect"
#define TIME_MAX_USEC UINT64_C(2000000)
#define NOT_STARTED 127
#define NOT_SAFE 3    /* see dissect/main.c */
#define TEXT_MAX 4096 /* ten roles of 150 characters at most */

typedef struct Dissection {
        int pid_fd, answer_fd;
        char text[TEXT_MAX + 1];
        size_t n;
} Dissection;

static void dissection_done(Dissection *d)
{
        if (d->pid_fd >= 0) {
                (void)pidfd_signal(d->pid_fd, SIGKILL); /* it has ended, or is to */
                (void)pidfd_reap(d->pid_fd, NULL);
        }
        closep(&d->pid_fd);
        closep(&d->answer_fd);
}

/* It gets the image, the pipe, nothing to say anything to a person with, and no environment. */
_noreturn_ static void become(int program_fd, int image_fd, int answer_fd)
{
        char *argv[] = { (char[]){ PROGRAM }, NULL }, *nothing[] = { NULL };
        int fds[3] = { image_fd, answer_fd, open("/dev/null", O_RDWR | O_CLOEXEC) };
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (int i = 0; i < 3; i++) /* out of the way, should one of these places be free */
                fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
        for (int i = 0; i < 3; i++)
                if (fds[i] < 0 || dup2(fds[i], i) < 0)
                        _exit(NOT_STARTED);
        /* what our own caller left open; kernels before 5.11 leave it to the program */
        (void)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
        (void)fexecve(program_fd, argv, nothing);
        _exit(NOT_STARTED);
}

static int start(int image_fd, Dissection *d, Error *error)
{
        _cleanup_close_ int program = own_program_open("dissect", PROGRAM);
        int answer[2];
        pid_t pid;

        if (program < 0) {
                error_errno(error, -program,
                            "Failed to open '" STEAD_LIBEXECDIR "/" PROGRAM
                            "', which reads disk images");
                error_hint(error, "install stead anew");
                return program;
        }
        if (pipe2(answer, O_CLOEXEC) < 0)
                return error_errno(error, errno, "Failed to make a pipe");
        pid = clone_process(0, -EBADF, &d->pid_fd);
        if (pid == 0)
                become(program, image_fd, answer[1]);
        (void)close(answer[1]);
        d->answer_fd = answer[0];
        return pid < 0 ? error_errno(error, -pid, "Failed to start " PROGRAM) : 0;
}

/* 1: at its end, 0: not yet; -EMSGSIZE: more than there can be. */
static int hear(Dissection *d)
{
        ssize_t n = read(d->answer_fd, d->text + d->n, TEXT_MAX - d->n);

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        d->n += (size_t)n;
        return d->n == TEXT_MAX ? -EMSGSIZE : n == 0;
}

/* Until it has said everything and has ended. -ETIMEDOUT. */
static int wait_for(Dissection *d)
{
        uint64_t end = clock_now_usec() + TIME_MAX_USEC;
        struct pollfd answer = { .fd = d->answer_fd, .events = POLLIN };
        bool heard = false;

        for (;;) {
                uint64_t now = clock_now_usec();
                int left = now < end ? (int)((end - now + 999) / 1000) : 0, r;

                if (left == 0)
                        return -ETIMEDOUT;
                if (heard) {
                        r = pidfd_wait_end(d->pid_fd, left);
                        return r == 0 ? -ETIMEDOUT : r;
                }
                if (poll(&answer, 1, left) <= 0)
                        continue; /* the clock says whether there is more time */
                r = hear(d);
                if (r < 0)
                        return r;
                heard = r > 0;
        }
}

static int slow(const char *path, Error *error)
{
        if (error && error->number == 0)
                error_hint(error, "try again; if it is slow each time, the image is hostile");
        return error_set(error, ETIMEDOUT,
                         "Reading the partitions of disk image '%s' took more than two seconds",
                         path);
}

/* How it ended, and then what it said. */
static int judge(Dissection *d, const char *path, DiskLayout *ret, Error *error)
{
        siginfo_t info = {};
        int r = wait_for(d);

        if (r == -ETIMEDOUT)
                return slow(path, error);
        if (r == -EMSGSIZE)
                return disk_layout_parse("", path, ret, error);
        if (r >= 0)
                r = pidfd_reap(d->pid_fd, &info);
        if (r < 0)
                return error_errno(error, -r, "Failed to read the partitions of disk image '%s'",
                                   path);
        closep(&d->pid_fd);
        d->pid_fd = -EBADF;
        if (info.si_code == CLD_EXITED && info.si_status == NOT_STARTED)
                return error_set(error, EIO, "Failed to start " PROGRAM);
        if (info.si_code == CLD_EXITED && info.si_status == NOT_SAFE)
                return error_set(error, EPERM,
                                 PROGRAM " could not give up its rights and read nothing");
        if (info.si_code != CLD_EXITED && (info.si_status == SIGXCPU || info.si_status == SIGKILL))
                return slow(path, error);
        if (info.si_code != CLD_EXITED || strlen(d->text) != d->n)
                return disk_layout_parse("", path, ret, error);
        return disk_layout_parse(d->text, path, ret, error);
}

/* The program has not the last word on where the image ends. */
static int check_end(int image_fd, const DiskLayout *layout, const char *path, DiskLayout *ret,
                     Error *error)
{
        uint64_t size;
        struct stat st;

        if (fstat(image_fd, &st) < 0)
                return error_errno(error, errno, "Failed to look at disk image '%s'", path);
        size = (uint64_t)st.st_size;
        if (S_ISBLK(st.st_mode) && ioctl(image_fd, BLKGETSIZE64, &size) < 0)
                return error_errno(error, errno, "Failed to get the size of '%s'", path);
        for (size_t i = 0; i < _DISK_ROLE_MAX; i++)
                if (layout->parts[i].found &&
                    (layout->parts[i].offset > size ||
                     layout->parts[i].size > size - layout->parts[i].offset))
                        return disk_layout_parse("", path, ret, error);
        *ret = *layout;
        return 0;
}

int disk_layout_read(int image_fd, const char *path, DiskLayout *ret, Error *error)
{
        _cleanup_(dissection_done) Dissection d = { .pid_fd = -EBADF, .answer_fd = -EBADF };
        _cleanup_close_ int fd = -EBADF; /* of its own: for reading only, from the beginning */
        DiskLayout layout;
        struct stat st;
        int r;

        if (fstat(image_fd, &st) < 0)
                return error_errno(error, errno, "Failed to look at disk image '%s'", path);
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
                return disk_layout_parse("refused no-disk 0 0 0 -\n", path, ret, error);
        fd = open(fd_path(image_fd).path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return error_errno(error, errno, "Failed to open disk image '%s'", path);
        r = start(fd, &d, error);
        if (r >= 0)
                r = judge(&d, path, &layout, error);
        return r < 0 ? r : check_end(fd, &layout, path, ret, error);
}
