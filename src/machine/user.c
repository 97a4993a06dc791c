/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users and their groups, from the text files of a tree. */

#include "machine/user.h"

#include "base/parse.h"
#include "os/path.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Larger than any file kept by hand or by adduser; a hostile tree must not make us read for ever.
 */
#define DATABASE_MAX ((size_t)16 * 1024 * 1024)

void user_done(User *u)
{
        free(u->name);
        free(u->home);
        free(u->shell);
        free(u->groups);
        *u = USER_NULL;
}

/* The file as a stream for fgetpwent() and fgetgrent(); NULL with errno ENOENT if there is none. */
static FILE *open_database(int root_fd, const char *path, char **ret_text)
{
        ssize_t n = path_read(root_fd, path, DATABASE_MAX, ret_text);

        if (n < 0) {
                errno = (int)-n;
                return NULL;
        }
        if (n == 0) { /* fmemopen() refuses an empty buffer */
                errno = ENOENT;
                return NULL;
        }
        return fmemopen(*ret_text, (size_t)n, "re");
}

static int user_set(User *u, const char *name, uid_t uid, gid_t gid, const char *home,
                    const char *shell)
{
        u->name = strdup(name);
        u->home = strdup(*home ? home : "/");
        u->shell = strdup(*shell ? shell : "/bin/sh");
        u->uid = uid;
        u->gid = gid;
        return u->name && u->home && u->shell ? 0 : -ENOMEM;
}

/* 1: found, 0: not listed, negative: the file cannot be read (-ENOENT: there is none). */
static int find_in_passwd(int root_fd, const char *name, bool numeric, uid_t uid, User *u)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *f = open_database(root_fd, "/etc/passwd", &text);
        struct passwd *p;

        if (!f)
                return -errno;
        while ((p = fgetpwent(f)))
                if (numeric ? p->pw_uid == uid : strcmp(p->pw_name, name) == 0) {
                        int r = user_set(u, p->pw_name, p->pw_uid, p->pw_gid, p->pw_dir ?: "",
                                         p->pw_shell ?: "");

                        return r < 0 ? r : 1;
                }
        return 0;
}

static int add_group(User *u, gid_t gid)
{
        gid_t *grown = reallocarray(u->groups, u->n_groups + 1, sizeof(gid_t));

        if (!grown)
                return -ENOMEM;
        u->groups = grown;
        u->groups[u->n_groups++] = gid;
        return 0;
}

static int find_groups(int root_fd, User *u)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        struct group *g;
        int r = add_group(u, u->gid);

        if (r < 0)
                return r;
        f = open_database(root_fd, "/etc/group", &text);
        if (!f)
                return errno == ENOENT ? 0 : -errno;
        while ((g = fgetgrent(f))) {
                bool member = false;

                for (char **m = g->gr_mem; m && *m; m++)
                        member = member || strcmp(*m, u->name) == 0;
                if (!member || g->gr_gid == u->gid)
                        continue;
                r = add_group(u, g->gr_gid);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What holds for a number without an entry, and for root of a tree without users. */
static int user_unlisted(int root_fd, uid_t uid, User *u)
{
        char name[16];

        (void)snprintf(name, sizeof(name), "%u", uid);
        if (uid != 0)
                return user_set(u, name, uid, uid, "/", "/bin/sh");
        return user_set(u, "root", 0, 0, path_exists(root_fd, "/root") >= 0 ? "/root" : "/",
                        "/bin/sh");
}

int user_find(int root_fd, const char *name, User *ret, Error *error)
{
        _cleanup_user_ User u = USER_NULL;
        uint32_t number = 0;
        bool numeric;
        int r;

        if (!name || !*name)
                name = "root";
        numeric = parse_uint32(name, &number) >= 0;
        if (numeric && number == UINT32_MAX)
                return error_set(error, ESRCH, "'%s' is no user id", name);

        r = find_in_passwd(root_fd, name, numeric, number, &u);
        if (r == 0 || r == -ENOENT) {
                if (!numeric && strcmp(name, "root") != 0)
                        return error_set(error, ESRCH, "The machine has no user '%s'", name);
                r = user_unlisted(root_fd, number, &u);
        }
        if (r >= 0)
                r = find_groups(root_fd, &u);
        if (r < 0)
                return error_errno(error, -r, "Failed to read the machine's users");
        *ret = u;
        u = USER_NULL;
        return 0;
}

int user_find_group(int root_fd, const char *name, gid_t *ret, Error *error)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        struct group *g;
        uint32_t number;

        if (parse_uint32(name, &number) >= 0 && number != UINT32_MAX) {
                *ret = number;
                return 0;
        }
        f = open_database(root_fd, "/etc/group", &text);
        while (f && (g = fgetgrent(f)))
                if (strcmp(g->gr_name, name) == 0) {
                        *ret = g->gr_gid;
                        return 0;
                }
        return error_set(error, ESRCH, "The machine has no group '%s'", name);
}
