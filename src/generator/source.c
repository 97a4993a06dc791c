/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading one definition, whatever is wrong with it. */

#include "generator/source.h"

#include "base/strv.h"
#include "image/state-disk.h"
#include "stack/generation.h"
#include "store/store.h"

#include <string.h>

void source_done(Source *s)
{
        definition_free(s->definition);
        settings_free(s->settings);
        diagnostics_done(&s->diagnostics);
        free(s->tree);
        strv_free(s->paths);
        free(s->after);
        *s = SOURCE_NULL;
}

const char *source_path(const Source *s)
{
        const Definition *d = s->definition;
        const char *path = d->path ?: d->files ? d->files[0] : d->name;
        _cleanup_free_ char *own = NULL;

        if (d->path || asprintf(&own, "/%s.%s.d/", d->name, s->pod ? "pod" : "machine") < 0) {
                own = NULL;
                return path;
        }
        STRV_FOREACH (f, d->files) /* those of machine.d are everybody's */
                if (strstr(*f, own))
                        return *f;
        return path;
}

bool source_is_ours(const Source *s)
{
        const char *dot = s->definition->path ? strrchr(s->definition->path, '.') : NULL;

        return !dot || strcmp(dot, ".machine") == 0;
}

bool source_is_member(const Source *s, const char *pod)
{
        return s->settings && s->settings->pod && strcmp(s->settings->pod, pod) == 0;
}

static int add_path(Source *s, const char *path)
{
        return path && *path == '/' && !strv_contains(s->paths, path) ? strv_push(&s->paths, path)
                                                                      : 0;
}

static int add_mounts(Source *s)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->settings->n_mounts; i++)
                STRV_FOREACH (p, s->settings->mounts[i].sources)
                        if (r >= 0) /* what begins with '+' is in the tree */
                                r = add_path(s, *p);
        for (size_t i = 0; r >= 0 && i < s->settings->n_credentials; i++)
                r = add_path(s, s->settings->credentials[i].path);
        return r;
}

/* What the launcher will look for on the host. */
static int find_paths(Source *s)
{
        const Settings *settings = s->settings;
        bool layered = settings && settings->layers;
        int r = 0;

        if (settings && (settings->directory || settings->image))
                s->tree = strdup(settings->directory ?: settings->image);
        else if (asprintf(&s->tree, "%s/%s", layered ? STATE_DIRECTORY : "/var/lib/machines",
                          s->definition->name) < 0)
                s->tree = NULL;
        if (!s->tree)
                return -ENOMEM;
        if (layered) {
                _cleanup_free_ char *image = NULL;

                if (asprintf(&image, "%s/" STATE_IMAGE, s->tree) < 0) {
                        image = NULL;
                        return -ENOMEM;
                }
                s->has_image = access(image, F_OK) >= 0;
        }
        r = add_path(s, s->tree);
        if (r >= 0 && layered)
                r = add_path(s, STORE_DIRECTORY);
        if (r >= 0 && settings)
                r = add_path(s, settings->template_path);
        if (r >= 0 && settings)
                r = add_path(s, settings->verity_data);
        return r >= 0 && settings ? add_mounts(s) : r;
}

int source_load(const DefinitionPlace *place, const char *name, Source *ret)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Source s = { .pod = place->pod };
        int r = definition_read(place, name, &s.definition, &s.diagnostics, &error);

        if (r == -ERFKILL)
                r = -ENOENT;
        if (r >= 0 && s.diagnostics.n_errors == 0 &&
            settings_from_assignments(&s.definition->assignments, &s.settings, &error) < 0)
                r = diagnostics_add(&s.diagnostics, DIAGNOSTIC_ERROR, source_path(&s), &error);
        if (r >= 0 && !s.pod)
                r = find_paths(&s);
        if (r < 0) {
                source_done(&s);
                return r;
        }
        *ret = s;
        return 0;
}
