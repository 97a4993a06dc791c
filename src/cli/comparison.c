/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering both sides. The definition is read as a launcher would read it that is started in the
 * same way as the machine's. */

#include "cli/comparison.h"

#include "base/fd.h"
#include "base/strv.h"
#include "bus/systemd.h"
#include "bus/unit-control.h"
#include "cli/launcher.h"
#include "config/launch-settings.h"

#include <fcntl.h>
#include <string.h>

#define SETTINGS_SIZE_MAX (1024 * 1024)

void comparison_done(Comparison *c)
{
        machine_free(c->machine);
        definition_free(c->definition);
        setting_lines_done(&c->declared);
        setting_lines_done(&c->running);
        resource_values_done(&c->limits);
        limit_place_done(&c->place);
        *c = COMPARISON_NULL;
}

/* The words of the launcher of `stead start`, or of units/stead@.service. */
static int launcher_words(const Comparison *c, char ***argv, Error *error)
{
        static const char *const service[] = { "--keep-unit", "--settings=override", "--boot",
                                               "--notify-ready=yes" };
        int r = strv_push(argv, "stead-launch");

        for (size_t i = 0; r >= 0 && c->is_service && i < ELEMENTSOF(service); i++)
                r = strv_push(argv, service[i]);
        if (r >= 0 && !c->is_service)
                r = launcher_start_options(c->name, argv, error);
        if (r >= 0)
                r = strv_pushf(argv, "--machine=%s", c->name);
        return r < 0 ? error_errno(error, -r, "Failed to prepare the launcher's command line") : 0;
}

static int read_declared(Comparison *c, Error *error)
{
        char *const environment[] = { NULL };
        _cleanup_launch_settings_ LaunchSettings told = LAUNCH_SETTINGS_NULL;
        _cleanup_strv_ char **argv = NULL;
        int r = launcher_words(c, &argv, error);

        if (r < 0)
                return r;
        r = launch_settings_read("", (int)strv_length(argv), argv, environment, &told, error);
        diagnostics_print(&told.diagnostics, stderr);
        if (r < 0) {
                error_hint(error, "stead check %s", c->name);
                return error_errno(error, -r, "Failed to read the definition of '%s'", c->name);
        }
        c->definition = TAKE_PTR(told.definition);
        r = setting_lines_collect(&told.all, c->definition, &c->declared);
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        for (size_t i = 0; i < c->declared.n; i++) {
                const SettingLine *l = &c->declared.items[i];

                if (strcmp(l->section, "Resources") != 0 || option_by_key(l->section, l->key))
                        continue; /* DiskMax= is no key of a unit or cgroup */
                r = resource_values_assign(&c->limits, l->key, l->value, error);
                if (r < 0)
                        return error_prefix(error, "%s", l->origin);
        }
        return 0;
}

static int read_running(Comparison *c, Error *error)
{
        _cleanup_free_ char *path = machine_path(c->name, "settings"), *text = NULL;
        ssize_t n = path ? read_file_at(AT_FDCWD, path, SETTINGS_SIZE_MAX, &text) : -ENOMEM;
        int r = n < 0 ? (int)n : setting_lines_parse(text, &c->running);

        if (r == -ENOENT) {
                error_hint(error, "stead restart %s", c->name);
                return error_set(error, ENODATA,
                                 "Machine '%s' was started by an older version, which did not "
                                 "write down with what",
                                 c->name);
        }
        return r < 0 ? error_errno(error, -r, "Failed to read '%s'", path ?: "settings") : 0;
}

static int comparison_fill(Comparison *c, const char *name, Error *error)
{
        _cleanup_free_ char *unit = NULL;
        int r = machine_open(name, &c->machine, error);

        if (r < 0)
                return r;
        c->name = c->machine->name;
        if (systemd_service_of(name, &unit) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        c->is_service = c->machine->unit && strcmp(c->machine->unit, unit) == 0;
        r = read_running(c, error);
        if (r >= 0)
                r = read_declared(c, error);
        if (r >= 0 && (c->machine->unit || c->machine->cgroup))
                r = limit_place_open(c->machine, &c->place, error);
        return r;
}

int comparison_open(const char *name, Comparison *ret, Error *error)
{
        _cleanup_comparison_ Comparison c = COMPARISON_NULL;
        int r = comparison_fill(&c, name, error);

        if (r < 0)
                return r;
        *ret = c;
        c = COMPARISON_NULL;
        return 0;
}

int comparison_is_loaded(const Comparison *c, Error *error)
{
        uint64_t changed, loaded;
        int r;

        if (!c->is_service)
                return 1;
        r = systemd_loaded_usec(c->place.bus, &loaded, error);
        if (r < 0)
                return r;
        if (definition_last_change("", c->name, &changed) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return changed < loaded;
}

int comparison_save(const Comparison *c, Error *error)
{
        _cleanup_free_ char *path = machine_path(c->name, "settings"), *text = NULL;
        int r = path ? setting_lines_format(&c->running, &text) : -ENOMEM;

        if (r >= 0)
                r = write_file_atomic_at(AT_FDCWD, path, text, 0600);
        return r < 0 ? error_errno(error, -r, "Failed to write '%s'", path ?: "settings") : 0;
}

int comparison_try_start(const Comparison *c, Error *error)
{
        _cleanup_strv_ char **argv = NULL;
        int r = launcher_words(c, &argv, error);

        if (r >= 0)
                r = launcher_try(argv, error);
        if (r >= 0)
                return 0;
        error_hint(error, "stead plan %s", c->name);
        return error_prefix(error, "Machine '%s' is not restarted", c->name);
}
