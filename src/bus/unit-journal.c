/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run of a unit is one main process, whose number is on each of its lines. */

#include "bus/unit-journal.h"

#include "base/cleanup.h"
#include "base/strv.h"
#include "bus/systemd.h"
#include "bus/unit-control.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

static void journal_closep(sd_journal **j)
{
        if (*j)
                sd_journal_close(*j);
}

/* The process of the unit's present or last run; 0 if it has never run. */
static int main_process(sd_bus *bus, const char *unit, uint32_t *ret, Error *error)
{
        _cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        int r = systemd_unit_path(bus, unit, &path, error);

        if (r < 0)
                return r;
        r = sd_bus_get_property_trivial(bus, SYSTEMD_NAME, path, unit_interface(unit),
                                        "ExecMainPID", &e, 'u', ret);
        return r < 0 ? bus_error_set(error, &e, r, "Failed to read the process of %s", unit) : 0;
}

/* Not by _SYSTEMD_INVOCATION_ID: journald finds no such thing about a process that has ended by the
 * time its lines are read, as those do that are looked for here. */
static int add_matches(sd_journal *j, const char *unit, const char *identifier, uint32_t pid)
{
        _cleanup_strv_ char **matches = NULL;
        sd_id128_t boot;
        int r = sd_id128_get_boot(&boot);

        if (r >= 0)
                r = strv_pushf(&matches, "_BOOT_ID=" SD_ID128_FORMAT_STR,
                               SD_ID128_FORMAT_VAL(boot));
        if (r >= 0)
                r = strv_pushf(&matches, "_SYSTEMD_UNIT=%s", unit);
        if (r >= 0)
                r = strv_pushf(&matches, "_PID=%u", pid);
        if (r >= 0)
                r = strv_pushf(&matches, "SYSLOG_IDENTIFIER=%s", identifier);
        for (size_t i = 0; r >= 0 && matches[i]; i++)
                r = sd_journal_add_match(j, matches[i], 0);
        return r;
}

static int take_line(sd_journal *j, char ***lines)
{
        static const char field[] = "MESSAGE=";
        const void *data;
        size_t size;
        int r = sd_journal_get_data(j, "MESSAGE", &data, &size);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        size -= MIN_OF(size, strlen(field));
        return strv_pushf(lines, "%.*s", (int)size, (const char *)data + strlen(field));
}

static int read_lines(sd_journal *j, size_t limit, char ***ret)
{
        _cleanup_strv_ char **lines = NULL;
        int r = sd_journal_seek_tail(j);

        if (r >= 0)
                r = sd_journal_previous_skip(j, limit);
        while (r > 0) {
                r = take_line(j, &lines);
                if (r >= 0)
                        r = sd_journal_next(j);
        }
        if (r >= 0)
                *ret = TAKE_PTR(lines);
        return r < 0 ? r : 0;
}

int unit_journal_lines(sd_bus *bus, const char *unit, const char *identifier, size_t limit,
                       uint64_t patience_usec, char ***ret, Error *error)
{
        _cleanup_(journal_closep) sd_journal *j = NULL;
        uint64_t since = clock_now_usec();
        uint32_t pid = 0;
        int r = main_process(bus, unit, &pid, error);

        *ret = NULL;
        if (r < 0 || pid == 0)
                return r;
        r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = add_matches(j, unit, identifier, pid);
        while (r >= 0) {
                uint64_t passed = clock_now_usec() - since;

                r = read_lines(j, limit, ret);
                if (r < 0 || *ret || passed >= patience_usec)
                        break;
                r = sd_journal_wait(j, patience_usec - passed);
        }
        return r < 0 ? error_errno(error, -r, "Failed to read the journal of %s", unit) : 0;
}
