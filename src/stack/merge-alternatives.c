/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The links of alternatives, where the merge made another choice right: what was chosen is gone, or
 * something better came. What update-alternatives(1) would do at its next call. */

#include "stack/merge-parts.h"

#include "stack/alternative.h"

#include "base/strv.h"

#include <string.h>

#define ALTERNATIVES "/var/lib/dpkg/alternatives"
#define LINKS "/etc/alternatives"

typedef struct Place {
        Merge *m;
        bool state;
        const Entry *database; /* its owner and time are those of links that are made */
} Place;

static bool exists(const char *path, void *userdata)
{
        const Place *p = userdata;

        return merge_seen_through(p->m, p->state, path, NULL).entry != NULL;
}

static int put(const Place *p, MergedFile *file)
{
        return merged_files_set_consume(p->state ? &p->m->edits : &p->m->generated, file);
}

static int set_link(const Place *p, const char *path, const char *target)
{
        _cleanup_free_ char *through = NULL;
        Side s = merge_seen_through(p->m, p->state, path, &through);
        MergedFile *file = NULL;
        int r;

        if (!through)
                return -ENOMEM;
        /* a file in the place of the link is somebody's own wish, which update-alternatives keeps
         */
        if (s.entry && (s.entry->kind != ENTRY_SYMLINK || strcmp(s.entry->target, target) == 0))
                return 0;
        r = merged_file_new_symlink(through, target, p->database, &file);
        return r < 0 ? r : put(p, file);
}

static int remove_link(const Place *p, const char *path)
{
        _cleanup_free_ char *through = NULL;
        Side s = merge_seen_through(p->m, p->state, path, &through);
        MergedFile *file = NULL;
        int r;

        if (!through)
                return -ENOMEM;
        if (!s.entry || s.entry->kind != ENTRY_SYMLINK)
                return 0;
        r = merged_file_new_whiteout(through, &file);
        if (r < 0)
                return r;
        file->reveal = p->state && !merge_seen(p->m, false, through).entry;
        return put(p, file);
}

/* "/etc/alternatives/NAME", and the place where people look for it. */
static int link_both(const Place *p, const char *name, const char *link, const char *target)
{
        _cleanup_free_ char *middle = NULL;
        int r;

        if (asprintf(&middle, LINKS "/%s", name) < 0)
                return -ENOMEM;
        if (!target) {
                r = remove_link(p, link);
                return r < 0 ? r : remove_link(p, middle);
        }
        r = set_link(p, middle, target);
        return r < 0 ? r : set_link(p, link, middle);
}

static int follow_choice(Place *p, const char *name, const Alternative *a,
                         const AlternativeChoice *c)
{
        int r = link_both(p, name, a->link, c->path);

        for (size_t i = 0; r >= 0 && i < a->n_slaves; i++) {
                const char *target = c->slaves[i];

                r = link_both(p, a->slaves[i].name, a->slaves[i].link,
                              *target && exists(target, p) ? target : NULL);
        }
        return r;
}

static int fix(Place *p, const char *name)
{
        _cleanup_free_ char *path = NULL, *middle = NULL, *text = NULL;
        _cleanup_alternative_ Alternative a = ALTERNATIVE_NULL;
        const AlternativeChoice *choice;
        const char *current = NULL;
        Side file, link;
        size_t size;
        int r;

        if (asprintf(&path, ALTERNATIVES "/%s", name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (asprintf(&middle, LINKS "/%s", name) < 0) {
                middle = NULL;
                return -ENOMEM;
        }
        file = merge_seen(p->m, p->state, path);
        link = merge_seen(p->m, p->state, middle);
        if (!file.file && file.place.layer == 0 && !link.file && link.place.layer == 0)
                return 0; /* all of it is the base's own, which is right */
        r = merge_read_text(p->m, &file, &text, &size);
        if (r < 0 || !text)
                return r;
        r = alternative_parse(text, &a);
        if (r < 0)
                return r == -EBADMSG ? 0 : r; /* not of a form that we may touch */
        if (link.entry && link.entry->kind == ENTRY_SYMLINK)
                current = link.entry->target;
        choice = alternative_choose(&a, current, exists, p);
        if (!choice || (current && strcmp(choice->path, current) == 0))
                return 0;
        p->database = file.entry;
        r = follow_choice(p, name, &a, choice);
        if (r >= 0)
                r = merge_report(p->m, DRIFT_REGENERATED, &(Sides){ .path = middle },
                                 strdup(choice->path), false);
        return r;
}

int merge_fix_alternatives(Merge *m, bool state)
{
        _cleanup_strv_ char **names = NULL;
        Place p = { .m = m, .state = state };
        int r = merge_seen_names(m, state, ALTERNATIVES, &names);

        STRV_FOREACH (name, names)
                if (r >= 0)
                        r = fix(&p, *name);
        return r < 0 ? error_errno(m->error, -r, "Failed to look through the alternatives") : 0;
}
