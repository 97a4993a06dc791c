/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of the enumerations, and how Settings are born and die. The parsers of single values
 * are in option-parse.c; what excludes what is in settings-check.c. */

#include "config/settings.h"

#include "base/strv.h"

#include <string.h>

#define USERS_PER_MACHINE 65536 /* one machine's range: all 16-bit ids */

DEFINE_STRING_TABLE(volatile_mode, VolatileMode, [VOLATILE_NO] = "no", [VOLATILE_YES] = "yes",
                    [VOLATILE_STATE] = "state", [VOLATILE_OVERLAY] = "overlay");

/* "fixed" and the default have no word of their own: a base is written as a number */
DEFINE_STRING_TABLE(user_namespace_mode,
                    UserNamespaceMode, [USER_NAMESPACE_NO] = "no", [USER_NAMESPACE_TREE] = "yes",
                    [USER_NAMESPACE_PICK] = "pick", [USER_NAMESPACE_IDENTITY] = "identity");

DEFINE_STRING_TABLE(ownership, Ownership, [OWNERSHIP_AUTO] = "auto", [OWNERSHIP_OFF] = "off",
                    [OWNERSHIP_CHOWN] = "chown", [OWNERSHIP_MAP] = "map");

DEFINE_STRING_TABLE(
        console_mode,
        ConsoleMode, [CONSOLE_INTERACTIVE] = "interactive", [CONSOLE_READ_ONLY] = "read-only",
        [CONSOLE_PASSIVE] = "passive", [CONSOLE_PIPE] = "pipe", [CONSOLE_AUTOPIPE] = "autopipe");

DEFINE_STRING_TABLE(
        resolv_conf, ResolvConf, [RESOLV_CONF_AUTO] = "auto", [RESOLV_CONF_OFF] = "off",
        [RESOLV_CONF_COPY_HOST] = "copy-host", [RESOLV_CONF_COPY_STATIC] = "copy-static",
        [RESOLV_CONF_COPY_UPLINK] = "copy-uplink", [RESOLV_CONF_COPY_STUB] = "copy-stub",
        [RESOLV_CONF_REPLACE_HOST] = "replace-host",
        [RESOLV_CONF_REPLACE_STATIC] = "replace-static",
        [RESOLV_CONF_REPLACE_UPLINK] = "replace-uplink",
        [RESOLV_CONF_REPLACE_STUB] = "replace-stub", [RESOLV_CONF_BIND_HOST] = "bind-host",
        [RESOLV_CONF_BIND_STATIC] = "bind-static", [RESOLV_CONF_BIND_UPLINK] = "bind-uplink",
        [RESOLV_CONF_BIND_STUB] = "bind-stub", [RESOLV_CONF_DELETE] = "delete");

DEFINE_STRING_TABLE(
        timezone,
        Timezone, [TIMEZONE_AUTO] = "auto", [TIMEZONE_OFF] = "off", [TIMEZONE_COPY] = "copy",
        [TIMEZONE_BIND] = "bind", [TIMEZONE_SYMLINK] = "symlink", [TIMEZONE_DELETE] = "delete");

DEFINE_STRING_TABLE(link_journal,
                    LinkJournal, [LINK_JOURNAL_AUTO] = "auto", [LINK_JOURNAL_NO] = "no",
                    [LINK_JOURNAL_HOST] = "host", [LINK_JOURNAL_GUEST] = "guest",
                    [LINK_JOURNAL_TRY_HOST] = "try-host", [LINK_JOURNAL_TRY_GUEST] = "try-guest");

DEFINE_STRING_TABLE(settings_mode, SettingsMode, [SETTINGS_YES] = "yes", [SETTINGS_NO] = "no",
                    [SETTINGS_OVERRIDE] = "override", [SETTINGS_TRUSTED] = "trusted");

DEFINE_STRING_TABLE(
        register_mode,
        RegisterMode, [REGISTER_TRY] = "try", [REGISTER_NO] = "no", [REGISTER_YES] = "yes");

DEFINE_STRING_TABLE(stop_method, StopMethod, [STOP_AUTO] = "auto", [STOP_SIGNAL] = "signal",
                    [STOP_INITCTL] = "initctl", [STOP_COMMAND] = "command");

DEFINE_STRING_TABLE(mount_kind, MountKind, [MOUNT_BIND] = "bind", [MOUNT_TMPFS] = "tmpfs",
                    [MOUNT_OVERLAY] = "overlay", [MOUNT_INACCESSIBLE] = "inaccessible");

DEFINE_STRING_TABLE(bind_idmap, BindIdmap, [BIND_NOIDMAP] = "noidmap", [BIND_IDMAP] = "idmap",
                    [BIND_ROOTIDMAP] = "rootidmap", [BIND_OWNERIDMAP] = "owneridmap");

int settings_new(Settings **ret)
{
        Settings *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->check_os_release = true;
        s->tmpfs_tmp = true;
        s->stop_timeout_usec = 90 * USEC_PER_SEC; /* systemd's DefaultTimeoutStopSec= */
        s->user_size = USERS_PER_MACHINE;
        s->personality = PERSONALITY_INVALID;
        *ret = s;
        return 0;
}

MountSetting *mount_setting_done(MountSetting *m)
{
        if (!m)
                return NULL;
        m->sources = strv_free(m->sources);
        free(m->destination);
        bind_map_done(&m->users);
        bind_map_done(&m->groups);
        free(m->options);
        free(m->origin);
        *m = (MountSetting){};
        return NULL;
}

CredentialSetting *credential_setting_done(CredentialSetting *c)
{
        if (!c)
                return NULL;
        free(c->id);
        if (c->data)
                explicit_bzero(c->data, c->size);
        free(c->data);
        free(c->path);
        *c = (CredentialSetting){};
        return NULL;
}

static void network_done(Settings *s)
{
        free(s->network_namespace_path);
        free(s->pod);
        free(s->network_bridge);
        free(s->network_zone);
        link_pairs_done(&s->network_veth_extra);
        link_pairs_done(&s->network_interfaces);
        link_pairs_done(&s->network_macvlan);
        link_pairs_done(&s->network_ipvlan);
        address_settings_done(&s->network_addresses);
        address_settings_done(&s->network_dns);
        address_settings_done(&s->service_addresses);
        port_settings_done(&s->ports);
}

Settings *settings_free(Settings *s)
{
        if (!s)
                return NULL;
        free(s->directory);
        free(s->template_path);
        free(s->machine);
        strv_free(s->layers);
        free(s->image);
        free(s->image_policy);
        free(s->root_hash);
        free(s->verity_data);
        free(s->try_of);
        free(s->pivot_root);
        strv_free(s->parameters);
        strv_free(s->environment);
        free(s->user);
        free(s->working_directory);
        free(s->hostname);
        free(s->container_service);
        free(s->slice);
        strv_free(s->unit_properties);
        network_done(s);
        strv_free(s->system_call_filter);
        strv_free(s->resources);
        free(s->selinux_context);
        free(s->selinux_apifs_context);
        for (size_t i = 0; i < s->n_mounts; i++)
                mount_setting_done(&s->mounts[i]);
        free(s->mounts);
        strv_free(s->bind_users);
        for (size_t i = 0; i < s->n_credentials; i++)
                credential_setting_done(&s->credentials[i]);
        free(s->credentials);
        free(s->dry_run);
        free(s);
        return NULL;
}
