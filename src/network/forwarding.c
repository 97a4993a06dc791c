/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turning forwarding on and off. First the changes are planned, then recorded, then made. Must not
 * know nftables: what is forwarded too much is the table's to drop. */

#include "network/forwarding.h"

#include "base/fd.h"
#include "base/strv.h"
#include "network/forwarding-record.h"
#include "network/sysctl.h"
#include "network/uplink.h"

#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define FORWARDING_LOCK FORWARDING_FOLDER "/.forwarding.lock"

#define IPV4_ALL "ipv4/ip_forward"
#define IPV6_ALL "ipv6/conf/all/forwarding"
/* lo is the one link that every network namespace has as long as it knows IPv6 at all */
#define IPV6_PER_LINK "ipv6/conf/lo/force_forwarding"

typedef struct SettingName {
        char name[SYSCTL_NAME_MAX];
} SettingName;

static SettingName link_setting(const char *family, const char *link, const char *setting)
{
        SettingName s;

        (void)snprintf(s.name, sizeof(s.name), "%s/conf/%.*s/%s", family, IF_NAMESIZE, link,
                       setting);
        return s;
}

/* A new link has hardly ever what is wanted, so that asking first would be lost time. */
static int set_on_link(const char *family, const char *link, const char *setting, const char *value,
                       Error *error)
{
        SettingName s = link_setting(family, link, setting);
        _cleanup_error_ Error e = ERROR_NULL;

        if (sysctl_write(s.name, value, &e) >= 0 || sysctl_is(s.name, value))
                return 0;
        return error_move(error, &e);
}

/* These go with the link, so that nothing about them is recorded.
 *
 * Never ipv6/conf/LINK/forwarding: it lets no packet pass, but writing 1 makes the kernel forget
 * all routes that it learned from routers on any link with accept_ra=1 (rt6_purge_dflt_routers()).
 */
static int prepare_link(const char *link, Error *error)
{
        static const struct {
                const char *family, *setting, *value;
        } settings[] = {
                { "ipv4", "forwarding", "1" },
                /* 127.0.0.1:PORT may be led to the machine; our table drops 127/8 that it sends */
                { "ipv4", "route_localnet", "1" },
                /* a machine sends from addresses that are routed to it */
                { "ipv4", "rp_filter", "1" },
                /* we ask for the machine with the gateway's address, not with the one of the
                 * packet, which the machine need not have a route to */
                { "ipv4", "arp_announce", "2" },
                { "ipv6", "accept_ra", "0" }, /* a machine must not give the host routes */
                { "ipv6", "force_forwarding", "1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                _cleanup_error_ Error e = ERROR_NULL;
                int r = set_on_link(settings[i].family, link, settings[i].setting,
                                    settings[i].value, &e);

                /* a host without IPv6, and a kernel without force_forwarding */
                if (r == -ENOENT && strcmp(settings[i].family, "ipv6") == 0)
                        continue;
                if (r == -ENOENT)
                        return error_set(error, ENODEV, "There is no link '%s'", link);
                if (r < 0)
                        return error_move(error, &e);
        }
        return 0;
}

static void unlockp(const int *fd)
{
        if (*fd < 0)
                return;
        /* under the lock: who opened it meanwhile sees that it has no name any more */
        if (access(FORWARDING_RECORD, F_OK) < 0)
                (void)unlink(FORWARDING_LOCK);
        (void)close(*fd);
}

static int forwarding_lock(int *ret, Error *error)
{
        int r = mkdir_parents_at(AT_FDCWD, FORWARDING_FOLDER, 0755);

        if (r < 0)
                return error_errno(error, -r, "Failed to create '" FORWARDING_FOLDER "'");
        for (;;) {
                _cleanup_close_ int fd =
                        open(FORWARDING_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                struct stat st;

                if (fd < 0)
                        return error_errno(error, errno, "Failed to open '" FORWARDING_LOCK "'");
                while ((r = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
                        ;
                if (r < 0 || fstat(fd, &st) < 0)
                        return error_errno(error, errno, "Failed to lock '" FORWARDING_LOCK "'");
                if (st.st_nlink == 0)
                        continue; /* the holder before us removed it */
                *ret = TAKE_FD(fd);
                return 0;
        }
}

/* Adds to the plan what is not so already. What is not there (the link just went) needs nothing. */
static int plan_change(ForwardingRecord *plan, const char *name, const char *value, Error *error)
{
        _cleanup_free_ char *now = NULL;
        int r = sysctl_read(name, &now);

        if (r == -ENOENT || (r >= 0 && strcmp(now, value) == 0))
                return 0;
        if (r < 0)
                return error_errno(error, -r, "Failed to read '" SYSCTL_NET "/%s'", name);
        r = sysctl_check_writable(name, value, error);
        if (r < 0)
                return r;
        r = forwarding_record_add(plan, name, now, value);
        return r < 0 ? error_errno(error, -r, "Failed to plan forwarding") : 0;
}

static int plan_uplinks(int family, const char *setting, char *const *ours, ForwardingRecord *plan,
                        Error *error)
{
        _cleanup_strv_ char **uplinks = NULL;
        int r = uplink_list(family, ours, &uplinks, error);

        for (char **u = uplinks; r >= 0 && u && *u; u++)
                r = plan_change(plan,
                                link_setting(family == AF_INET ? "ipv4" : "ipv6", *u, setting).name,
                                "1", error);
        return r;
}

/* A link that forwards is deaf to advertisements already, and stays so. */
static int plan_hearing(ForwardingRecord *plan, const char *link, Error *error)
{
        SettingName accept_ra = link_setting("ipv6", link, "accept_ra");

        return sysctl_is(accept_ra.name, "1") &&
                               sysctl_is(link_setting("ipv6", link, "forwarding").name, "0")
                       ? plan_change(plan, accept_ra.name, "2", error)
                       : 0;
}

/* The switch for all overwrites the links' own values both ways: no change now, but one to put back
 * after it. */
static int plan_keeping(ForwardingRecord *plan, const char *link, Error *error)
{
        SettingName s = link_setting("ipv6", link, "forwarding");

        if (!sysctl_is(s.name, "1"))
                return 0;
        if (forwarding_record_add(plan, s.name, "1", "1") < 0)
                return error_errno(error, ENOMEM, "Failed to plan forwarding");
        return 0;
}

/* Also for "default": links that come later inherit from it. */
static int plan_for_each_link(ForwardingRecord *plan,
                              int (*part)(ForwardingRecord *, const char *, Error *), Error *error)
{
        _cleanup_closedir_ DIR *links = opendir(SYSCTL_NET "/ipv6/conf");
        int r = 0;

        if (!links)
                return error_errno(error, errno, "Failed to open '" SYSCTL_NET "/ipv6/conf'");
        for (struct dirent *e; r >= 0 && (e = readdir(links));)
                if (e->d_name[0] != '.' && strcmp(e->d_name, "all") != 0)
                        r = part(plan, e->d_name, error);
        return r;
}

/* The order matters, and backwards when it is put back: wherever forwarding is written, what was
 * learned on links with accept_ra=1 is forgotten. */
static int plan_ipv6_all(ForwardingRecord *plan, Error *error)
{
        int r;

        if (sysctl_is(IPV6_ALL, "1"))
                return 0; /* links that came later have inherited it all from "default" */
        r = plan_for_each_link(plan, plan_hearing, error);
        if (r >= 0)
                r = plan_for_each_link(plan, plan_keeping, error);
        return r < 0 ? r : plan_change(plan, IPV6_ALL, "1", error);
}

/* Without our help, for all links, as a router or for other managers; or it has not the family. */
static bool host_forwards(const ForwardingRecord *record, int family)
{
        if (family == AF_INET)
                return !sysctl_is(IPV4_ALL, "0"); /* never ours */
        return !sysctl_is(IPV6_ALL, "0") && !forwarding_record_find(record, IPV6_ALL);
}

/* Returns 1 if there is nothing to plan. */
static int plan_forwarding(const ForwardingRecord *record, ForwardingRecord *plan, Error *error)
{
        bool ipv4 = !host_forwards(record, AF_INET), ipv6 = !host_forwards(record, AF_INET6);
        int r = 0;

        if (ipv4)
                r = plan_uplinks(AF_INET, "forwarding", record->links, plan, error);
        if (r < 0 || !ipv6)
                return r < 0 ? r : !ipv4;
        if (sysctl_is(IPV6_PER_LINK, "0") || sysctl_is(IPV6_PER_LINK, "1"))
                return plan_uplinks(AF_INET6, "force_forwarding", record->links, plan, error);
        return plan_ipv6_all(plan, error);
}

/* A setting that stands there already keeps its first value as the one to put back. */
static int record_plan(ForwardingRecord *record, const ForwardingRecord *plan, Error *error)
{
        for (size_t i = 0; i < plan->n_changes; i++) {
                const SettingChange *c = &plan->changes[i];

                if (!forwarding_record_find(record, c->name) &&
                    forwarding_record_add(record, c->name, c->before, c->after) < 0)
                        return error_errno(error, ENOMEM, "Failed to record forwarding");
        }
        return forwarding_record_write(record, error);
}

/* The first failure is told, the rest is done. A link that is gone is none. */
static void write_setting(const char *name, const char *value, Error *first)
{
        _cleanup_error_ Error e = ERROR_NULL;

        if (!sysctl_is(name, value) && sysctl_write(name, value, &e) < 0 && e.number != ENOENT)
                (void)error_move(first, &e);
}

int forwarding_plan(const char *link, ForwardingRecord *ret, Error *error)
{
        _cleanup_forwarding_record_ ForwardingRecord record = FORWARDING_RECORD_NULL;
        _cleanup_forwarding_record_ ForwardingRecord plan = FORWARDING_RECORD_NULL;
        _cleanup_(unlockp) int lock = -EBADF;
        int r;

        /* there are also folders of settings called "all" and "default" */
        if (if_nametoindex(link) == 0)
                return error_set(error, ENODEV, "There is no link '%s'", link);
        r = prepare_link(link, error);
        if (r < 0)
                return r;
        r = forwarding_lock(&lock, error);
        if (r >= 0)
                r = forwarding_record_read(&record, error);
        if (r < 0)
                return r;

        forwarding_record_drop_links(&record, link); /* not twice */
        if (strv_push(&record.links, link) < 0)
                return error_errno(error, ENOMEM, "Failed to record forwarding");
        r = plan_forwarding(&record, &plan, error);
        if (r < 0)
                return r;
        if (r > 0 && record.n_changes == 0)
                return 0; /* the host forwards by itself: there will be nothing to put back */
        r = record_plan(&record, &plan, error);
        if (r < 0)
                return r;
        *ret = plan;
        plan = FORWARDING_RECORD_NULL;
        return 0;
}

int forwarding_make(const ForwardingRecord *plan, Error *error)
{
        _cleanup_error_ Error e = ERROR_NULL;

        for (size_t i = 0; i < plan->n_changes; i++)
                write_setting(plan->changes[i].name, plan->changes[i].after, &e);
        return e.number == 0 ? 0 : error_move(error, &e);
}

/* Made, and not taken over. Who turned IPv4 forwarding on for all links since then has written that
 * into them, too: the same value, but not for us any more. */
static bool change_is_ours(const ForwardingRecord *record, const SettingChange *c)
{
        if (strncmp(c->name, "ipv4/", 5) == 0 && host_forwards(record, AF_INET))
                return false;
        return sysctl_is(c->name, c->after);
}

/* The last change first: a switch of all links goes back before what it has overwritten in them.
 * What is still ours must be known before the first write, for the same reason. */
static int put_back(const ForwardingRecord *record, Error *error)
{
        _cleanup_error_ Error e = ERROR_NULL;
        _cleanup_free_ bool *ours = calloc(record->n_changes + 1, sizeof(bool));

        if (!ours)
                return error_errno(error, ENOMEM, "Failed to put settings back");
        for (size_t i = 0; i < record->n_changes; i++)
                ours[i] = change_is_ours(record, &record->changes[i]);
        for (size_t i = record->n_changes; i-- > 0;)
                if (ours[i])
                        write_setting(record->changes[i].name, record->changes[i].before, &e);
        return e.number == 0 ? 0 : error_move(error, &e);
}

int forwarding_disable(const char *link, Error *error)
{
        _cleanup_forwarding_record_ ForwardingRecord record = FORWARDING_RECORD_NULL;
        _cleanup_forwarding_record_ ForwardingRecord nothing = FORWARDING_RECORD_NULL;
        _cleanup_(unlockp) int lock = -EBADF;
        int r;

        if (access(FORWARDING_FOLDER, F_OK) < 0 && errno == ENOENT)
                return 0; /* nobody ever enabled it */
        r = forwarding_lock(&lock, error);
        if (r >= 0)
                r = forwarding_record_read(&record, error);
        if (r < 0)
                return r;

        forwarding_record_drop_links(&record, link);
        if (strv_length(record.links) > 0)
                return forwarding_record_write(&record, error);
        r = put_back(&record, error);
        /* on failure it stays: the next one may put back the rest */
        return r < 0 ? r : forwarding_record_write(&nothing, error);
}

/* The link's name in "FAMILY/conf/LINK/SETTING", or NULL. */
static char *link_of(const SettingChange *c, const char *family, const char *setting)
{
        const char *start = c->name + strlen("ipv4/conf/"), *end = strrchr(c->name, '/');

        if (strncmp(c->name, family, strlen(family)) != 0 || end < start ||
            strcmp(end + 1, setting) != 0)
                return NULL;
        return strndup(start, (size_t)(end - start));
}

/* As recorded, also what is not made yet, so that it is guarded first, or was taken back by
 * somebody: then there is nothing to drop. */
int forwarding_uplinks(int family, char ***ret, Error *error)
{
        _cleanup_forwarding_record_ ForwardingRecord record = FORWARDING_RECORD_NULL;
        _cleanup_strv_ char **links = NULL;
        size_t n;
        int r = forwarding_record_read(&record, error);

        if (r < 0)
                return r;
        n = host_forwards(&record, family) ? 0 : record.n_changes;
        for (size_t i = 0; i < n; i++) {
                const SettingChange *c = &record.changes[i];
                _cleanup_free_ char *link = NULL;

                if (family == AF_INET6 && strcmp(c->name, IPV6_ALL) == 0) {
                        *ret = NULL;
                        return 1;
                }
                link = family == AF_INET ? link_of(c, "ipv4", "forwarding")
                                         : link_of(c, "ipv6", "force_forwarding");
                if (link && strv_push(&links, link) < 0)
                        return error_errno(error, ENOMEM, "Failed to list uplinks");
        }
        *ret = TAKE_PTR(links);
        return 0;
}
