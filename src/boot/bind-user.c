/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding users, mapping them, describing them. */

#include "boot/bind-user.h"

#include "base/json.h"
#include "base/parse.h"
#include "base/strv.h"
#include "os/name-service.h"
#include "os/path.h"

#include <stdio.h>
#include <string.h>

#define DATABASE_MAX ((size_t)16 * 1024 * 1024)
#define NOBODY 65534

void bind_user_done(BindUser *u)
{
        free(u->name);
        free(u->real_name);
        free(u->shell);
        free(u->password);
        free(u->home);
        *u = (BindUser){};
}

static int refuse(const char *name, const char *why, const char *hint, Error *error)
{
        error_set(error, EINVAL, "User '%s' cannot be brought into the machine: %s", name, why);
        error_hint(error, "%s", hint);
        return -EINVAL;
}

/* Fields of passwd(5), group(5) and shadow(5). */
enum {
        ENTRY_NAME = 0,
        ENTRY_PASSWORD = 1,
        PASSWD_UID = 2,
        PASSWD_GID = 3,
        PASSWD_GECOS = 4,
        PASSWD_HOME = 5,
        PASSWD_SHELL = 6,
};

static int check_host(const BindUser *u, Error *error)
{
        _cleanup_strv_ char **group = NULL;
        char gid[16];

        if (u->host_uid == 0 || u->host_gid == 0)
                return refuse(u->name, "root of the host stays outside",
                              "bring in another user, or use --bind=/root:/mnt", error);
        if (u->host_uid == NOBODY || u->host_gid == NOBODY)
                return refuse(u->name, "nobody owns nothing", "getent passwd", error);
        (void)snprintf(gid, sizeof(gid), "%u", u->host_gid);
        if (name_service_find("group", gid, &group) <= 0 || strcmp(group[ENTRY_NAME], u->name) != 0)
                return refuse(u->name, "it has no group of its own, and a shared one stays outside",
                              "groupadd USER && usermod -g USER USER", error);
        if (strchr(u->name, '/') || u->name[0] == '.' || u->home[0] != '/')
                return refuse(u->name, "its name or home is no path", "getent passwd USER", error);
        return 0;
}

/* Locked passwords ("!", "*") are none. Only root may read them; without them there is no login by
 * password. */
static char *read_password(const char *name)
{
        _cleanup_strv_ char **entry = NULL;

        if (name_service_find("shadow", name, &entry) <= 0 || strv_length(entry) <= ENTRY_PASSWORD)
                return NULL;
        return entry[ENTRY_PASSWORD][0] && !strchr("!*", entry[ENTRY_PASSWORD][0])
                       ? strdup(entry[ENTRY_PASSWORD])
                       : NULL;
}

static int find_on_host(const char *name, int root_fd, BindUser *u, Error *error)
{
        _cleanup_strv_ char **entry = NULL;
        uint32_t uid, gid;
        int r = name_service_find("passwd", name, &entry);

        if (r < 0)
                return error_errno(error, -r, "Failed to ask for user '%s' with getent(1)", name);
        if (r == 0 || strv_length(entry) <= PASSWD_SHELL ||
            parse_uint32(entry[PASSWD_UID], &uid) < 0 ||
            parse_uint32(entry[PASSWD_GID], &gid) < 0) {
                error_set(error, ESRCH, "The host has no user '%s' to bring into the machine",
                          name);
                error_hint(error, "getent passwd");
                return -ESRCH;
        }
        u->host_uid = uid;
        u->host_gid = gid;
        u->name = strdup(entry[ENTRY_NAME]);
        u->home = strdup(entry[PASSWD_HOME]);
        if (!u->name || !u->home)
                return error_set(error, ENOMEM, "Out of memory");
        r = check_host(u, error);
        if (r < 0)
                return r;
        entry[PASSWD_GECOS][strcspn(entry[PASSWD_GECOS], ",")] = '\0';
        if (entry[PASSWD_GECOS][0])
                u->real_name = strdup(entry[PASSWD_GECOS]);
        if (entry[PASSWD_SHELL][0] == '/' && path_exists(root_fd, entry[PASSWD_SHELL]) >= 0)
                u->shell = strdup(entry[PASSWD_SHELL]); /* else the machine's own default */
        u->password = read_password(name);
        return 0;
}

/* Ids in use, and whether a name is, by one of the tree's two files; both have them in the same
 * fields. */
static bool look_into(char *text, const BindUser *u, bool used[static BIND_USERS_MAX])
{
        bool found = false;
        char *line, *rest = text;

        while ((line = strsep(&rest, "\n"))) {
                const char *name = strsep(&line, ":"), *password = strsep(&line, ":");
                const char *id = strsep(&line, ":");
                uint32_t n;

                found = found || strcmp(name, u->name) == 0;
                if (password && id && parse_uint32(id, &n) >= 0 && n >= BIND_USER_ID_MIN &&
                    n <= BIND_USER_ID_MAX)
                        used[n - BIND_USER_ID_MIN] = true;
        }
        return found;
}

static int find_id(int root_fd, const BindUser *others, size_t n_others, BindUser *u, Error *error)
{
        static const char *const files[] = { "/etc/passwd", "/etc/group" };
        bool used[BIND_USERS_MAX] = {};

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *text = NULL;
                ssize_t n = path_read(root_fd, files[i], DATABASE_MAX, &text);

                if (n < 0 && n != -ENOENT)
                        return error_errno(error, (int)-n, "Failed to read '%s' of the tree",
                                           files[i]);
                if (n > 0 && look_into(text, u, used))
                        return refuse(u->name, "the tree has a user or group of that name",
                                      "getent passwd  (choose another)", error);
        }
        for (size_t i = 0; i < n_others; i++)
                used[others[i].id - BIND_USER_ID_MIN] = true;
        for (uint32_t i = 0; i < BIND_USERS_MAX; i++)
                if (!used[i]) {
                        u->id = BIND_USER_ID_MIN + i;
                        return 0;
                }
        return refuse(u->name, "the tree's users have all of the ids 60514 to 60577",
                      "bring in fewer users", error);
}

int bind_users_find(char *const *names, int root_fd, BindUser **ret, size_t *ret_n, Error *error)
{
        BindUser *users = calloc(strv_length(names) + 1, sizeof(BindUser));
        size_t n = 0;
        int r = users ? 0 : error_set(error, ENOMEM, "Out of memory");

        for (; r >= 0 && names && *names; names++) {
                bool again = false;

                for (size_t i = 0; i < n; i++)
                        again = again || strcmp(users[i].name, *names) == 0;
                if (again)
                        continue;
                r = find_on_host(*names, root_fd, &users[n], error);
                if (r >= 0)
                        r = find_id(root_fd, users, n, &users[n], error);
                n++;
        }
        if (r < 0) {
                while (n > 0)
                        bind_user_done(&users[--n]);
                free(users);
                return r;
        }
        *ret = users;
        *ret_n = n;
        return 0;
}

bool bind_user_is_in_range(const BindUser *u, uint32_t base, uint32_t size)
{
        /* below the base, the difference wraps round to a large number */
        return u->host_uid - base < size || u->host_gid - base < size;
}

unsigned bind_users_map(const BindUser *users, size_t n, bool group, uint32_t base, uint32_t size,
                        IdMap ret[static BIND_USER_MAPS_MAX])
{
        uint32_t next = 0;
        unsigned lines = 0;

        /* ascending ids: the first free ones were given out in order */
        for (size_t i = 0; i < n; i++) {
                uint32_t end = MIN_OF(users[i].id, size);

                if (end > next)
                        ret[lines++] = (IdMap){ next, base + next, end - next };
                ret[lines++] =
                        (IdMap){ users[i].id, group ? users[i].host_gid : users[i].host_uid, 1 };
                next = users[i].id + 1;
        }
        if (next < size)
                ret[lines++] = (IdMap){ next, base + next, size - next };
        return lines;
}

static void field(Buffer *out, const char *name, const char *value)
{
        if (!value)
                return;
        buffer_printf(out, ",\"%s\":", name);
        json_write_string(out, value);
}

void bind_user_record(const BindUser *u, Buffer *out)
{
        _cleanup_buffer_ Buffer home = BUFFER_NULL;

        buffer_puts(out, "{\"disposition\":\"container\"");
        field(out, "service", "org.stead1");
        field(out, "userName", u->name);
        buffer_printf(out, ",\"uid\":%u,\"gid\":%u", u->id, u->id);
        field(out, "realName", u->real_name);
        buffer_printf(&home, "/run/host/home/%s", u->name);
        field(out, "homeDirectory", home.data);
        field(out, "shell", u->shell);
        buffer_puts(out, "}\n");
}

void bind_user_group_record(const BindUser *u, Buffer *out)
{
        buffer_puts(out, "{\"disposition\":\"container\"");
        field(out, "service", "org.stead1");
        field(out, "groupName", u->name);
        buffer_printf(out, ",\"gid\":%u}\n", u->id);
}

bool bind_user_privileged_record(const BindUser *u, Buffer *out)
{
        if (!u->password)
                return false;
        buffer_puts(out, "{\"privileged\":{\"hashedPassword\":[");
        json_write_string(out, u->password);
        buffer_puts(out, "]}}\n");
        return true;
}
