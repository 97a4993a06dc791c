/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A long piece of work on a tree, in a process with private mounts and process numbers: whatever it
 * starts or mounts is gone when it ends, when we are interrupted, and when we are killed. */

#include "base/error.h"

typedef struct Worker Worker;

/* Runs in the child. */
typedef int (*WorkerFunction)(Worker *worker, void *argument, Error *error);
/* Runs in the parent: @stage is new, or NULL once a second. */
typedef void (*WorkerProgress)(const char *stage, void *userdata);

/* 0, the function's error, or -ECANCELED after SIGINT, SIGTERM or SIGHUP, which are blocked
 * meanwhile. */
int worker_run(WorkerFunction function, void *argument, WorkerProgress progress, void *userdata,
               Error *error);

/* For the function: tells what is being done now. */
void worker_stage(Worker *worker, const char *format, ...) _printf_(2, 3);
/* Called with each line that a program writes. */
typedef void (*WorkerLine)(Worker *worker, const char *line);
/* Runs a program to its end, with standard output and error read line by line. Fails with its last
 * words as @error if its status is not 0. */
int worker_program(Worker *worker, char *const *argv, WorkerLine on_line, Error *error);
