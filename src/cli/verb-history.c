/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead history: the generations of a machine of layers. */

#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/format.h"
#include "cli/layered-change.h"
#include "cli/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const Flag flags[] = {
        { "json", 0, NULL, "Print a JSON array" },
};

static const Column columns[] = {
        { "NUMBER", "number", true },  { "MARK", "mark", false },  { "TIME", "time", false },
        { "REASON", "reason", false }, { "SAVED", "saved", true }, { "LAYERS", "layers", false },
};

/* Of a tree, as du(1) counts. What cannot be read counts as nothing. */
static uint64_t measure(int dirfd, const char *path)
{
        int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
        uint64_t bytes = 0;

        for (struct dirent *e; d && (e = readdir(d));) {
                struct stat st;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                bytes += (uint64_t)st.st_blocks * 512;
                if (S_ISDIR(st.st_mode))
                        bytes += measure(fd, e->d_name);
        }
        return bytes;
}

static void add_saved(Table *t, const Layered *l, const Generation *g)
{
        char path[32], text[FORMAT_MAX];
        uint64_t bytes;

        (void)snprintf(path, sizeof(path), "saved/%u", g->number);
        bytes = measure(l->state_fd, path);
        table_add(t, bytes > 0 ? format_size(bytes, text) : NULL, json_integer((json_int_t)bytes));
}

static void add_layers(Table *t, const Generation *g)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        for (size_t i = 0; i < g->n_layers; i++) {
                _cleanup_free_ char *version = NULL;

                if (layered_version(&g->layers[i], &version) >= 0)
                        buffer_printf(&text, "%s%s", i > 0 ? " " : "", version);
        }
        table_add(t, text.data ?: "", layered_layers_json(g));
}

static void add_row(Table *t, const Layered *l, const Generation *g)
{
        bool in_force = g->number == l->stack.generation, wanted = g->number == l->wanted.number;
        char number[16], time[FORMAT_MAX];

        (void)snprintf(number, sizeof(number), "%u", g->number);
        table_add(t, number, json_integer(g->number));
        table_add_color(t,
                        in_force ? "in force"
                        : wanted ? "wanted"
                                 : "",
                        in_force ? COLOR_GOOD : COLOR_BUSY);
        table_add(t, format_time((uint64_t)g->time * USEC_PER_SEC, time),
                  json_integer((json_int_t)g->time));
        table_add(t, g->reason, NULL);
        add_saved(t, l, g);
        add_layers(t, g);
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_layered_ Layered l = LAYERED_NULL;
        Generation *list = NULL;
        size_t n = 0;
        int r = layered_open(a->words[0], &l, error);

        if (r >= 0)
                r = generation_list(l.state_fd, &list, &n, error);
        if (r < 0)
                return r;
        for (size_t i = n; i-- > 0;)
                if (list[i].number <= l.wanted.number) /* else: it is none yet, or never will be */
                        add_row(t, &l, &list[i]);
        generation_list_free(list, n);
        if (table_print(t, arguments_has(a, "json")) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return EXIT_SUCCESS;
}

const Verb verb_history = {
        .name = "history",
        .operands = "NAME",
        .help = "List the generations of a machine of layers",
        .text = "The newest first. \"wanted\" is the one that the next start brings into force. "
                "SAVED is what a switch\n"
                "took out of the machine's own files, for a way back.",
        .group = VERB_GROUP_LAYERS,
        .operand_kind = OPERAND_ANY,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 1,
        .command_after = NO_COMMAND,
        .run = run,
};
