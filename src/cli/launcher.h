/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starting stead-launch: in our place on this terminal, or on its own with news of its readiness.
 */

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The program beside our own in the build tree or the same directory, else the one in PATH. */
int launcher_find(char **ret, Error *error);

/* "--machine=NAME"; for a word with a '/' "--directory=PATH", or "--image=PATH" of a file. */
int launcher_target(const char *word, char ***argv);

/* Replaces this process; returns only on failure. @argv starts with any word. */
int launcher_exec(char **argv, Error *error);

/* Whether a launcher with these words would get as far as a plan, without doing anything; what is
 * wrong it prints itself. */
int launcher_try(char *const *argv, Error *error);

/* A launcher without a terminal, in a session of its own, which goes on when we end. */
typedef struct LauncherStart {
        char *name;
        int pid_fd, notify_fd;
        char *socket_path, *log_path;
} LauncherStart;

#define LAUNCHER_START_NULL ((LauncherStart){ .pid_fd = -EBADF, .notify_fd = -EBADF })
void launcher_start_done(LauncherStart *s);

int launcher_start(const char *name, char *const *options, LauncherStart *ret, Error *error);

/* Waits until the machine is ready (0) or its launcher has ended (its own words as @error);
 * -ETIMEDOUT when @timeout_usec have passed: it goes on starting. */
int launcher_start_wait(LauncherStart *s, uint64_t timeout_usec, Error *error);

/* Sets @error to the text given, with what the launcher of @name wrote last as the cause. */
int launcher_last_words(const char *name, Error *error, const char *format, ...) _printf_(3, 4);

/* Removes what the launcher of @name wrote if that is nothing, or @also_words. */
void launcher_forget(const char *name, bool also_words);

/* The options with which `start` and `plan` run a machine: --boot, unless its definition says how.
 */
int launcher_start_options(const char *name, char ***argv, Error *error);
