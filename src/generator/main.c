/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead-generator: makes drop-ins and links for stead@NAME.service of all definitions, when systemd
 * starts or reloads (systemd.generator(7)). Nothing here may depend on anything but files: no bus,
 * no /run/stead, no other program is there yet. One bad definition costs the others nothing. */

#include "base/strv.h"
#include "generator/disk-image.h"
#include "generator/enabled.h"
#include "generator/output.h"
#include "generator/references.h"
#include "generator/unit-text.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#define TEMPLATE STEAD_UNIT_DIR "/stead@.service"
#define POD_TEMPLATE STEAD_UNIT_DIR "/stead-pod@.service"
#define HEALTH_TEMPLATE STEAD_UNIT_DIR "/stead-pod-health@.service"

typedef struct Generator {
        const char *root; /* "" for the system itself */
        int dirfd;        /* where the result goes */
        int log_fd;       /* /dev/kmsg, or standard error */
        int result;       /* first failure that is not a definition's */
} Generator;

/* There is no journal yet when systemd starts, but what it reads later. */
static _printf_(3, 4) void report(const Generator *g, int level, const char *format, ...)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_free_ char *line = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&line, format, ap) < 0)
                line = NULL;
        va_end(ap);
        if (g->log_fd != STDERR_FILENO)
                buffer_printf(&text, "<%d>", level);
        buffer_printf(&text, "stead-generator[%d]: %s\n", (int)getpid(), line ?: "out of memory");
        if (buffer_error(&text) >= 0) /* nowhere to say that nothing can be said */
                (void)!write(g->log_fd, text.data, text.size);
}

static void fail(Generator *g, int r, const Error *error)
{
        report(g, 3, "%s", error->message ?: strerror(-r));
        if (g->result >= 0)
                g->result = r;
}

static void report_diagnostics(const Generator *g, const Diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++) {
                const Diagnostic *item = &d->items[i];
                bool warning = item->severity == DIAGNOSTIC_WARNING;

                report(g, warning ? 4 : 3, "%s: %s%s%s%s%s", item->origin,
                       warning ? "warning: " : "", item->message, item->hint ? " (try: " : "",
                       item->hint ?: "", item->hint ? ")" : "");
        }
}

/* NAME.wants/stead@web.service for each word of one key. */
static int link_wanted(const Generator *g, const Source *s, const PassedKey *k, const char *folder,
                       Error *error)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split(k->value, " \t", &words);

        STRV_FOREACH (word, words) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s.%s/%s@%s.service", *word, folder,
                             s->pod ? "stead-pod" : "stead", s->definition->name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = output_link(g->dirfd, path, s->pod ? POD_TEMPLATE : TEMPLATE, error);
                if (r < 0)
                        return r;
        }
        return r;
}

/* A second name for the unit of machine @name. What an admin has put into /etc/systemd/system under
 * that name goes before it. */
static int link_alias(const Generator *g, const char *name, const char *alias, Error *error)
{
        _cleanup_free_ char *target = NULL;

        if (asprintf(&target, "stead@%s.service", name) < 0) {
                target = NULL;
                return -ENOMEM;
        }
        return output_link(g->dirfd, alias, target, error);
}

/* The name by which machinectl and others know the unit of a machine. */
static int link_known_name(const Generator *g, const char *name, Error *error)
{
        _cleanup_free_ char *alias = NULL;

        if (asprintf(&alias, "systemd-nspawn@%s.service", name) < 0) {
                alias = NULL;
                return -ENOMEM;
        }
        return link_alias(g, name, alias, error);
}

static int install(const Generator *g, const Source *s, Error *error)
{
        static const char *const folders[][2] = {
                { "WantedBy", "wants" },
                { "RequiredBy", "requires" },
                { "UpheldBy", "upholds" },
        };
        const Definition *d = s->definition;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < d->n_passed; i++) {
                const PassedKey *k = &d->passed[i];

                if (strcmp(k->section, "Install") != 0)
                        continue;
                for (size_t f = 0; r >= 0 && f < ELEMENTSOF(folders); f++)
                        if (strcmp(k->key, folders[f][0]) == 0)
                                r = link_wanted(g, s, k, folders[f][1], error);
                if (r >= 0 && strcmp(k->key, "Alias") == 0)
                        r = link_alias(g, d->name, k->value, error);
        }
        return r;
}

static int generate_one(const Generator *g, const Source *s, const Source *sources, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_free_ char *path = NULL;
        const char *name = s->definition->name;
        int r = unit_text_format(s, sources, &text);

        if (r >= 0 && asprintf(&path, "stead@%s.service.d/10-stead.conf", name) < 0) {
                path = NULL;
                r = -ENOMEM;
        }
        if (r >= 0)
                r = output_write(g->dirfd, path, text.data, error);
        if (r >= 0)
                r = install(g, s, error);
        if (r >= 0 && source_is_ours(s))
                r = link_known_name(g, name, error);
        return r;
}

/* The members want the check as well: it ends with a pod that is stopped by hand, which the pod's
 * unit does not hear of, and the next member makes that pod anew. */
static int link_health(const Generator *g, const char *pod, const Source *machines, size_t n,
                       Error *error)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                _cleanup_free_ char *path = NULL;

                if (!source_is_member(&machines[i], pod))
                        continue;
                if (asprintf(&path, "stead@%s.service.wants/stead-pod-health@%s.service",
                             machines[i].definition->name, pod) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = output_link(g->dirfd, path, HEALTH_TEMPLATE, error);
        }
        return r;
}

static int generate_health(const Generator *g, const Source *s, const Source *machines, size_t n,
                           Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        if (!unit_text_has_health(s))
                return 0;
        r = unit_text_format_health(s, machines, n, &text);
        if (r < 0)
                return r;
        if (asprintf(&path, "stead-pod-health@%s.service.d/10-stead.conf", s->definition->name) <
            0) {
                path = NULL;
                return -ENOMEM;
        }
        r = output_write(g->dirfd, path, text.data, error);
        return r < 0 ? r : link_health(g, s->definition->name, machines, n, error);
}

/* The slice also where nothing is limited: who looks at control groups sees what belongs together.
 */
static int generate_pod(const Generator *g, const Source *s, Error *error)
{
        _cleanup_buffer_ Buffer unit = BUFFER_NULL, slice = BUFFER_NULL, slice_name = BUFFER_NULL;
        _cleanup_free_ char *path = NULL;
        int r = unit_text_format_pod(s, &unit);

        if (r >= 0)
                r = unit_text_format_slice(s, &slice);
        if (r >= 0)
                r = unit_text_slice_name(s->definition->name, &slice_name);
        if (r >= 0 &&
            asprintf(&path, "stead-pod@%s.service.d/10-stead.conf", s->definition->name) < 0) {
                path = NULL;
                r = -ENOMEM;
        }
        if (r >= 0)
                r = output_write(g->dirfd, path, unit.data, error);
        if (r >= 0)
                r = output_write(g->dirfd, slice_name.data, slice.data, error);
        return r < 0 ? r : install(g, s, error);
}

/* machines.target is systemd-container's. A host can do without that package, but its machines
 * would then never be started. */
static int make_target(const Generator *g, Error *error)
{
        static const char *const places[] = { "/etc/systemd/system", "/run/systemd/system",
                                              "/usr/local/lib/systemd/system",
                                              "/usr/lib/systemd/system", "/lib/systemd/system" };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s/machines.target", g->root, places[i]) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                        return 0;
        }
        r = output_write(g->dirfd, "machines.target",
                         "# Made by stead-generator, since there is none here\n\n[Unit]\n"
                         "Description=Machines\nDocumentation=man:systemd.special(7)\n",
                         error);
        return r < 0 ? r
                     : output_link(g->dirfd, "multi-user.target.wants/machines.target",
                                   "../machines.target", error);
}

/* Reads all definitions. What is wrong with them is told, and does not count. */
static size_t load(Generator *g, const DefinitionPlace *place, char **names, Source *sources)
{
        size_t n = 0;

        STRV_FOREACH (name, names) {
                int r = source_load(place, *name, &sources[n]);

                if (r == -ENOENT)
                        continue;
                if (r < 0) {
                        fail(g, r, &ERROR_NULL);
                        continue;
                }
                report_diagnostics(g, &sources[n].diagnostics);
                n++;
        }
        return n;
}

/* Who enables stead@NAME means it by every name, also without a definition of ours. */
static void link_enabled(Generator *g)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **names = NULL;
        int r = enabled_list(g->root, &names);

        STRV_FOREACH (name, names)
                if (r >= 0)
                        r = link_known_name(g, *name, &error);
        if (r < 0)
                fail(g, r, &error);
}

/* What is only an image in /var/lib/machines gets its devices, too. */
static int generate_image(const Generator *g, const char *name, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        _cleanup_free_ char *path = NULL;

        buffer_printf(&text, "# Made by stead-generator for disk image %s.raw\n\n[Service]\n",
                      name);
        disk_image_put_devices(&text);
        if (buffer_error(&text) < 0 ||
            asprintf(&path, "stead@%s.service.d/10-stead.conf", name) < 0) {
                path = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        return output_write(g->dirfd, path, text.data, error);
}

static void generate_images(Generator *g, Source *sources, size_t n)
{
        _cleanup_strv_ char **images = NULL;
        int r = disk_image_list(g->root, &images);

        if (r < 0)
                fail(g, r, &ERROR_NULL);
        for (size_t i = 0; i < n; i++)
                sources[i].disk = disk_image_is_root(&sources[i], images);
        STRV_FOREACH (name, images) {
                _cleanup_error_ Error one = ERROR_NULL;
                bool defined = false;

                for (size_t i = 0; i < n; i++)
                        defined |= strcmp(sources[i].definition->name, *name) == 0;
                r = defined ? 0 : generate_image(g, *name, &one);
                if (r < 0)
                        fail(g, r, &one);
        }
}

static void generate_pods(Generator *g, const Source *machines, size_t n_machines)
{
        DefinitionPlace place = { .root = g->root, .pod = true };
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ Source *pods = NULL;
        size_t n;
        int r = definition_list_pods(g->root, &names);

        if (r >= 0) {
                pods = calloc(strv_length(names) + 1, sizeof(*pods));
                r = pods ? 0 : -ENOMEM;
        }
        if (r < 0) {
                fail(g, r, &ERROR_NULL);
                return;
        }
        n = load(g, &place, names, pods);
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error one = ERROR_NULL;

                r = generate_pod(g, &pods[i], &one);
                if (r >= 0)
                        r = generate_health(g, &pods[i], machines, n_machines, &one);
                if (r < 0)
                        fail(g, r, &one);
                source_done(&pods[i]);
        }
}

static void generate(Generator *g)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **names = NULL, **drop_ins = NULL;
        _cleanup_free_ Source *sources = NULL;
        DefinitionPlace place = { g->root, NULL, DEFINITION_TRUST_BY_PLACE, NULL, false };
        size_t n;
        int r = definition_list(g->root, &names);

        if (r >= 0)
                r = definition_list_drop_ins(g->root, &drop_ins);
        if (r >= 0) {
                sources = calloc(strv_length(names) + 1, sizeof(*sources));
                r = sources ? make_target(g, &error) : -ENOMEM;
        }
        if (r < 0)
                fail(g, r, &error);
        if (!sources)
                return;
        place.drop_ins = drop_ins;
        n = load(g, &place, names, sources);
        r = references_find(sources, n);
        if (r < 0)
                fail(g, r, &ERROR_NULL);
        generate_images(g, sources, n);
        for (size_t i = 0; i < n; i++) {
                _cleanup_error_ Error one = ERROR_NULL;

                r = generate_one(g, &sources[i], sources, &one);
                if (r < 0)
                        fail(g, r, &one);
        }
        generate_pods(g, sources, n);
        link_enabled(g);
        for (size_t i = 0; i < n; i++)
                source_done(&sources[i]);
}

int main(int argc, char **argv)
{
        Generator g = { .root = "", .log_fd = STDERR_FILENO };
        int first = 1;

        if (argc > 1 && strncmp(argv[1], "--root=", 7) == 0)
                g.root = argv[first++] + 7;
        if (argc - first != 1 && argc - first != 3) {
                fputs("Usage: stead-generator [--root=DIRECTORY] NORMAL [EARLY LATE]\n"
                      "systemd runs this; see stead-generator(8).\n",
                      stderr);
                return EXIT_FAILURE;
        }
        if (getenv("SYSTEMD_SCOPE")) { /* we are run by it, and standard error leads nowhere */
                int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);

                if (fd >= 0)
                        g.log_fd = fd;
        }
        g.dirfd = open(argv[first], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (g.dirfd < 0) {
                report(&g, 3, "Failed to open '%s': %s", argv[first], strerror(errno));
                return EXIT_FAILURE;
        }
        generate(&g);
        return g.result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
