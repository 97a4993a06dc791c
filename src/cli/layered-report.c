/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drift report on a terminal and as JSON. */

#include "cli/layered-report.h"

#include "cli/color.h"
#include "cli/printable.h"

#include <stdio.h>
#include <string.h>

#define OURS_SHOWN 5 /* of files that only the machine or a layer has changed */

static const char *const titles[_DRIFT_KIND_MAX] = {
        [DRIFT_CONFLICT] = "Conflicts: changed on both sides, ours is kept",
        [DRIFT_PINNED] = "Held back: ours hides a newer file of a package",
        [DRIFT_MERGED] = "Merged: changed on both sides",
        [DRIFT_REGENERATED] = "Made anew from the new layers",
        [DRIFT_IDENTICAL] = "Dropped: copies of what the old base had",
        [DRIFT_STAMP] = "Removed, so that the machine's first start brings itself up to date",
        [DRIFT_OURS] = "Ours alone",
};

static Color color_of(DriftKind kind)
{
        return kind == DRIFT_CONFLICT || kind == DRIFT_PINNED ? COLOR_BAD : COLOR_BOLD;
}

static void print_package(const PackageChange *p)
{
        static const char *const marks[] = {
                [PACKAGE_UPGRADED] = "",
                [PACKAGE_DOWNGRADED] = "  (older)",
                [PACKAGE_ADDED] = "  (new)",
                [PACKAGE_REMOVED] = "  (gone)",
        };
        _cleanup_free_ char *name = printable_text(p->name),
                            *before = printable_text(p->before ?: "-"),
                            *after = printable_text(p->after ?: "-");

        printf("    %-32s %s -> %s%s%s\n", name ?: "?", before ?: "?", after ?: "?", marks[p->kind],
               p->security ? "  security" : "");
}

/* Names and texts are the machine's: what they say to a terminal is not. */
static void print_item(const DriftItem *i)
{
        _cleanup_free_ char *path = printable_text(i->path),
                            *package = printable_text(i->package ?: ""),
                            *detail = printable_text(i->detail ?: "");

        printf("    %s", path ?: "?");
        if (i->layer || i->package)
                printf("  %s(%s%s%s)%s", color_on(stdout, COLOR_FAINT), i->layer ?: "",
                       i->layer && i->package ? ", " : "", package ?: "?",
                       color_off(stdout, COLOR_FAINT));
        if (i->detail)
                printf(": %s", detail ?: "?");
        printf("\n");
}

static void print_warning(const char *warning)
{
        _cleanup_free_ char *text = printable_text(warning);

        printf("  %sWarning:%s %s\n", color_on(stdout, COLOR_BUSY), color_off(stdout, COLOR_BUSY),
               text ?: "?");
}

static size_t count(const Drift *d, DriftKind kind)
{
        size_t n = 0;

        for (size_t i = 0; i < d->n_items; i++)
                n += d->items[i].kind == kind;
        return n;
}

static void print_kind(const Drift *d, DriftKind kind, bool all)
{
        size_t n = count(d, kind), shown = 0, limit = kind < DRIFT_IDENTICAL ? n : OURS_SHOWN;

        if (n == 0)
                return;
        printf("  %s%s%s (%zu)\n", color_on(stdout, color_of(kind)), titles[kind],
               color_off(stdout, color_of(kind)), n);
        for (size_t i = 0; i < d->n_items; i++)
                if (d->items[i].kind == kind && (all || shown++ < limit))
                        print_item(&d->items[i]);
        if (!all && n > limit)
                printf("    ... and %zu more\n", n - limit);
}

void layered_report_print(const Drift *d, bool all)
{
        if (d->n_packages > 0)
                printf("  %sPackages%s (%zu)\n", color_on(stdout, COLOR_BOLD),
                       color_off(stdout, COLOR_BOLD), d->n_packages);
        for (size_t i = 0; i < d->n_packages; i++)
                print_package(&d->packages[i]);
        for (char **w = d->warnings; w && *w; w++)
                print_warning(*w);
        for (DriftKind kind = 0; kind < _DRIFT_KIND_MAX; kind++)
                print_kind(d, kind, all);
}

static const char *change_name(PackageChangeKind kind)
{
        static const char *const names[] = {
                [PACKAGE_UPGRADED] = "upgraded",
                [PACKAGE_DOWNGRADED] = "downgraded",
                [PACKAGE_ADDED] = "added",
                [PACKAGE_REMOVED] = "removed",
        };

        return names[kind];
}

json_t *layered_report_json(const Drift *d)
{
        json_t *packages = json_array(), *items = json_array(), *warnings = json_array();

        for (size_t i = 0; i < d->n_packages; i++) {
                const PackageChange *p = &d->packages[i];

                (void)json_array_append_new(
                        packages, json_pack("{s:o, s:s, s:o, s:o, s:b}", "name",
                                            printable_json(p->name), "change", change_name(p->kind),
                                            "before", printable_json(p->before), "after",
                                            printable_json(p->after), "security", p->security));
        }
        for (size_t i = 0; i < d->n_items; i++) {
                const DriftItem *item = &d->items[i];

                (void)json_array_append_new(items,
                                            json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind",
                                                      drift_kind_to_string(item->kind), "path",
                                                      printable_json(item->path), "layer",
                                                      printable_json(item->layer), "package",
                                                      printable_json(item->package), "detail",
                                                      printable_json(item->detail)));
        }
        for (char **w = d->warnings; w && *w; w++)
                (void)json_array_append_new(warnings, printable_json(*w));
        return json_pack("{s:o, s:o, s:o}", "packages", packages, "drift", items, "warnings",
                         warnings);
}
