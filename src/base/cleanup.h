/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Scope-bound release of resources, and hand-over of ownership out of a scope.
 * Every type adds its own pair with DEFINE_CLEANUP(); nothing here knows a particular type
 * except plain memory, file descriptors and stdio streams. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _noreturn_ __attribute__((noreturn))
#define _unused_ __attribute__((unused))
#define _must_check_ __attribute__((warn_unused_result))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))

/* Takes the value out of a variable and leaves it empty, so that the scope no longer frees it. */
#define TAKE_PTR(p)                    \
        ({                             \
                typeof(p) *_pp = &(p); \
                typeof(p) _p = *_pp;   \
                *_pp = NULL;           \
                _p;                    \
        })
#define TAKE_FD(fd)               \
        ({                        \
                int *_pf = &(fd); \
                int _f = *_pf;    \
                *_pf = -EBADF;    \
                _f;               \
        })

/* For a destructor `type *func(type *)`: makes `funcp`, to be named in _cleanup_(). */
#define DEFINE_CLEANUP(type, func)           \
        static inline void func##p(type **p) \
        {                                    \
                if (*p)                      \
                        *p = func(*p);       \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(const int *fd)
{
        if (*fd >= 0)
                (void)close(*fd); /* nothing can be done about a failing close of a dying scope */
}

static inline void fclosep(FILE **f)
{
        if (*f)
                (void)fclose(*f); /* writers check with fflush() before they leave the scope */
}

static inline void closedirp(DIR **d)
{
        if (*d)
                (void)closedir(*d); /* read-only handle */
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)
#define _cleanup_closedir_ _cleanup_(closedirp)
