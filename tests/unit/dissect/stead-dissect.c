/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands where the reader of images looks for stead-dissect, and does what the image says: what a
 * program might do that an image got the better of. */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char *text)
{
        if (write(STDOUT_FILENO, text, strlen(text)) < 0)
                _exit(1);
}

/* Nothing but the image, for reading only, a pipe and an empty device. */
static int is_alone(int argc)
{
        DIR *d = opendir("/proc/self/fd");
        char where[64] = "";
        int n = 0;

        while (d && readdir(d))
                n++;
        if (d)
                (void)closedir(d);
        if (readlink("/proc/self/fd/2", where, sizeof(where) - 1) < 0)
                return 0;
        return n == 6 /* two of them are . and .., one is the directory */ && argc == 1 &&
               !environ[0] && strcmp(where, "/dev/null") == 0 &&
               (fcntl(0, F_GETFL) & O_ACCMODE) == O_RDONLY && lseek(0, 0, SEEK_CUR) == 0;
}

int main(int argc, char **argv)
{
        char text[8192] = "";
        int alone = is_alone(argc);

        (void)argv;
        if (read(STDIN_FILENO, text, sizeof(text) - 1) <= 0)
                return 1;
        switch (text[0]) {
        case 'a': /* look around */
                say(alone ? "refused lvm 0 0 0 -\n" : "refused raid 0 0 0 -\n");
                return 1;
        case 'c': /* say all, and stay */
                say("refused swap 0 0 0 -\n");
                (void)close(STDOUT_FILENO);
                for (;;)
                        (void)pause();
        case 'd': /* die */
                (void)signal(SIGABRT, SIG_DFL);
                abort();
        case 'f': /* never stop talking */
                for (;;)
                        say("part root 1 512 512 rw keep ext4 -\n");
        case 'h': /* hang */
                for (;;)
                        (void)pause();
        case 'u': /* could not become harmless */
                return 3;
        case 'x': /* out of processor time */
                (void)signal(SIGXCPU, SIG_DFL);
                return raise(SIGXCPU);
        default:
                say(text);
                return 0;
        }
}
