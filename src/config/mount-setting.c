/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Custom mounts: bind, overlay, tmpfs and inaccessible paths, from "a:b:c" fields and back. A '\'
 * before ':' or '\' makes it part of a path. Whether a path exists is the plan's question. */

#include "base/strv.h"
#include "config/option-parse.h"

#include <string.h>

static int split_fields(const char *value, char ***ret)
{
        _cleanup_strv_ char **fields = NULL;
        bool more = true;

        while (more) {
                _cleanup_buffer_ Buffer field = BUFFER_NULL;
                int r;

                for (; *value && *value != ':'; value++) {
                        if (*value == '\\' && (value[1] == ':' || value[1] == '\\'))
                                value++;
                        buffer_append(&field, value, 1);
                }
                more = *value++ == ':';
                r = strv_push_take(&fields, buffer_steal(&field));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(fields);
        return 0;
}

static void format_field(const char *field, Buffer *out)
{
        for (; *field; field++) {
                if (*field == ':' || *field == '\\')
                        buffer_puts(out, "\\");
                buffer_append(out, field, 1);
        }
}

/* Absolute, or below the tree with a '+', or empty for a temporary directory. */
static bool source_is_valid(const char *source)
{
        return source[0] == '\0' || option_path_is_normal(source + (source[0] == '+'));
}

static int add_source(MountSetting *mount, const char *source, Error *error)
{
        _cleanup_free_ char *simple = NULL;

        if (!source_is_valid(source))
                return error_set(error, EINVAL,
                                 "source '%s' is not an absolute path without '..', with a '+' in "
                                 "front for one of the tree, or empty for a temporary directory",
                                 source);
        if (source[0] == '\0')
                return strv_push(&mount->sources, "");
        simple = option_simplify_path(source + (source[0] == '+'));
        return simple ? strv_pushf(&mount->sources, "%s%s", source[0] == '+' ? "+" : "", simple)
                      : -ENOMEM;
}

static int set_destination(MountSetting *mount, const char *destination, Error *error)
{
        if (!option_path_is_normal(destination))
                return error_set(error, EINVAL,
                                 "destination '%s' is not an absolute path without '..'",
                                 destination);
        mount->destination = option_simplify_path(destination);
        if (!mount->destination)
                return -ENOMEM;
        if (mount->kind != MOUNT_BIND && mount->kind != MOUNT_OVERLAY &&
            strcmp(mount->destination, "/") == 0)
                return error_set(error, EINVAL, "destination is '/', the whole tree");
        return 0;
}

/* Takes *mount on success. */
static int settings_add_mount(Settings *settings, MountSetting *mount, const char *origin)
{
        MountSetting *grown;

        mount->origin = strdup(origin);
        if (!mount->origin)
                return -ENOMEM;
        grown = reallocarray(settings->mounts, settings->n_mounts + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        settings->mounts = grown;
        grown[settings->n_mounts++] = *mount;
        *mount = (MountSetting){};
        return 0;
}

#define _cleanup_mount_ _cleanup_(mount_setting_donep)

/* map=, umap= or gmap=: 1 if @word is one of them. */
static int parse_map(MountSetting *mount, const char *word, Error *error)
{
        static const struct {
                const char *prefix;
                bool users, groups;
        } kinds[] = {
                { "map=", true, true },
                { "umap=", true, false },
                { "gmap=", false, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                size_t n = strlen(kinds[i].prefix);
                int r = 0;

                if (strncmp(word, kinds[i].prefix, n) != 0)
                        continue;
                if (kinds[i].users)
                        r = bind_map_add(&mount->users, word + n, error);
                if (r >= 0 && kinds[i].groups)
                        r = bind_map_add(&mount->groups, word + n, error);
                return r < 0 ? r : 1;
        }
        return 0;
}

static int parse_bind_options(MountSetting *mount, const char *options, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        const char *plain = NULL; /* the last word that is no map but stands for one */
        int r = strv_split(options, ",", &words);

        STRV_FOREACH (word, words) {
                int idmap = bind_idmap_from_string(*word);

                r = parse_map(mount, *word, error);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (idmap >= 0) {
                        mount->idmap = idmap;
                        plain = *word;
                } else if (strcmp(*word, "rbind") == 0 || strcmp(*word, "norbind") == 0) {
                        mount->recursive = **word == 'r';
                } else {
                        return error_set(error, EINVAL,
                                         "'%s' is not one of rbind, norbind, noidmap, idmap, "
                                         "rootidmap, owneridmap, map=, umap= or gmap=; write '\\:' "
                                         "for a colon in a path",
                                         *word);
                }
        }
        if (plain && mount->users.n + mount->groups.n > 0 && mount->idmap != BIND_IDMAP)
                return error_set(error, EINVAL, "'%s' and a map of ids exclude each other", plain);
        return r < 0 ? r : 0;
}

/* @fields: source, and maybe destination and options, which may have colons of their own. */
static int parse_bind(char *const *fields, bool read_only, MountSetting *ret, Error *error)
{
        _cleanup_mount_ MountSetting mount = { .kind = MOUNT_BIND,
                                               .read_only = read_only,
                                               .recursive = true };
        const char *destination =
                fields[1] && *fields[1] ? fields[1] : fields[0] + (fields[0][0] == '+');
        int r;

        if (*destination == '\0')
                return error_set(error, EINVAL, "a temporary directory needs a destination");
        r = add_source(&mount, fields[0], error);
        if (r >= 0)
                r = set_destination(&mount, destination, error);
        if (r >= 0 && fields[1] && fields[2]) {
                _cleanup_free_ char *options = strv_join(fields + 2, ":");

                r = options ? parse_bind_options(&mount, options, error) : -ENOMEM;
        }
        if (r < 0)
                return r;
        *ret = mount;
        mount = (MountSetting){};
        return 0;
}

static int add_bind(const char *value, bool read_only, const char *origin, Settings *settings,
                    Error *error)
{
        _cleanup_mount_ MountSetting mount = {};
        _cleanup_strv_ char **fields = NULL;
        int r = split_fields(value, &fields);

        if (r >= 0)
                r = parse_bind(fields, read_only, &mount, error);
        return r >= 0 ? settings_add_mount(settings, &mount, origin) : r;
}

int mount_setting_bind(const char *source, const char *destination, bool read_only,
                       MountSetting *ret, Error *error)
{
        _cleanup_strv_ char **fields = NULL, **rest = NULL;
        int r = split_fields(destination ?: "", &rest);

        if (r >= 0)
                r = strv_push(&fields, source);
        if (r >= 0)
                r = strv_extend(&fields, rest);
        return r < 0 ? error_set(error, -r, "Out of memory")
                     : parse_bind(fields, read_only, ret, error);
}

int option_parse_bind(const Option *option, const char *value, const char *origin,
                      Settings *settings, Error *error)
{
        return add_bind(value, false, origin, settings, error);
}

int option_parse_bind_ro(const Option *option, const char *value, const char *origin,
                         Settings *settings, Error *error)
{
        return add_bind(value, true, origin, settings, error);
}

/* Two paths are a lower and an upper directory, the upper one also being where it is mounted. */
static int parse_overlay(const char *value, bool read_only, const char *origin, Settings *settings,
                         Error *error)
{
        _cleanup_mount_ MountSetting mount = { .kind = MOUNT_OVERLAY, .read_only = read_only };
        _cleanup_strv_ char **fields = NULL;
        size_t n, n_sources;
        int r = split_fields(value, &fields);

        if (r < 0)
                return r;
        n = strv_length(fields);
        if (n < 2)
                return error_set(error, EINVAL, "not LOWER[:LOWER...]:UPPER:DESTINATION");
        n_sources = n == 2 ? 2 : n - 1;
        for (size_t i = 0; i < n_sources; i++) {
                if (fields[i][0] == '\0' && (read_only || i + 1 < n_sources))
                        return error_set(error, EINVAL,
                                         "only the upper directory can be a temporary one");
                r = add_source(&mount, fields[i], error);
                if (r < 0)
                        return r;
        }
        r = set_destination(&mount, fields[n - 1], error);
        return r >= 0 ? settings_add_mount(settings, &mount, origin) : r;
}

int option_parse_overlay(const Option *option, const char *value, const char *origin,
                         Settings *settings, Error *error)
{
        return parse_overlay(value, false, origin, settings, error);
}

int option_parse_overlay_ro(const Option *option, const char *value, const char *origin,
                            Settings *settings, Error *error)
{
        return parse_overlay(value, true, origin, settings, error);
}

int option_parse_tmpfs(const Option *option, const char *value, const char *origin,
                       Settings *settings, Error *error)
{
        _cleanup_mount_ MountSetting mount = { .kind = MOUNT_TMPFS };
        _cleanup_strv_ char **fields = NULL;
        int r = split_fields(value, &fields);

        if (r < 0)
                return r;
        if (strv_length(fields) > 2)
                return error_set(error, EINVAL, "more than PATH:OPTIONS");
        r = set_destination(&mount, fields[0], error);
        if (r < 0)
                return r;
        if (fields[1] && *fields[1])
                mount.options = TAKE_PTR(fields[1]);
        return settings_add_mount(settings, &mount, origin);
}

int option_parse_inaccessible(const Option *option, const char *value, const char *origin,
                              Settings *settings, Error *error)
{
        _cleanup_mount_ MountSetting mount = { .kind = MOUNT_INACCESSIBLE };
        int r = set_destination(&mount, value, error);

        return r >= 0 ? settings_add_mount(settings, &mount, origin) : r;
}

void mount_setting_format_options(const MountSetting *mount, Buffer *out)
{
        bool mapped = mount->users.n + mount->groups.n > 0;

        buffer_puts(out, mount->recursive ? "rbind" : "norbind");
        if (mount->idmap != BIND_NOIDMAP || !mapped)
                buffer_printf(out, ",%s", bind_idmap_to_string(mount->idmap));
        bind_maps_format(&mount->users, &mount->groups, out);
}

static void format_mount(const MountSetting *mount, Buffer *out)
{
        STRV_FOREACH (source, mount->sources) {
                format_field(*source, out);
                buffer_puts(out, ":");
        }
        if (mount->kind == MOUNT_INACCESSIBLE)
                buffer_puts(out, mount->destination); /* takes one path, nothing to escape */
        else
                format_field(mount->destination, out);
        if (mount->kind == MOUNT_BIND && (!mount->recursive || mount->idmap != BIND_NOIDMAP ||
                                          mount->users.n + mount->groups.n > 0)) {
                buffer_puts(out, ":");
                mount_setting_format_options(mount, out);
        }
        if (mount->options) {
                buffer_puts(out, ":");
                format_field(mount->options, out);
        }
}

static int format_mounts(const Settings *settings, MountKind kind, bool read_only, Buffer *out)
{
        bool first = true;

        for (size_t i = 0; i < settings->n_mounts; i++) {
                const MountSetting *mount = &settings->mounts[i];

                if (mount->kind != kind || mount->read_only != read_only)
                        continue;
                if (!first)
                        buffer_puts(out, "\n");
                format_mount(mount, out);
                first = false;
        }
        return buffer_error(out);
}

int option_format_bind(const Option *option, const Settings *settings, Buffer *out)
{
        return format_mounts(settings, MOUNT_BIND, false, out);
}

int option_format_bind_ro(const Option *option, const Settings *settings, Buffer *out)
{
        return format_mounts(settings, MOUNT_BIND, true, out);
}

int option_format_overlay(const Option *option, const Settings *settings, Buffer *out)
{
        return format_mounts(settings, MOUNT_OVERLAY, false, out);
}

int option_format_overlay_ro(const Option *option, const Settings *settings, Buffer *out)
{
        return format_mounts(settings, MOUNT_OVERLAY, true, out);
}

int option_format_tmpfs(const Option *option, const Settings *settings, Buffer *out)
{
        return format_mounts(settings, MOUNT_TMPFS, false, out);
}

int option_format_inaccessible(const Option *option, const Settings *settings, Buffer *out)
{
        return format_mounts(settings, MOUNT_INACCESSIBLE, false, out);
}
