/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a definition in the dialect of pods to a Pod. */

#include "config/pod.h"

#include "config/resource-lines.h"
#include "config/setting-lines.h"

#include <string.h>

Pod *pod_free(Pod *p)
{
        if (!p)
                return NULL;
        definition_free(p->definition);
        settings_free(p->settings);
        health_setting_done(&p->health);
        free(p);
        return NULL;
}

static int read_health(Pod *p, Error *error)
{
        for (size_t i = 0; i < p->definition->n_passed; i++) {
                const PassedKey *k = &p->definition->passed[i];
                int r = strcmp(k->section, "Health") == 0
                                ? health_setting_assign(&p->health, k->key, k->value, error)
                                : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* What has been read line by line, put together. */
static int put_together(Pod *p, Diagnostics *diagnostics, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        int r = settings_from_assignments(&p->definition->assignments, &p->settings, &problem);

        if (r == -EINVAL) { /* not a matter of one line */
                const char *path = p->definition->path ?: p->definition->name;

                r = diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, path, &problem);
                return r < 0 ? r : -EINVAL;
        }
        if (r < 0)
                return error_move(error, &problem);
        r = read_health(p, error);
        return r < 0 ? r : resource_lines(p->definition, &p->settings->resources);
}

int pod_load(const char *root, const char *name, Pod **ret, Diagnostics *diagnostics, Error *error)
{
        const DefinitionPlace place = { .root = root, .pod = true };
        _cleanup_pod_ Pod *p = calloc(1, sizeof(*p));
        size_t before = diagnostics->n_errors;
        int r;

        if (!p)
                return error_set(error, ENOMEM, "Out of memory");
        p->health = HEALTH_SETTING_NULL;
        r = definition_read(&place, name, &p->definition, diagnostics, error);
        if (r < 0)
                return r;
        r = diagnostics->n_errors > before ? -EINVAL : put_together(p, diagnostics, error);
        if (diagnostics->n_errors > before) {
                (void)diagnostics_first(diagnostics, error);
                if (error && !error->hint)
                        error_hint(error, "stead check pod:%s", name);
                return -EINVAL;
        }
        if (r < 0)
                return error && error->number != 0
                               ? r
                               : error_errno(error, -r, "Failed to read pod '%s'", name);
        *ret = TAKE_PTR(p);
        return 0;
}

int pod_diagnose_missing(const char *root, const Assignments *a, Diagnostics *diagnostics)
{
        const Assignment *item = assignments_find(a, option_by_key("Network", "Pod"));
        const DefinitionPlace place = { .root = root, .pod = true };
        _cleanup_diagnostics_ Diagnostics other = DIAGNOSTICS_NULL;
        _cleanup_definition_ Definition *d = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        if (!item || !item->value)
                return 0;
        r = definition_read(&place, item->value, &d, &other, &error);
        if (r != -ENOENT && r != -ERFKILL)
                return 0; /* what is wrong with it is told where the pod is checked */
        (void)error_prefix(&error, "Pod=%s", item->value);
        return diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, item->origin, &error);
}

int pod_format(const Pod *p, char **ret)
{
        _cleanup_setting_lines_ SettingLines lines = SETTING_LINES_NULL;
        Buffer out = BUFFER_NULL;
        int r = setting_lines_collect(&p->definition->assignments, p->definition, &lines);

        if (r < 0)
                return r;
        for (size_t i = 0; i < lines.n; i++)
                if (strcmp(lines.items[i].section, "Network") == 0 ||
                    strcmp(lines.items[i].section, "Health") == 0)
                        buffer_printf(&out, "[%s]\n%s=%s\n", lines.items[i].section,
                                      lines.items[i].key, lines.items[i].value);
        *ret = buffer_steal(&out);
        return *ret ? 0 : -ENOMEM;
}

int pod_parse(const char *name, const char *text, Pod **ret, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_pod_ Pod *p = calloc(1, sizeof(*p));
        int r = -ENOMEM;

        if (p) {
                p->health = HEALTH_SETTING_NULL;
                p->definition = calloc(1, sizeof(*p->definition));
        }
        if (p && p->definition)
                p->definition->name = strdup(name);
        if (p && p->definition && p->definition->name)
                r = definition_parse(p->definition, name, text, strlen(text), DEFINITION_POD,
                                     &diagnostics);
        if (r >= 0)
                r = diagnostics.n_errors > 0 ? -EBADMSG : put_together(p, &diagnostics, error);
        if (r < 0)
                return error && error->number != 0
                               ? r
                               : error_errno(error, -r,
                                             "Failed to read what pod '%s' was started with", name);
        *ret = TAKE_PTR(p);
        return 0;
}
