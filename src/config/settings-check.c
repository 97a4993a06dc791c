/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a list of assignments to Settings: which of them count, what they imply, and which of them
 * exclude each other. A conflict names both places and what to write to settle it. Those of the
 * network are in settings-network.c. */

#include "config/settings-check.h"

#include <string.h>

/* For each row, from which item on its assignments count: the last one of a single value, or what
 * follows the last reset of a list. One pass, since a file may hold very many. */
static void find_first(const Assignments *a, size_t first[static SETTINGS_OPTIONS_MAX])
{
        for (size_t i = 0; i < a->n; i++) {
                const Assignment *item = &a->items[i];

                if (!item->option->list || (item->value && !*item->value))
                        first[option_index(item->option)] = i;
        }
}

static int apply(const Assignment *item, Settings *settings, Error *error)
{
        size_t i = option_index(item->option);
        char name[64];
        int r = item->option->parse(item->option, item->value, item->origin, settings, error);

        if (r < 0) {
                if (error && error->number == 0)
                        (void)error_errno(error, -r, "Failed to read the value");
                return error_prefix(error, "%s: %s", item->origin,
                                    option_spelling(item->option, name, sizeof(name)));
        }
        settings->set[i / 64] |= UINT64_C(1) << (i % 64);
        return 0;
}

void settings_describe(const Assignments *a, const char *key, Buffer *out)
{
        const Option *option = option_by_name(key);
        const Assignment *item = option ? assignments_find(a, option) : NULL;
        char name[64];

        if (!item)
                buffer_printf(out, "--%s", key);
        else if (item->origin[0] == '-') /* of the command line */
                buffer_puts(out, item->origin);
        else
                buffer_printf(out, "%s (%s)", option_spelling(option, name, sizeof(name)),
                              item->origin);
        if (item && item->value && parse_boolean(item->value) < 0)
                buffer_printf(out, " '%s'", item->value);
}

int settings_conflict(const Assignments *a, const char *one, const char *other, const char *why,
                      const char *hint, Error *error)
{
        _cleanup_buffer_ Buffer first = BUFFER_NULL, second = BUFFER_NULL;
        int r;

        settings_describe(a, one, &first);
        settings_describe(a, other, &second);
        r = error_set(error, EINVAL, "%s and %s exclude each other: %s", first.data ?: one,
                      second.data ?: other, why);
        error_hint(error, "%s", hint);
        return r;
}

static int check_start(const Assignments *a, const Settings *s, Error *error)
{
        if (s->boot && s->process_two)
                return settings_conflict(a, "boot", "as-pid2", "only one of them can be PID 1",
                                         "--boot=no or --as-pid2=no", error);
        if (s->boot && s->ambient_capability != 0)
                return settings_conflict(a, "ambient-capability", "boot",
                                         "an init gives its services what they need", "--boot=no",
                                         error);
        return 0;
}

static int check_tree(const Assignments *a, const Settings *s, Error *error)
{
        if (s->ephemeral && s->template_path && s->directory)
                return settings_conflict(a, "ephemeral", "template",
                                         "a throw-away copy is made of one tree only",
                                         "--ephemeral --template=PATH without --directory", error);
        if (s->ephemeral &&
            (s->link_journal == LINK_JOURNAL_HOST || s->link_journal == LINK_JOURNAL_GUEST))
                return settings_conflict(a, "ephemeral", "link-journal",
                                         "the journal of a throw-away machine is not kept",
                                         "--link-journal=no", error);
        if (s->ownership == OWNERSHIP_CHOWN && s->volatile_mode != VOLATILE_NO)
                return settings_conflict(
                        a, "private-users-ownership", "volatile",
                        "owners cannot be changed in a tree that is not written to",
                        "--private-users-ownership=map", error);
        if (s->ownership == OWNERSHIP_CHOWN && s->ephemeral)
                return settings_conflict(
                        a, "private-users-ownership", "ephemeral",
                        "owners cannot be changed in a tree that is not written to",
                        "--private-users-ownership=map", error);
        if (s->ownership == OWNERSHIP_CHOWN && s->read_only)
                return settings_conflict(
                        a, "private-users-ownership", "read-only",
                        "owners cannot be changed in a tree that is not written to",
                        "--private-users-ownership=map", error);
        return 0;
}

/* What a tree of layers cannot be at the same time. */
static int check_layers(const Assignments *a, const Settings *s, Error *error)
{
        const char *one = "layers";

        if (!s->layers && s->try_of) {
                error_hint(error, "stead try %s -- COMMAND", s->try_of);
                return error_set(error, EINVAL, "--try= goes with --layers=");
        }
        if (!s->layers)
                return 0;
        if (s->directory)
                return settings_conflict(a, one, "directory", "a machine has one root",
                                         "drop one of them", error);
        if (s->template_path)
                return settings_conflict(a, one, "template",
                                         "a stack of layers is not copied, it is shared",
                                         "drop one of them", error);
        if (s->image)
                return settings_conflict(a, one, "image", "a machine has one root",
                                         "drop one of them", error);
        if (s->pivot_root)
                return settings_conflict(a, one, "pivot-root", "a layer is a whole root",
                                         "--directory=PATH", error);
        if (s->ownership == OWNERSHIP_CHOWN ||
            (s->ownership == OWNERSHIP_OFF && s->user_namespace != USER_NAMESPACE_NO))
                return settings_conflict(a, one, "private-users-ownership",
                                         "layers belong to all machines, so their owners are never "
                                         "changed but mapped",
                                         "--private-users-ownership=map", error);
        if (s->user_namespace == USER_NAMESPACE_TREE)
                return settings_conflict(a, one, "private-users",
                                         "a layer's owners tell nothing about the machine's range",
                                         "--private-users=pick", error);
        return 0;
}

/* What a disk image cannot be at the same time; what goes only with one. */
static int check_image(const Assignments *a, const Settings *s, Error *error)
{
        static const char *const others[] = { "root-hash", "verity-data", "image-policy" };
        const bool given[] = { s->root_hash, s->verity_data, s->image_policy };
        const char *one = "image";

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (given[i] && (s->directory || s->layers))
                        return settings_conflict(a, others[i], s->layers ? "layers" : "directory",
                                                 "it is about a disk image", "--image=PATH", error);
        if (!s->image)
                return 0;
        if (s->directory)
                return settings_conflict(a, one, "directory", "a machine has one root",
                                         "drop one of them", error);
        if (s->template_path)
                return settings_conflict(a, one, "template", "a disk image is not made of a tree",
                                         "--ephemeral --image=PATH", error);
        if (s->ownership == OWNERSHIP_CHOWN)
                return settings_conflict(a, one, "private-users-ownership",
                                         "owners in a disk image are never changed but mapped",
                                         "--private-users-ownership=map", error);
        return 0;
}

static int check_users(const Assignments *a, const Settings *s, Error *error)
{
        bool none = s->user_namespace == USER_NAMESPACE_NO;
        bool some = !none && s->user_namespace != USER_NAMESPACE_DEFAULT;

        if (s->bind_users && none)
                return settings_conflict(a, "bind-user", "private-users",
                                         "the user is mapped by a user namespace",
                                         "--private-users=pick", error);
        if (s->nesting && none)
                return settings_conflict(a, "nesting", "private-users",
                                         "without a user namespace the machine would own the host",
                                         "--private-users=pick", error);
        if (s->api_vfs_writable && some)
                return settings_conflict(a, "api-writable", "private-users",
                                         "a user namespace may not write there anyway",
                                         "--private-users=no", error);
        return 0;
}

/* The place where something is mounted on the whole root, or NULL. */
static const MountSetting *root_mount(const Settings *s)
{
        for (size_t i = 0; i < s->n_mounts; i++)
                if (strcmp(s->mounts[i].destination, "/") == 0)
                        return &s->mounts[i];
        return NULL;
}

static int check_root_mount(const Assignments *a, const Settings *s, Error *error)
{
        const MountSetting *mount = root_mount(s);
        _cleanup_buffer_ Buffer second = BUFFER_NULL;
        const char *other;
        int r;

        if (!mount)
                return 0;
        if (s->user_namespace == USER_NAMESPACE_PICK)
                other = "private-users";
        else if (s->ownership == OWNERSHIP_CHOWN ||
                 (s->ownership == OWNERSHIP_AUTO && settings_is_set(s, "private-users-ownership")))
                other = "private-users-ownership";
        else if (s->volatile_mode != VOLATILE_NO)
                other = "volatile";
        else if (s->ephemeral)
                other = "ephemeral";
        else if (s->pivot_root)
                other = "pivot-root";
        else if (s->layers)
                other = "layers";
        else if (s->image)
                other = "image";
        else
                return 0;
        settings_describe(a, other, &second);
        r = error_set(error, EINVAL, "%s: a mount on '/' and %s exclude each other: %s",
                      mount->origin, second.data ?: other,
                      strncmp(other, "private", 7) == 0
                              ? "the owners to fit are not those of the tree"
                              : "the root is not the tree");
        if (strncmp(other, "private", 7) == 0)
                error_hint(error, "--private-users=BASE --private-users-ownership=off");
        else
                error_hint(error, "drop one of them");
        return r;
}

/* What one option says about another that nobody spoke of. */
static void imply(Settings *s)
{
        if (s->ephemeral && s->template_path && !s->directory)
                s->directory = TAKE_PTR(s->template_path); /* "-x --template=X" is "-x -D X" */
        if (s->console == CONSOLE_PIPE)
                s->quiet = true;
        if (s->volatile_mode != VOLATILE_NO || root_mount(s))
                s->read_only = true;
        if (!settings_is_set(s, "private-users-ownership") &&
            (s->user_namespace == USER_NAMESPACE_NO || s->user_namespace == USER_NAMESPACE_TREE ||
             s->user_namespace == USER_NAMESPACE_FIXED ||
             s->user_namespace == USER_NAMESPACE_IDENTITY) &&
            !s->layers)
                s->ownership = OWNERSHIP_OFF; /* the tree is said to fit already */
        settings_network_imply(s);
}

int settings_from_assignments(const Assignments *a, Settings **ret, Error *error)
{
        static int (*const checks[])(const Assignments *, const Settings *, Error *) = {
                check_start, check_tree,       check_layers,           check_image,
                check_users, check_root_mount, settings_network_check,
        };
        _cleanup_settings_ Settings *settings = NULL;
        size_t first[SETTINGS_OPTIONS_MAX] = {};
        int r = settings_new(&settings);

        if (r < 0)
                return error_errno(error, -r, "Failed to make settings");
        find_first(a, first);
        for (size_t i = 0; i < a->n; i++) {
                const Assignment *item = &a->items[i];

                if (i < first[option_index(item->option)] || (item->value && !*item->value))
                        continue;
                r = apply(item, settings, error);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                r = checks[i](a, settings, error);
                if (r < 0)
                        return r;
        }
        imply(settings);
        *ret = TAKE_PTR(settings);
        return 0;
}
