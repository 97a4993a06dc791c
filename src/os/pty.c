/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pseudo terminals. */

#include "os/pty.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

int pty_open(int devpts_fd, int *ret_number)
{
        _cleanup_close_ int fd = openat(devpts_fd, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        int unlocked = 0, number;

        if (fd < 0)
                return -errno;
        if (ioctl(fd, TIOCSPTLCK, &unlocked) < 0 || ioctl(fd, TIOCGPTN, &number) < 0)
                return -errno;
        *ret_number = number;
        return TAKE_FD(fd);
}

int pty_set_size(int fd, uint16_t rows, uint16_t columns)
{
        struct winsize size = { .ws_row = rows, .ws_col = columns };

        return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

void pty_copy_size(int from_fd, int to_fd)
{
        struct winsize size;

        if (ioctl(from_fd, TIOCGWINSZ, &size) >= 0)
                (void)ioctl(to_fd, TIOCSWINSZ, &size); /* a pty always takes it */
}

int terminal_set_raw(int fd, struct termios *ret_saved)
{
        struct termios saved, raw;

        if (tcgetattr(fd, &saved) < 0)
                return -errno;
        raw = saved;
        cfmakeraw(&raw);
        if (tcsetattr(fd, TCSANOW, &raw) < 0)
                return -errno;
        *ret_saved = saved;
        return 0;
}
