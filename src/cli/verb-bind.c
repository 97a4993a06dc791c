/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead bind: shows a file or directory of the host in a running machine, or lists what is shown.
 */

#include "base/strv.h"
#include "bus/unit-set.h"
#include "cli/arguments.h"
#include "cli/names.h"
#include "cli/table.h"
#include "machine/device-rules.h"
#include "machine/live-mount.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const Flag flags[] = {
        { "read-only", 'r', NULL, "Nothing in the machine can write to it" },
        { "mkdir", 0, NULL, "Make the mount point if there is none" },
        { "json", 0, NULL, "Without SRC: print the mounts as JSON" },
};

static int print_list(const Machine *m, bool json, Error *error)
{
        static const Column columns[] = {
                { "DESTINATION", "destination", false },
                { "SOURCE", "source", false },
                { "MODE", "mode", false },
                { "OPTIONS", "options", false },
        };
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        LiveMount *list = NULL;
        size_t n = 0;
        int r = live_mount_list(m, &list, &n, error);

        for (size_t i = 0; i < n; i++) {
                table_add(t, list[i].destination, NULL);
                table_add(t, list[i].source, NULL);
                table_add(t, list[i].read_only ? "ro" : "rw", NULL);
                table_add(t, list[i].options, NULL);
        }
        live_mount_list_free(list, n);
        if (r >= 0)
                r = table_print(t, json);
        return r < 0 ? error_errno(error, -r, "Failed to list mounts") : EXIT_SUCCESS;
}

/* An absolute path without symlinks: it is looked up again in another mount namespace. */
static int find_source(const char *word, char **ret, Error *error)
{
        char *real = realpath(word, NULL);

        if (!real) {
                error_hint(error, "ls -ld %s", word);
                return error_errno(error, errno, "Cannot use '%s'", word);
        }
        *ret = real;
        return 0;
}

static int allow_in_unit(const Machine *m, const char *device, bool read_only, Error *error)
{
        _cleanup_strv_ char **property = NULL;
        _cleanup_bus_ sd_bus *bus = NULL;
        bool private;
        int r;

        if (strv_pushf(&property, "DeviceAllow=%s %s", device, read_only ? "r" : "rw") < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = bus_open_manager(&bus, &private, error);
        return r < 0 ? r : unit_set_properties(bus, m->unit, property, true, error);
}

/* systemd guards the devices of its units and can be asked; elsewhere there is a policy of ours.
 * What neither of them forbids is forbidden further up. */
static int allow_device(const Machine *m, const char *device, bool read_only, Error *error)
{
        _cleanup_error_ Error e = ERROR_NULL;
        int r = m->unit ? allow_in_unit(m, device, read_only, error) : 0;

        if (r < 0)
                return r;
        r = device_rules_allow(m, device, read_only, &e);
        if (r < 0 && r != -ENOENT)
                return error_move(error, &e);
        r = live_mount_device_allowed(m, device, read_only, error);
        if (r != 0)
                return r;
        return error_set(error, EPERM,
                         "'%s' cannot be allowed in machine '%s': a device policy that is not the "
                         "machine's forbids it",
                         device, m->name);
}

static int check_device(const Machine *m, const char *source, bool read_only, Error *error)
{
        struct stat st;
        int r;

        if (stat(source, &st) < 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)))
                return 0;
        r = live_mount_device_allowed(m, source, read_only, error);
        return r == 0 ? allow_device(m, source, read_only, error) : r;
}

/* Not an error: a directory that is open to everybody is of use all the same. */
static void say_nobody(const Machine *m, const MountSetting *setting)
{
        struct stat st;

        if (m->uid_size == 0 || setting->idmap != BIND_NOIDMAP ||
            setting->users.n + setting->groups.n > 0 || stat(setting->sources[0], &st) < 0 ||
            !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) || st.st_uid - m->uid_base < m->uid_size)
                return;
        fprintf(stderr,
                "Owners are shown as nobody in machine '%s'; %s:idmap shows them one to one.\n",
                m->name, setting->destination);
}

static int bind_one(const Machine *m, const Arguments *a, Error *error)
{
        bool read_only = arguments_has(a, "read-only");
        _cleanup_(mount_setting_donep) MountSetting setting = {};
        _cleanup_free_ char *source = NULL;
        int r = find_source(a->words[1], &source, error);

        if (r >= 0)
                r = mount_setting_bind(source, a->words[2], read_only, &setting, error);
        if (r == -EINVAL || r == -ERANGE || r == -E2BIG) {
                error_hint(error, "stead bind --help");
                return VERB_USAGE;
        }
        if (r >= 0)
                r = check_device(m, source, read_only, error);
        if (r >= 0)
                r = live_mount_attach(m, &setting, arguments_has(a, "mkdir"), error);
        if (r < 0)
                return r;
        say_nobody(m, &setting);
        return EXIT_SUCCESS;
}

static int run(const Arguments *a, Error *error)
{
        _cleanup_machine_ Machine *m = NULL;
        const char *name = a->words[0];
        int r = names_check(NAMES_RUNNING, name, error);

        if (r >= 0)
                r = machine_open(name, &m, error);
        if (r < 0)
                return r;
        if (!a->words[1])
                return print_list(m, arguments_has(a, "json"), error);
        return bind_one(m, a, error);
}

const Verb verb_bind = {
        .name = "bind",
        .operands = "NAME [SRC [DST[:OPTS]]]",
        .help = "Show a file or directory of the host in a running machine",
        .text = "DST is SRC unless it is given. OPTS are those of Bind= (see stead.machine(5)): "
                "idmap,\n"
                "rootidmap, owneridmap, map=1000:33, norbind... The mount lasts until the machine "
                "ends or is\n"
                "rebooted. Without SRC, what has been bound so is listed.",
        .group = VERB_GROUP_INSIDE,
        .operand_kind = OPERAND_BIND,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 3,
        .command_after = NO_COMMAND,
        .run = run,
};
