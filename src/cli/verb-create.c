/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead create: a new machine, of layers, or with a tree of its own from Debian's archive, from a
 * tar file, or as a copy. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/color.h"
#include "cli/create-build.h"
#include "cli/create-layers.h"
#include "cli/layered.h"
#include "cli/names.h"
#include "cli/progress-display.h"
#include "config/definition.h"
#include "image/create.h"
#include "image/debian-architecture.h"
#include "image/disk-copy.h"
#include "image/disk-create.h"
#include "image/layer-base.h"
#include "machine/machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const Flag flags[] = {
        { "from", 0, "NAME|DIR", "Copy this machine or tree" },
        { "build", 0, "DIR", "Build it with mkosi, of DIR/mkosi.conf" },
        { "tree", 0, NULL, "Debian: a tree of its own instead of a layer that machines share" },
        { "init", 0, "INIT", "Debian: systemd, sysvinit, openrc or runit (default: systemd)" },
        { "architecture", 0, "ARCH", "Debian: not the host's (i386, arm64, ...)" },
        { "include", 0, "PACKAGE,...", "Tree: further packages" },
        { "mirror", 0, "URL", "Debian: mirror, or a whole line of sources.list" },
        { "keep-devices", 0, NULL, "Archive: make the device nodes that are in it" },
        { "force", 'f', NULL, "Copy: also while the source is in use" },
        { "quiet", 'q', NULL, "No progress display" },
};

/* What the display shows, as the work goes on. */
typedef struct Display {
        const char *name;
        char stage[256];
        bool quiet, terminal;
        time_t start;
} Display;

/* On a terminal one line that is written over, elsewhere one line a stage. */
static void on_progress(const char *stage, void *userdata)
{
        Display *d = userdata;

        if (stage)
                (void)snprintf(d->stage, sizeof(d->stage), "%s", stage);
        if (d->quiet || (!stage && !d->terminal))
                return;
        if (d->terminal)
                fprintf(stderr, "\r\033[K%s: %s %s(%lds)%s", d->name, d->stage,
                        color_on(stderr, COLOR_FAINT), (long)(time(NULL) - d->start),
                        color_off(stderr, COLOR_FAINT));
        else if (!strchr(stage, '%')) /* a log needs no percentages */
                fprintf(stderr, "%s: %s\n", d->name, stage);
}

static void end_display(const Display *d)
{
        if (d->terminal && !d->quiet && d->stage[0])
                fputs("\r\033[K", stderr);
}

static int prepare_recipe(const Arguments *a, const char *word, DebianRecipe *recipe, Error *error)
{
        const char *init = arguments_value(a, "init") ?: "systemd";

        recipe->suite = debian_suite(word);
        recipe->init = debian_init_from_string(init);
        if (recipe->init < 0) {
                _cleanup_free_ char *choices = string_table_choices(&debian_init_table);

                return arguments_usage(a->verb, error, "--init= takes %s, not '%s'", choices ?: "",
                                       init);
        }
        recipe->include = arguments_value(a, "include");
        recipe->mirror = arguments_value(a, "mirror");
        return debian_set_architecture(recipe, arguments_value(a, "architecture"), error);
}

static int prepare_archive(const Arguments *a, const char *word, CreateRequest *request,
                           Error *error)
{
        ArchiveSource *source = &request->archive;
        struct stat st;

        source->fd = strcmp(word, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                            : open(word, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (source->fd < 0 && errno == ENOENT) {
                error_hint(error, "stead create %s debian/12; stead layer list", request->name);
                return error_set(error, ENOENT, "'%s' is no layer, no file, and none of %s", word,
                                 debian_choices());
        }
        if (source->fd < 0 || fstat(source->fd, &st) < 0)
                return error_errno(error, errno, "Failed to open '%s'", word);
        if (S_ISDIR(st.st_mode)) {
                error_hint(error, "stead create %s --from=%s%s", request->name,
                           strchr(word, '/') ? "" : "./", word);
                return error_set(error, EISDIR, "'%s' is a directory", word);
        }
        source->name = strcmp(word, "-") == 0 ? "standard input" : word;
        source->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        if (S_ISBLK(st.st_mode))
                source->size = (uint64_t)MAX_OF(lseek(source->fd, 0, SEEK_END), (off_t)0);
        source->keep_devices = arguments_has(a, "keep-devices");
        request->source = CREATE_ARCHIVE;
        return 0;
}

/* Where the tree or disk image of a machine is: its definition says, or its name. */
static int find_root(const char *name, char **ret, Error *error)
{
        int r = layered_other_root(name, ret, error);

        if (r >= 0 && !*ret)
                r = names_find_disk(name, ret);
        if (r >= 0 && !*ret && asprintf(ret, TREES_DIRECTORY "/%s", name) < 0) {
                *ret = NULL;
                r = -ENOMEM;
        }
        return r < 0 ? error_errno(error, -r, "Failed to find machine '%s'", name) : 0;
}

/* The tree or disk image of a machine, or the one at a path. */
static int find_source(const char *from, char **ret, bool *ret_disk, Error *error)
{
        _cleanup_free_ char *root = NULL, *path = NULL;
        bool is_name = !strchr(from, '/');
        struct stat st;
        int r = is_name ? find_root(from, &root, error) : 0;

        if (r < 0)
                return r;
        path = realpath(root ?: from, NULL);
        if (path && stat(path, &st) >= 0 &&
            (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) {
                *ret_disk = !S_ISDIR(st.st_mode);
                *ret = TAKE_PTR(path);
                return 0;
        }
        r = is_name ? names_check(NAMES_ALL, from, error) : 0;
        return r < 0 ? r : error_set(error, ENOENT, "There is no tree '%s'", root ?: from);
}

static int prepare_copy(const Arguments *a, const char *from, char **ret_path,
                        CreateRequest *request, Error *error)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_machine_ Machine *m = NULL;
        bool disk = false;
        int r = find_source(from, &path, &disk, error);

        if (r < 0)
                return r;
        request->copy_busy = arguments_has(a, "force");
        if (!request->copy_busy && !strchr(from, '/') && machine_open(from, &m, NULL) >= 0) {
                error_hint(error, "stead stop %s; or --force for a copy as after a power cut",
                           from);
                return error_set(error, EBUSY, "Machine '%s' is running", from);
        }
        if (disk) {
                r = prepare_archive(a, path, request, error);
                if (r < 0)
                        return r;
        } else {
                request->source = CREATE_COPY;
        }
        *ret_path = TAKE_PTR(path);
        request->copy_from = *ret_path;
        return 0;
}

/* What a disk image has no use for. */
static int check_disk_flags(const Arguments *a, const char *source, Error *error)
{
        static const char *const names[] = { "tree",    "architecture", "init",
                                             "include", "mirror",       "keep-devices" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (arguments_has(a, names[i]))
                        return arguments_usage(a->verb, error,
                                               "--%s has no meaning for a disk image: '%s' is "
                                               "taken as it is",
                                               names[i], source);
        return 0;
}

static int create_tree_or_disk(const Arguments *a, const CreateRequest *request, Display *display,
                               Error *error)
{
        const ArchiveSource *source = &request->archive;
        int r;

        if (request->source != CREATE_ARCHIVE ||
            (!request->copy_from && !disk_is_meant(source->fd, source->name))) {
                r = create_tree(request, on_progress, display, error);
                /* zeros are how a tar file ends, and how many an image begins */
                if (r == -ENODATA && source->size == 0)
                        error_hint(error, "stead create %s FILE.raw  (a disk image is no stream)",
                                   request->name);
                return r;
        }
        r = check_disk_flags(a, source->name, error);
        return r < 0 ? r : disk_create(request, on_progress, display, error);
}

/* The machine's own name may be in use by a definition that already says where its tree is. */
static int check_name(const char *name, Error *error)
{
        if (!machine_name_is_valid(name))
                return error_set(
                        error, EINVAL,
                        "'%s' is not a machine name: letters, digits, '-' and '.', at most 64",
                        name);
        return 0;
}

/* What only a tree of its own can have. */
static int check_tree_flags(const Arguments *a, Error *error)
{
        static const char *const names[] = { "include", "keep-devices" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (arguments_has(a, names[i]))
                        return arguments_usage(
                                a->verb, error,
                                "--%s is for a tree of its own: 'stead create --tree' makes one",
                                names[i]);
        return 0;
}

/* The words after the name as layers: 1, or 0 if they are another source. Of a Debian, @recipe says
 * which. */
static int find_layers(const Arguments *a, char ***ret, DebianRecipe *recipe, Error *error)
{
        char *const *words = a->words + 1;
        _cleanup_free_ char *base = NULL;
        int r;

        if (!*words || arguments_has(a, "tree"))
                return 0;
        if (!words[1] && !debian_suite(*words) && !create_layers_is_layer(*words))
                return 0;
        if (debian_suite(*words)) {
                r = prepare_recipe(a, *words, recipe, error);
                if (r < 0)
                        return r;
                base = layer_base_name(recipe);
                if (!base || strv_push(ret, base) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
                words++;
        }
        for (; *words; words++)
                if (strv_push(ret, *words) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        return 1;
}

static bool is_layered(const char *name)
{
        _cleanup_strv_ char **layers = NULL;

        return !strchr(name, '/') && layered_names(name, &layers, NULL) >= 0 && layers;
}

static int create_tree_from(const Arguments *a, const char *word, const char *from,
                            Display *display, Error *error)
{
        CreateRequest request = { .directory = TREES_DIRECTORY, .name = a->words[0] };
        _cleanup_free_ char *path = NULL;
        int r;

        request.archive.fd = -EBADF;
        if (from)
                r = prepare_copy(a, from, &path, &request, error);
        else if (debian_suite(word) || strncmp(word, "debian/", 7) == 0)
                r = debian_suite(word) ? prepare_recipe(a, word, &request.debian, error)
                                       : arguments_usage(a->verb, error, "'%s' is none of %s", word,
                                                         debian_choices());
        else
                r = prepare_archive(a, word, &request, error);
        if (r < 0)
                return r;
        if (request.debian.suite)
                request.source = CREATE_DEBIAN;
        r = create_tree_or_disk(a, &request, display, error);
        closep(&request.archive.fd);
        return r;
}

static int create(const Arguments *a, Display *display, Error *error)
{
        const char *from = arguments_value(a, "from");
        _cleanup_strv_ char **layers = NULL;
        DebianRecipe recipe = {};
        _cleanup_progress_display_ ProgressDisplay shown;
        CreateLayers request = { .name = a->words[0],
                                 .from = from,
                                 .from_busy = arguments_has(a, "force") };
        int r = from ? is_layered(from) : find_layers(a, &layers, &recipe, error);

        progress_display_init(&shown, false, display->quiet);
        if (r == 0 && a->words[1] && a->words[2])
                return arguments_usage(a->verb, error, "A tree has one source, not '%s %s'",
                                       a->words[1], a->words[2]);
        if (r == 0)
                return create_tree_from(a, a->words[1], from, display, error);
        if (r > 0)
                r = check_tree_flags(a, error);
        if (r < 0)
                return r;
        request.layers = layers;
        request.base = recipe.suite ? &recipe : NULL;
        r = create_layers(&request, &shown.progress, error);
        progress_display_end(&shown);
        return r;
}

/* What the words say is made: all of it comes from mkosi.conf. */
static int build(const Arguments *a, Error *error)
{
        static const char *const names[] = { "from",    "tree",         "architecture", "init",
                                             "include", "keep-devices", "force" };
        const CreateBuild request = { .name = a->words[0],
                                      .directory = arguments_value(a, "build"),
                                      .mirror = arguments_value(a, "mirror"),
                                      .quiet = arguments_has(a, "quiet") };

        if (a->words[1])
                return arguments_usage(a->verb, error, "--build=%s is the source, not '%s'",
                                       request.directory, a->words[1]);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (arguments_has(a, names[i]))
                        return arguments_usage(a->verb, error,
                                               "--%s has no meaning with --build=: %s/mkosi.conf "
                                               "says what is made",
                                               names[i], request.directory);
        return create_build(&request, error);
}

static int run(const Arguments *a, Error *error)
{
        const char *name = a->words[0], *word = a->words[1], *from = arguments_value(a, "from");
        bool is_build = arguments_has(a, "build");
        Display display = { .name = name,
                            .quiet = arguments_has(a, "quiet"),
                            .terminal = isatty(STDERR_FILENO),
                            .start = time(NULL) };
        int r;

        if (!is_build && !word == !from)
                return arguments_usage(a->verb, error,
                                       "'create' needs a source: layers, %s, a tar file, a disk "
                                       "image, --from=NAME, or --build=DIR",
                                       debian_choices());
        r = check_name(name, error);
        if (r >= 0)
                r = is_build ? build(a, error) : create(a, &display, error);
        end_display(&display);
        if (r < 0)
                return r;
        if (!display.quiet)
                fprintf(stderr,
                        "Created machine '%s' in %lds. Next: stead start %s; stead shell %s\n",
                        name, (long)(time(NULL) - display.start), name, name);
        return EXIT_SUCCESS;
}

const Verb verb_create = {
        .name = "create",
        .operands = "NAME SOURCE|LAYER...",
        .help = "Create a machine",
        .text = "LAYER... are layers of the store from the lowest, such as debian/12/base "
                "site/web; debian/12\n"
                "(or 11, 13, or the suite's name) means its base. Machines share layers, so this "
                "takes no time and\n"
                "no room; /etc/stead/NAME.machine names them. Other sources make a tree of its "
                "own,\n"
                "/var/lib/machines/NAME: debian/12 with --tree, a tar file (.tar, .tar.gz, "
                ".tar.xz, "
                ".tar.zst; '-' for\n"
                "standard input), a copy with --from=, or what mkosi builds with --build=. These "
                "get a host name,\n"
                "machine id and ssh keys of their own. A disk image (.raw, .img, also compressed) "
                "becomes\n"
                "/var/lib/machines/NAME.raw and stays as it is.",
        .group = VERB_GROUP_TREES,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = NO_LIMIT,
        .command_after = NO_COMMAND,
        .run = run,
};
