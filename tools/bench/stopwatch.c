/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stopwatch: run several commands alternately and print how long each took, from before the spawn
 * to after the wait.
 *
 * It exists because the figures are a few milliseconds: the same loop in a scripting language adds
 * 0.2 ms to each, which flatters every ratio. It judges nothing; tools/bench/launch does the
 * arithmetic.
 *
 *   stopwatch ROUNDS SETTLE_MS COMMAND [ARGUMENT...] [::: COMMAND [ARGUMENT...]]...
 *
 * One line on standard output for each start: number of the command, nanoseconds, exit status
 * (128+signal). Commands are absolute paths. They get /dev/null as standard input and output.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 32
#define SEPARATOR ":::"

extern char **environ;

typedef struct Schedule {
        unsigned rounds;
        struct timespec settle;
        char **commands[COMMANDS_MAX];
        unsigned n_commands;
        posix_spawn_file_actions_t actions;
} Schedule;

_Noreturn static void die(const char *what, int error)
{
        fprintf(stderr, "stopwatch: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
        struct timespec t;

        if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
                die("clock_gettime", errno);
        return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* posix_spawn() does not copy our page tables, so the size of this program is no part of the
 * figure. */
static void measure(const Schedule *s, unsigned k, int silent)
{
        uint64_t begin, end;
        int r, status;
        pid_t pid;

        begin = now_ns();
        r = posix_spawn(&pid, s->commands[k][0], &s->actions, NULL, s->commands[k], environ);
        if (r != 0)
                die(s->commands[k][0], r);
        if (waitpid(pid, &status, 0) < 0)
                die("waitpid", errno);
        end = now_ns();

        if (!silent)
                printf("%u %llu %d\n", k, (unsigned long long)(end - begin),
                       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));

        /* The kernel takes a network namespace apart after the wait returned: do not let the next
         * command pay for it. */
        (void)nanosleep(&s->settle, NULL); /* a shorter rest after a signal does no harm */
}

static unsigned number(const char *text, unsigned long max)
{
        unsigned long n;
        char *end;

        errno = 0;
        n = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || n > max)
                die(text, EINVAL);
        return (unsigned)n;
}

/* Cuts argv at the separators, in place: each command becomes a NULL-terminated vector of its own.
 */
static void schedule_read(Schedule *s, int argc, char **argv)
{
        unsigned settle_ms;

        if (argc < 4) {
                fputs("usage: stopwatch ROUNDS SETTLE_MS COMMAND [" SEPARATOR " COMMAND]...\n",
                      stderr);
                exit(EXIT_FAILURE);
        }

        s->rounds = number(argv[1], 100000);
        settle_ms = number(argv[2], 60000);
        s->settle.tv_sec = settle_ms / 1000;
        s->settle.tv_nsec = (long)(settle_ms % 1000) * 1000000;

        s->commands[s->n_commands++] = argv + 3;
        for (int i = 3; i < argc; i++) {
                if (strcmp(argv[i], SEPARATOR) != 0)
                        continue;
                if (s->n_commands == COMMANDS_MAX)
                        die("commands", E2BIG);
                argv[i] = NULL;
                s->commands[s->n_commands++] = argv + i + 1;
        }

        for (unsigned k = 0; k < s->n_commands; k++)
                if (!s->commands[k][0])
                        die("empty command", EINVAL);
}

/* Standard output carries the figures, so the commands get the null device instead. */
static void schedule_silence(Schedule *s)
{
        int r;

        r = posix_spawn_file_actions_init(&s->actions);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&s->actions, STDIN_FILENO, "/dev/null", O_RDWR,
                                                     0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&s->actions, STDIN_FILENO, STDOUT_FILENO);
        if (r != 0)
                die("file actions", r);
}

int main(int argc, char **argv)
{
        Schedule s = { 0 };

        schedule_read(&s, argc, argv);
        schedule_silence(&s);

        /* The round before the first fills the caches. Every second one runs backwards, so that no
         * command always follows the same other one. */
        for (unsigned round = 0; round <= s.rounds; round++)
                for (unsigned i = 0; i < s.n_commands; i++)
                        measure(&s, round % 2 == 0 ? i : s.n_commands - 1 - i, round == 0);

        (void)posix_spawn_file_actions_destroy(&s.actions);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
