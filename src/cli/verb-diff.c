/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead diff: what a running machine is, beside what its definition says; and what was tried on one
 * of layers, or what it has written, beside what is below that. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/difference.h"
#include "cli/format.h"
#include "cli/layered-files.h"
#include "cli/layered-report.h"
#include "cli/layered-try.h"
#include "cli/names.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "store/ingest.h"

#define EXIT_TROUBLE 2 /* as diff(1) */

static const Flag flags[] = {
        { "files", 'f', NULL, "Only files and packages: of the try, or else of the machine" },
        { "settings", 's', NULL, "Only settings" },
        { "json", 0, NULL, "Print a JSON array; with --files an object" },
};

static const Column columns[] = {
        { NULL, "section", false },        { "KEY", "key", false },
        { "DECLARED", "declared", false }, { "RUNNING", "running", false },
        { "ORIGIN", "origin", false },     { "HOW", "how", false },
};

static void add_row(Table *t, const Difference *d)
{
        table_add(t, d->section, NULL);
        table_add(t, d->key, NULL);
        table_add(t, d->declared ? difference_text(d, d->declared) : NULL, NULL);
        table_add(t, d->running ? difference_text(d, d->running) : NULL, NULL);
        table_add(t, d->origin, NULL);
        table_add(t, option_apply_to_string(d->how), NULL);
}

/* As `stead layer diff` has them. */
static char letter(FileChangeKind kind)
{
        static const char letters[_FILE_CHANGE_MAX] = {
                [FILE_CHANGE_ADDED] = '+',
                [FILE_CHANGE_CHANGED] = '~',
                [FILE_CHANGE_ATTRIBUTES] = 'm',
                [FILE_CHANGE_REMOVED] = '-',
        };

        return letters[kind];
}

static void print_files(const LayeredFiles *f)
{
        size_t n = 0;

        for (size_t i = 0; i < f->n; i++)
                n += !ingest_is_left_out(f->items[i].path, true);
        layered_report_print(&f->packages, false);
        if (n > 0)
                printf("  %sFiles%s (%zu)\n", color_on(stdout, COLOR_BOLD),
                       color_off(stdout, COLOR_BOLD), n);
        for (size_t i = 0; i < f->n; i++) {
                const FileChange *c = &f->items[i];
                _cleanup_free_ char *path = NULL;
                char size[FORMAT_MAX];

                if (ingest_is_left_out(c->path, true))
                        continue;
                path = printable_text(c->path);
                printf("    %c %7s %s%s\n", letter(c->kind),
                       c->size > 0 ? format_size(c->size, size) : "", path ?: "?",
                       c->directory ? "/" : "");
        }
        if (f->n > n)
                printf("  Not for a layer: %zu caches, locks and keys\n", f->n - n);
}

static int print_files_json(const LayeredFiles *f)
{
        json_t *object = layered_report_json(&f->packages), *files = json_array();

        for (size_t i = 0; i < f->n; i++) {
                const FileChange *c = &f->items[i];

                (void)json_array_append_new(files, json_pack("{s:s, s:o, s:I, s:b, s:b}", "change",
                                                             file_change_to_string(c->kind), "path",
                                                             printable_json(c->path), "size",
                                                             (json_int_t)c->size, "directory",
                                                             c->directory, "left_out",
                                                             ingest_is_left_out(c->path, true)));
        }
        (void)json_object_del(object, "drift");
        (void)json_object_del(object, "warnings");
        (void)json_object_set_new(object, "files", files);
        return json_print_take(object);
}

/* 1: there is a difference. */
static int compare_files(const Arguments *a, bool *ret_shown, Error *error)
{
        _cleanup_strv_ char **layers = NULL;
        _cleanup_layered_ Layered l = LAYERED_NULL;
        _cleanup_layered_try_ LayeredTry t = LAYERED_TRY_NULL;
        _cleanup_layered_files_ LayeredFiles files = LAYERED_FILES_NULL;
        bool asked = arguments_has(a, "files"), of_try;
        int r = asked ? 0 : layered_names(a->words[0], &layers, NULL);

        *ret_shown = false;
        if (!asked && (r < 0 || !layers))
                return 0;
        r = layered_open(a->words[0], &l, error);
        if (r < 0)
                return r;
        of_try = layered_try_open(&l, &t, NULL) >= 0;
        if (!of_try && !asked)
                return 0;
        r = layered_files_of(&l, of_try, &files, error);
        if (r < 0)
                return r;
        *ret_shown = true;
        if (arguments_has(a, "json"))
                r = print_files_json(&files);
        else {
                printf(of_try ? "Tried on '%s', on generation %u:\n"
                              : "Written by '%s', on generation %u:\n",
                       l.name, of_try ? t.generation.number : l.stack.generation);
                print_files(&files);
        }
        return r < 0 ? error_set(error, ENOMEM, "Out of memory") : files.n > 0;
}

static int compare_settings(const Arguments *a, Error *error)
{
        _cleanup_comparison_ Comparison c = COMPARISON_NULL;
        _cleanup_differences_ Differences d = DIFFERENCES_NULL;
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        bool json = arguments_has(a, "json");
        int r = names_check(NAMES_ALL, a->words[0], error);

        if (r >= 0)
                r = comparison_open(a->words[0], &c, error);
        if (r >= 0)
                r = differences_find(&c, &d, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < d.n; i++)
                add_row(t, &d.items[i]);
        if ((json || d.n > 0) && table_print(t, json) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return d.n > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_error_ Error problem = ERROR_NULL;
        bool shown = false, differs = false;
        int r = 0;

        if (arguments_has(a, "files") && arguments_has(a, "settings"))
                return arguments_usage(a->verb, error, "--files and --settings exclude each other");
        /* what a program reads is one thing, and always the same */
        if (!arguments_has(a, "settings") &&
            (arguments_has(a, "files") || !arguments_has(a, "json"))) {
                r = compare_files(a, &shown, &problem);
                differs = r > 0;
        }
        if (r >= 0 && !arguments_has(a, "files")) {
                r = compare_settings(a, &problem);
                if (r == -ENXIO && shown) /* it does not run: then only files can differ */
                        r = 0;
                differs |= r > 0;
        }
        if (r >= 0)
                return differs ? EXIT_FAILURE : EXIT_SUCCESS;
        error_print(&problem);
        return EXIT_TROUBLE;
}

const Verb verb_diff = {
        .name = "diff",
        .operands = "NAME",
        .help = "Show where a machine is not as its definition or its layers say",
        .text = "Settings of a running machine, beside its definition; and if something was tried "
                "on a machine of\n"
                "layers (see `stead try`), the packages and files that would change (+ added, - "
                "removed, ~ other\n"
                "content, m another mode or owner). With --files, and nothing tried: those that "
                "the "
                "machine itself has\n"
                "changed of its layers.\n\n"
                "HOW is what it takes to apply a change: live, reload (of the machine's systemd), "
                "restart, or\nnothing but the next start. The exit status is 0 if there is no "
                "difference, 1 if there is one,\n2 if they cannot be compared.",
        .group = VERB_GROUP_DEFINITION,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
