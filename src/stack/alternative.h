/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One of Debian's alternatives, as /var/lib/dpkg/alternatives/NAME has it: a link, the files that
 * it can mean with their priorities, and further links that follow the choice. */

#include "stack/text-merge.h"

typedef struct AlternativeSlave {
        char *name, *link;
} AlternativeSlave;

typedef struct AlternativeChoice {
        char *path;
        int priority;
        char **slaves; /* as many as the alternative has; "" where this choice brings no such file
                        */
} AlternativeChoice;

typedef struct Alternative {
        bool automatic; /* the highest priority that is there; else what somebody chose */
        char *link;     /* "/usr/bin/pager" -> /etc/alternatives/pager -> choice */
        AlternativeSlave *slaves;
        size_t n_slaves;
        AlternativeChoice *choices;
        size_t n_choices;
} Alternative;

#define ALTERNATIVE_NULL ((Alternative){})
#define _cleanup_alternative_ _cleanup_(alternative_done)
void alternative_done(Alternative *a);

/* -EBADMSG: not of that form. */
int alternative_parse(const char *text, Alternative *ret);

/* A TextMerge of such files: mode, links, choices and priorities each on their own. */
int merge_alternative(const MergeTexts *texts, Buffer *out, MergeNotes *notes);

typedef bool (*AlternativeExists)(const char *path, void *userdata);
/* The choice that is to be in force: @current (NULL: none yet) if it was chosen and is still there,
 * else the best one that is there. NULL: none is. */
const AlternativeChoice *alternative_choose(const Alternative *a, const char *current,
                                            AlternativeExists exists, void *userdata);
