/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a machine of layers is mounted from: the file `stack` of its directory. The launcher reads
 * nothing else, so that a start costs two small files.
 *
 *   stead-stack 1
 *   generation 3
 *   lower TREE debian/12/base        from the lowest
 *   lower TREE site/nginx
 *   lower TREE -                     the generated layer, if there is one
 */

#include "stack/generation.h"

typedef struct Stack {
        unsigned generation;
        StackLayer *lowers; /* commit is not set; name "-" for the generated layer */
        size_t n_lowers;
} Stack;

#define STACK_NULL ((Stack){})
#define _cleanup_stack_ _cleanup_(stack_done)
void stack_done(Stack *s);
int stack_load(int state_fd, Stack *ret, Error *error);
int stack_save(int state_fd, const Stack *s, Error *error);
/* Whether a start may use it as it is: generation is the wanted one, layers are those of the
 * definition, and all checkouts are there. If not, `stead-switch NAME LAYER...` makes it so. */
bool stack_is_ready(const Stack *s, unsigned wanted, char *const *layers, const char *store);

/* Where the directories of machines are: $STEAD_STATE, for tests, or STATE_DIRECTORY. */
const char *stack_states(void);
/* /etc/os-release of a machine that does not run, from the uppermost layer that has one. -ENOENT. */
int stack_read_os_release(const char *machine, char **ret);
