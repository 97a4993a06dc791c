/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host has been told: forwarding, files that set it, and rules. */

#include "network/check-gather.h"

#include "base/fd.h"
#include "base/strv.h"
#include "network/uplink.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_OUTPUT_MAX (64 << 20)

static int spawn(char *const *argv, int out, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, out, 1);
        if (r == 0)
                r = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

int check_read_program(char *const *argv, char **ret)
{
        int ends[2], status = -1;
        ssize_t n = -EIO;
        pid_t pid = 0;
        int r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        r = spawn(argv, ends[1], &pid);
        (void)close(ends[1]);
        if (r >= 0)
                n = read_fd(ends[0], PROGRAM_OUTPUT_MAX, ret);
        (void)close(ends[0]);
        if (r < 0)
                return r;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (n >= 0 && status == 0)
                return 0;
        if (n >= 0) {
                free(*ret);
                *ret = NULL;
        }
        return n < 0 ? (int)n : -EIO;
}

/* "net.ipv4.conf.eth0.forwarding", "net/ipv4/conf/eth0.7/forwarding" and what the two mean: dots
 * and slashes change places where the first separator is a dot. */
static bool names_setting(const char *key, size_t n, const char *name)
{
        bool dots = key[strcspn(key, "./")] == '.';

        if (n < 4 || strncmp(key, dots ? "net." : "net/", 4) != 0 || strlen(name) != n - 4)
                return false;
        for (size_t i = 4; i < n; i++) {
                char c = !dots ? key[i] : key[i] == '.' ? '/' : key[i] == '/' ? '.' : key[i];

                if (c != name[i - 4])
                        return false;
        }
        return true;
}

/* Whether a line of @text turns @name off, or what it is copied from. */
static bool text_disables(const char *text, const char *name)
{
        static const char *const switches[] = { "ipv4/ip_forward", "ipv4/conf/all/forwarding",
                                                "ipv4/conf/default/forwarding" };

        for (const char *line = text; line; line = strchr(line, '\n')) {
                const char *key = line + strspn(line, "\n\t -"), *value;
                size_t n = strcspn(key, " \t=\n");
                bool all = false;

                line = key;
                value = key + n + strspn(key + n, " \t");
                if (*value != '=' || value[1 + strspn(value + 1, " \t")] != '0')
                        continue;
                for (size_t i = 0; i < ELEMENTSOF(switches) && strncmp(name, "ipv4/", 5) == 0; i++)
                        all = all || names_setting(key, n, switches[i]);
                if (all || names_setting(key, n, name))
                        return true;
        }
        return false;
}

char *check_read_culprit(const char *name)
{
        static const char *const folders[] = { "/etc/sysctl.d", "/run/sysctl.d",
                                               "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d" };
        char *found = NULL;

        for (size_t i = 0; i < ELEMENTSOF(folders) && !found; i++) {
                _cleanup_closedir_ DIR *d = opendir(folders[i]);

                for (struct dirent *e; d && !found && (e = readdir(d));) {
                        _cleanup_free_ char *text = NULL;

                        if (e->d_name[0] != '.' &&
                            read_file_at(dirfd(d), e->d_name, 1 << 20, &text) > 0 &&
                            text_disables(text, name) &&
                            asprintf(&found, "%s/%s", folders[i], e->d_name) < 0)
                                found = NULL;
                }
        }
        if (!found) {
                _cleanup_free_ char *text = NULL;

                if (read_file_at(AT_FDCWD, "/etc/sysctl.conf", 1 << 20, &text) > 0 &&
                    text_disables(text, name))
                        found = strdup("/etc/sysctl.conf");
        }
        return found;
}

/* Adds the setting unless it is 1, or not there. */
static int want(CheckFacts *f, const char *format, const char *link)
{
        _cleanup_free_ char *value = NULL;
        CheckSetting *grown, s = {};

        (void)snprintf(s.name, sizeof(s.name), "%s%s/%s",
                       strncmp(format, "ipv6", 4) == 0 ? "ipv6/conf/" : "ipv4/conf/", link,
                       strchr(format, ' ') + 1);
        if (sysctl_read(s.name, &value) < 0 || strcmp(value, "1") == 0)
                return 0;
        (void)snprintf(s.value, sizeof(s.value), "%s", value);
        grown = reallocarray(f->settings, f->n_settings + 1, sizeof(s));
        if (!grown)
                return -ENOMEM;
        f->settings = grown;
        s.culprit = check_read_culprit(s.name);
        f->settings[f->n_settings++] = s;
        return 0;
}

/* Linux 6.17 has a switch a link; before, there is one for all. */
static int want_forwarding(CheckFacts *f, int family, const char *link)
{
        if (family == AF_INET)
                return want(f, "ipv4 forwarding", link);
        if (sysctl_is("ipv6/conf/all/forwarding", "1"))
                return 0;
        return access(SYSCTL_NET "/ipv6/conf/lo/force_forwarding", F_OK) >= 0
                       ? want(f, "ipv6 force_forwarding", link)
                       : want(f, "ipv6 forwarding", "all");
}

static int note_strict_paths(CheckFacts *f, char *const *uplinks)
{
        char name[SYSCTL_NAME_MAX];
        int r = 0;

        if (strv_length(uplinks) < 2)
                return 0;
        for (char *const *u = uplinks; *u && r >= 0; u++) {
                (void)snprintf(name, sizeof(name), "ipv4/conf/%.*s/rp_filter", IFNAMSIZ, *u);
                if (sysctl_is("ipv4/conf/all/rp_filter", "1") || sysctl_is(name, "1"))
                        r = strv_pushf(&f->notes,
                                       "rp_filter is strict: %s takes no packets from where "
                                       "answers leave by another link",
                                       *u);
        }
        return r;
}

/* The line `hosts:` of nsswitch.conf(5) with one of the modules that know machines. */
static bool line_knows_machines(char *line)
{
        char *word;

        if (strncmp(line, "hosts:", 6) != 0)
                return false;
        line[strcspn(line, "#")] = '\0';
        for (line += 6; (word = strsep(&line, " \t"));)
                if (strcmp(word, "stead") == 0 || strcmp(word, "mymachines") == 0)
                        return true;
        return false;
}

static int note_names(CheckFacts *f)
{
        _cleanup_free_ char *text = NULL;
        char *rest, *line;

        if (read_file_at(AT_FDCWD, "/etc/nsswitch.conf", 1 << 20, &text) < 0)
                return 0; /* of a libc without */
        rest = text;
        while ((line = strsep(&rest, "\n")))
                if (line_knows_machines(line))
                        return 0;
        return strv_push(&f->notes, "programs of this host do not know machines by name: 'stead' "
                                    "is missing from 'hosts:' in /etc/nsswitch.conf");
}

int check_read_settings(CheckFacts *f, const Published *p)
{
        static const int families[] = { AF_INET, AF_INET6 };
        char *ours[] = { p->interface, f->host.name, NULL };
        int r = 0;

        f->bridge_filtered = f->bridge.name[0] && sysctl_is("bridge/bridge-nf-call-ip6tables", "1");
        for (size_t i = 0; i < ELEMENTSOF(families) && r >= 0; i++) {
                _cleanup_strv_ char **uplinks = NULL;
                bool used = false;

                for (size_t k = 0; k < f->n_addresses; k++)
                        used = used || f->addresses[k].address.family == families[i];
                if (!used)
                        continue;
                r = want_forwarding(f, families[i], p->interface);
                if (r >= 0 && families[i] == AF_INET && p->n_ports > 0)
                        r = want(f, "ipv4 route_localnet", p->interface);
                if (r >= 0 && uplink_list(families[i], ours, &uplinks, NULL) < 0)
                        continue; /* what cannot be listed cannot be judged */
                STRV_FOREACH (u, uplinks)
                        if (r >= 0)
                                r = want_forwarding(f, families[i], *u);
                if (r >= 0 && families[i] == AF_INET)
                        r = note_strict_paths(f, uplinks);
        }
        return r < 0 ? r : note_names(f);
}
