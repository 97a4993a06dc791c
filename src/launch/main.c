/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead-launch: boots one tree as a machine and looks after it until it is off. Words and
 * definition become settings, settings become a plan, the plan is acted on; all of that is in the
 * rooms below. */

#include "boot/boot.h"
#include "boot/notify.h"
#include "boot/root-source.h"
#include "config/launch-settings.h"
#include "config/setting-lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MANAGER_PATIENCE_MS 1000

/* `systemctl status` shows what was said since systemd took note of the start. A launcher that
 * fails at once may be faster than that, and its reason would be missing there. */
static void print_in_time(const Diagnostics *diagnostics, const Error *error)
{
        notify_wait(MANAGER_PATIENCE_MS);
        if (diagnostics)
                diagnostics_print(diagnostics, stderr);
        if (error)
                error_print(error);
}

/* For `stead diff`, which compares it with what a start would be told then. */
static int keep_settings(const Assignments *all, const Definition *d, BootPlan *plan, Error *error)
{
        _cleanup_setting_lines_ SettingLines lines = SETTING_LINES_NULL;
        int r = setting_lines_collect(all, d, &lines);

        if (r >= 0)
                r = setting_lines_format(&lines, &plan->settings);
        return r < 0 ? error_errno(error, -r, "Failed to keep the settings") : 0;
}

static int launch(int argc, char **argv, Error *error)
{
        _cleanup_launch_settings_ LaunchSettings told = LAUNCH_SETTINGS_NULL;
        _cleanup_root_source_ RootSource source = ROOT_SOURCE_NULL;
        _cleanup_plan_ BootPlan *plan = NULL;
        _cleanup_free_ char *dry_run = NULL;
        int r;

        r = launch_settings_read("", argc, argv, environ, &told, error);
        if (told.diagnostics.n > 0)
                print_in_time(&told.diagnostics, NULL);
        if (r != 0)
                return r < 0 ? r : EXIT_SUCCESS;
        r = root_source_open(told.settings, &source, error);
        if (r < 0)
                return r;
        dry_run = TAKE_PTR(told.settings->dry_run);
        r = boot_plan_new(told.settings, &source, &plan, error);
        if (r < 0) {
                root_source_fit_hint(&source, error);
                return r;
        }
        if (dry_run) {
                r = boot_plan_print(plan, strcmp(dry_run, "json") == 0, stdout);
                return r < 0 ? error_errno(error, -r, "Failed to print the plan") : EXIT_SUCCESS;
        }
        if (geteuid() != 0) {
                error_set(error, EPERM, "Only root can start a machine");
                error_hint(error, "sudo %s ...", argv[0]);
                return -EPERM;
        }
        r = keep_settings(&told.all, told.definition, plan, error);
        if (r >= 0)
                r = boot_run(plan, &source, error);
        if (r < 0)
                root_source_fit_hint(&source, error);
        return r;
}

int main(int argc, char **argv)
{
        _cleanup_error_ Error error = ERROR_NULL;
        int r = launch(argc, argv, &error);

        if (r < 0) {
                print_in_time(NULL, &error);
                return EXIT_FAILURE;
        }
        return r;
}
