/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One function for each thing that can change in a machine from outside. */

#include "cli/apply.h"

#include "base/fd.h"
#include "base/strv.h"
#include "machine/enter.h"
#include "machine/live-mount.h"
#include "os/pidfd.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

/* A value of the row in a Settings of its own; NULL is the default. */
static int parse(const Difference *d, const char *value, Settings **ret, Error *error)
{
        _cleanup_settings_ Settings *s = NULL;
        int r = settings_new(&s);

        if (r >= 0 && value)
                r = d->option->parse(d->option, value, "definition", s, error);
        if (r < 0)
                return error_errno(error, -r, "Failed to read '%s'", value ?: "");
        *ret = TAKE_PTR(s);
        return 0;
}

/* Into its namespace for one call; nothing else of ours is in it. */
static int set_hostname(const Comparison *c, const Settings *s, Error *error)
{
        const char *name = s->hostname ?: c->name;
        _cleanup_close_ int own = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
        int r = 0;

        if (own < 0 || setns(c->machine->leader_fd, CLONE_NEWUTS) < 0)
                return error_errno(error, errno, "Failed to join the host name of machine '%s'",
                                   c->name);
        if (sethostname(name, strlen(name)) < 0)
                r = error_errno(error, errno, "Failed to set host name '%s'", name);
        if (setns(own, CLONE_NEWUTS) < 0 && r >= 0)
                r = error_errno(error, errno, "Failed to return to our own host name");
        return r;
}

static int read_oom_score(pid_t pid, int *ret)
{
        _cleanup_free_ char *text = NULL;
        char path[64];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
        n = read_file_at(AT_FDCWD, path, 16, &text);
        if (n < 0)
                return (int)n;
        text[strcspn(text, "\n")] = '\0';
        return parse_int(text, ret);
}

/* PID 1 has it from the launcher unless told, and what it starts later has it from PID 1. */
static int set_oom_score(const Comparison *c, const Settings *s, Error *error)
{
        char path[64], text[16];
        int score = s->oom_score_adjust, r = 0;

        if (!s->oom_score_adjust_set)
                r = read_oom_score(c->machine->launcher, &score);
        (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)c->machine->leader);
        (void)snprintf(text, sizeof(text), "%d", score);
        if (r >= 0)
                r = write_file_at(AT_FDCWD, path, text);
        if (r >= 0 && !pidfd_is_alive(c->machine->leader_fd))
                r = -ESRCH; /* then it was another process's number, if any */
        return r < 0 ? error_errno(error, -r, "Failed to set the OOM score of machine '%s'",
                                   c->name)
                     : 0;
}

static int set_rlimit(const Comparison *c, const Difference *d, const Settings *s, Error *error)
{
        size_t i = (d->option->offset - offsetof(Settings, rlimits)) / sizeof(struct rlimit);

        if (prlimit(c->machine->leader, (enum __rlimit_resource)i, &s->rlimits[i], NULL) < 0 ||
            !pidfd_is_alive(c->machine->leader_fd))
                return error_errno(error, errno, "Failed to set %s of machine '%s'", d->key,
                                   c->name);
        return 0;
}

/* What is mounted is known from the mounts themselves, why only from here. */
static int bind_now(Comparison *c, const Difference *d, const Settings *s, Error *error)
{
        _cleanup_free_ char *origin = NULL;
        int r;

        if (s->n_mounts != 1)
                return error_set(error, EINVAL, "'%s' is not one mount", d->declared ?: d->running);
        r = d->declared ? live_mount_attach(c->machine, &s->mounts[0], true, error)
                        : live_mount_detach(c->machine, s->mounts[0].destination, false, error);
        if (r < 0)
                return r;
        if (asprintf(&origin, DIFFERENCE_APPLIED "%s", d->origin ?: "") < 0) {
                origin = NULL;
                return error_set(error, ENOMEM, "Out of memory");
        }
        if (!d->declared)
                setting_lines_drop(&c->running, d->section, d->key, d->running, origin);
        else if (setting_lines_add(&c->running, d->section, d->key, d->declared, origin) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return 0;
}

/* What the machine has now is what was declared, for the next comparison. */
static int note(Comparison *c, const Difference *d, Error *error)
{
        return setting_lines_replace(&c->running, &c->declared, d->section, d->key) < 0
                       ? error_set(error, ENOMEM, "Out of memory")
                       : 0;
}

int apply_live(Comparison *c, const Difference *d, Error *error)
{
        _cleanup_settings_ Settings *s = NULL;
        const char *key = d->key;
        bool is_bind = strcmp(key, "Bind") == 0 || strcmp(key, "BindReadOnly") == 0;
        int r = parse(d, d->declared || !is_bind ? d->declared : d->running, &s, error);

        if (r < 0)
                return r;
        if (is_bind)
                return bind_now(c, d, s, error);
        if (strcmp(key, "Hostname") == 0)
                r = set_hostname(c, s, error);
        else if (strcmp(key, "OOMScoreAdjust") == 0)
                r = set_oom_score(c, s, error);
        else if (strncmp(key, "Limit", 5) == 0)
                r = set_rlimit(c, d, s, error);
        else
                r = error_set(error, EOPNOTSUPP, "%s= cannot be applied to a running machine", key);
        return r < 0 ? r : note(c, d, error);
}

static int run_inside(const Comparison *c, char *const *argv, Error *error)
{
        _cleanup_close_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        EnterRequest request = { .argv = argv, .stdio = { null_fd, null_fd, STDERR_FILENO } };
        EnteredProcess p = ENTERED_PROCESS_NULL;
        int r = null_fd < 0 ? -errno : machine_enter(c->machine, &request, &p, error);

        if (r < 0)
                return error_errno(error, -r, "Failed to run '%s' in machine '%s'", argv[0],
                                   c->name);
        r = entered_process_wait(&p);
        entered_process_done(&p);
        if (r > 0)
                return error_set(error, EIO, "'%s %s' in machine '%s' failed with status %d",
                                 argv[0], argv[1], c->name, r);
        return r;
}

/* The assignments of an item, without quotes. */
static int environment_of(const Difference *d, const char *value, char ***ret, Error *error)
{
        _cleanup_settings_ Settings *s = NULL;
        int r = parse(d, value, &s, error);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(s->environment);
        return 0;
}

static bool is_set_again(char *const *set, const char *assignment)
{
        size_t n = strcspn(assignment, "=") + 1;

        for (char *const *w = set; w && *w; w++)
                if (strncmp(*w, assignment, n) == 0)
                        return true;
        return false;
}

/* Names of @old that @set, the words of a command, does not give a new value. */
static int add_names(char *const *old, char *const *set, char ***ret)
{
        for (char *const *o = old; o && *o; o++) {
                int r = is_set_again(set, *o) ? 0
                                              : strv_pushf(ret, "%.*s", (int)strcspn(*o, "="), *o);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_environment(Comparison *c, const Differences *d, Error *error)
{
        _cleanup_strv_ char **set = NULL, **unset = NULL, **old = NULL;
        int r = strv_push(&set, "systemctl");

        if (r >= 0)
                r = strv_push(&set, "set-environment");
        if (r >= 0)
                r = strv_push(&unset, "systemctl");
        if (r >= 0)
                r = strv_push(&unset, "unset-environment");
        for (size_t i = 0; r >= 0 && i < d->n; i++) {
                const Difference *item = &d->items[i];
                _cleanup_strv_ char **words = NULL;

                if (item->how != OPTION_APPLY_RELOAD)
                        continue;
                r = environment_of(item, item->declared ?: item->running, &words, error);
                if (r >= 0)
                        r = strv_extend(item->declared ? &set : &old, words);
        }
        if (r >= 0)
                r = add_names(old, set, &unset);
        if (r >= 0 && strv_length(set) > 2)
                r = run_inside(c, set, error);
        if (r >= 0 && strv_length(unset) > 2)
                r = run_inside(c, unset, error);
        return r < 0 ? error_errno(error, -r, "Failed to set the environment of machine '%s'",
                                   c->name)
                     : 0;
}

int apply_reload(Comparison *c, const Differences *d, Error *error)
{
        const Difference *first = NULL;
        int r;

        for (size_t i = 0; i < d->n && !first; i++)
                if (d->items[i].how == OPTION_APPLY_RELOAD)
                        first = &d->items[i];
        if (!first)
                return 0;
        r = set_environment(c, d, error);
        return r < 0 ? r : note(c, first, error);
}
