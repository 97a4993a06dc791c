/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Picking and locking user ranges. */

#include "boot/range.h"

#include "base/fd.h"
#include "base/strv.h"
#include "os/name-service.h"

#include <errno.h>
#include <fcntl.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_DIRECTORY "/run/systemd/nspawn-uid"
#define ATTEMPTS 100

uint32_t user_range_candidate(const char *name, unsigned attempt)
{
        uint32_t hash = 2166136261U; /* FNV-1a: the same name asks for the same range each time */

        for (const char *p = name; *p; p++)
                hash = (hash ^ (uint8_t)*p) * 16777619U;
        hash += attempt *
                2654435769U; /* golden ratio: later attempts spread over the whole space */
        return USER_RANGE_BASE_MIN +
               (hash % ((USER_RANGE_BASE_MAX - USER_RANGE_BASE_MIN) / USER_RANGE_SIZE + 1)) *
                       USER_RANGE_SIZE;
}

static int take_block(UserRange *range, uint32_t base)
{
        char path[64];
        int r = mkdir_parents_at(AT_FDCWD, LOCK_DIRECTORY, 0755);

        if (r < 0)
                return r;
        (void)snprintf(path, sizeof(path), LOCK_DIRECTORY "/%u", base);
        if (range->n_locks >= USER_RANGE_LOCKS_MAX)
                return 0;
        r = lock_file_take(path, true, &range->locks[range->n_locks]);
        if (r >= 0)
                range->n_locks++;
        return r;
}

/* Whether a line's number in field @field, counted from 0, lies in the range; with a count behind
 * it (subuid(5)), whether the two ranges meet. */
static bool line_meets(const char *line, unsigned field, bool counted, uint32_t base)
{
        unsigned long long first, count = 1;
        char *end;

        for (; field > 0; field--) {
                line = strchr(line, ':');
                if (!line)
                        return false;
                line++;
        }
        first = strtoull(line, &end, 10);
        if (end == line)
                return false;
        if (counted && *end == ':')
                count = strtoull(end + 1, NULL, 10);
        return first < (unsigned long long)base + USER_RANGE_SIZE && first + count > base;
}

/* The host's files, and the ranges that other container managers were given. */
static bool is_in_files(uint32_t base)
{
        static const struct {
                const char *path;
                unsigned field;
                bool counted;
        } files[] = {
                { "/etc/passwd", 2, false },
                { "/etc/group", 2, false },
                { "/etc/subuid", 1, true },
                { "/etc/subgid", 1, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *text = NULL;
                char *line, *rest;

                if (read_file_at(AT_FDCWD, files[i].path, 64 << 20, &text) < 0)
                        continue; /* no such file, nobody in it */
                rest = text;
                while ((line = strsep(&rest, "\n")))
                        if (line_meets(line, files[i].field, files[i].counted, base))
                                return true;
        }
        return false;
}

/* Directories of users beyond the files, such as LDAP. What nss-systemd would add to them (ranges
 * of running machines) is covered by the lock files already, and loading it would cost a
 * millisecond. */
static bool has_other_sources(void)
{
        _cleanup_free_ char *text = NULL;
        char *line, *rest;

        if (read_file_at(AT_FDCWD, "/etc/nsswitch.conf", 1 << 20, &text) < 0)
                return false;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                char *word, *words;

                if (strncmp(line, "passwd:", 7) != 0 && strncmp(line, "group:", 6) != 0)
                        continue;
                words = strchr(line, ':') + 1;
                words[strcspn(words, "#")] = '\0';
                while ((word = strsep(&words, " \t")))
                        if (*word && *word != '[' && strcmp(word, "files") != 0 &&
                            strcmp(word, "compat") != 0 && strcmp(word, "systemd") != 0)
                                return true;
        }
        return false;
}

static bool has_entry(const char *database, uint32_t id)
{
        _cleanup_strv_ char **fields = NULL;
        char key[16];

        (void)snprintf(key, sizeof(key), "%u", id);
        return name_service_find(database, key, &fields) > 0;
}

static bool is_known_to_host(uint32_t base)
{
        uint32_t last = base + USER_RANGE_SIZE - 2;

        if (is_in_files(base))
                return true;
        return has_other_sources() && (has_entry("passwd", base) || has_entry("group", base) ||
                                       has_entry("passwd", last) || has_entry("group", last));
}

static bool is_candidate(uint32_t base)
{
        return base >= USER_RANGE_BASE_MIN && base <= USER_RANGE_BASE_MAX &&
               base % USER_RANGE_SIZE == 0;
}

/* Whether our own user namespace has these ids at all: inside another machine it has few. */
static bool is_ours_to_give(uint32_t base, uint32_t size)
{
        _cleanup_free_ char *text = NULL;
        char *line, *rest;

        if (read_file_at(AT_FDCWD, "/proc/self/uid_map", 65536, &text) < 0)
                return true; /* the kernel will say */
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                uint32_t inside, outside, count;

                if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && inside <= base &&
                    (uint64_t)base + size <= (uint64_t)inside + count)
                        return true;
        }
        return false;
}

/* Inside another machine: the ids are shared with it, the capabilities are not. */
static void fall_back_to_identity(const BootPlan *plan, UserRange *ret)
{
        fprintf(stderr,
                "Machine '%s' shares its user ids with us: our own user namespace has no range of "
                "%u to give away.\n",
                plan->machine, USER_RANGE_SIZE);
        *ret = (UserRange){ .size = USER_RANGE_SIZE };
}

static bool holds_bind_user(const BootPlan *plan, uint32_t base)
{
        for (size_t i = 0; i < plan->n_bind_users; i++)
                if (bind_user_is_in_range(&plan->bind_users[i], base, USER_RANGE_SIZE))
                        return true;
        return false;
}

static int pick(const BootPlan *plan, const struct stat *root, UserRange *ret)
{
        if (!is_ours_to_give(USER_RANGE_BASE_MIN, USER_RANGE_SIZE)) {
                fall_back_to_identity(plan, ret);
                return 0;
        }
        for (unsigned attempt = 0; attempt <= ATTEMPTS; attempt++) {
                uint32_t base = attempt == 0 ? root->st_uid
                                             : user_range_candidate(plan->machine, attempt - 1);
                int r;

                if (!is_candidate(base) || (attempt == 0 && root->st_gid != base) ||
                    holds_bind_user(plan, base))
                        continue;
                r = take_block(ret, base);
                if (r == -EAGAIN)
                        continue;
                if (r < 0)
                        return r;
                if (!is_known_to_host(base)) {
                        ret->base = base;
                        ret->size = USER_RANGE_SIZE;
                        return 0;
                }
                user_range_release(ret);
        }
        return -EBUSY;
}

static int take_fixed(const BootPlan *plan, UserRange *ret, Error *error)
{
        int r = 0;

        if (!is_ours_to_give(plan->user_base, plan->user_size)) {
                error_set(error, ERANGE,
                          "User range %u to %u is not ours to give: our own user namespace "
                          "does not have these ids",
                          plan->user_base, plan->user_base + plan->user_size - 1);
                error_hint(error, "cat /proc/self/uid_map; --private-users=identity");
                return -ERANGE;
        }
        /* every block that the range touches; an identity map has none of its own */
        for (uint64_t base = plan->user_base & ~(USER_RANGE_SIZE - 1);
             r >= 0 && plan->user_namespace != USER_NAMESPACE_IDENTITY &&
             base < (uint64_t)plan->user_base + plan->user_size;
             base += USER_RANGE_SIZE)
                if (is_candidate((uint32_t)base))
                        r = take_block(ret, (uint32_t)base);
        if (r == -EAGAIN) {
                error_set(error, EBUSY, "User range %u to %u is taken by another running machine",
                          plan->user_base, plan->user_base + plan->user_size - 1);
                error_hint(error,
                           "--private-users=pick  (who has it: stead list; "
                           "fuser " LOCK_DIRECTORY "/%u)",
                           plan->user_base);
                return -EBUSY;
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to lock '" LOCK_DIRECTORY "/%u'",
                                   plan->user_base);
        ret->base = plan->user_base;
        ret->size = plan->user_size;
        return 0;
}

int user_range_take(const BootPlan *plan, const struct stat *root, UserRange *ret, Error *error)
{
        UserRange range = USER_RANGE_NULL;
        bool database_locked;
        int r;

        if (plan->user_namespace == USER_NAMESPACE_NO) {
                *ret = range;
                return 0;
        }
        if (plan->user_namespace != USER_NAMESPACE_PICK) {
                r = take_fixed(plan, &range, error);
        } else {
                /* keeps useradd(8) from choosing the same numbers between our look and our lock; a
                 * read-only /etc has no writer to fear */
                database_locked = lckpwdf() >= 0;
                r = pick(plan, root, &range);
                if (database_locked)
                        (void)ulckpwdf();
                if (r == -EBUSY) {
                        error_set(error, EBUSY,
                                  "No free user range after %d attempts: all of them are locked "
                                  "in " LOCK_DIRECTORY " or known to the host's user database",
                                  ATTEMPTS);
                        error_hint(error, "ls " LOCK_DIRECTORY "  (or --private-users=BASE)");
                } else if (r < 0) {
                        error_errno(error, -r, "Failed to lock a user range in " LOCK_DIRECTORY);
                }
        }
        if (r < 0)
                user_range_release(&range);
        else
                *ret = range;
        return r;
}

void user_range_release(UserRange *range)
{
        while (range->n_locks > 0)
                lock_file_release(&range->locks[--range->n_locks]);
        *range = USER_RANGE_NULL;
}
