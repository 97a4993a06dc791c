/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Showing a plan: the same facts as aligned text or as JSON, walked once. */

#include "boot/plan-parts.h"

#include "base/json.h"
#include "base/strv.h"
#include "config/option-parse.h"

#include <inttypes.h>
#include <string.h>

typedef struct Printer {
        FILE *f;
        bool json, first;
} Printer;

static void print_json_string(FILE *f, const char *s)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;

        json_write_string(&text, s);
        fputs(buffer_error(&text) < 0 ? "\"\"" : text.data, f);
}

static void print_key(Printer *p, const char *key)
{
        if (p->json)
                fprintf(p->f, "%s\n  \"%s\": ", p->first ? "" : ",", key);
        else
                fprintf(p->f, "%20s: ", key);
        p->first = false;
}

static void print_string(Printer *p, const char *key, const char *value)
{
        if (!value)
                return;
        print_key(p, key);
        if (p->json)
                print_json_string(p->f, value);
        else
                fprintf(p->f, "%s\n", value);
}

static void print_boolean(Printer *p, const char *key, bool value)
{
        print_key(p, key);
        fprintf(p->f, p->json ? "%s" : "%s\n",
                p->json ? (value ? "true" : "false") : (value ? "yes" : "no"));
}

static void print_number(Printer *p, const char *key, int64_t value)
{
        print_key(p, key);
        fprintf(p->f, p->json ? "%" PRId64 : "%" PRId64 "\n", value);
}

static void print_list(Printer *p, const char *key, char *const *values)
{
        if (!values)
                return;
        print_key(p, key);
        if (p->json)
                fputc('[', p->f);
        for (size_t i = 0; values[i]; i++) {
                if (p->json) {
                        fputs(i ? ", " : "", p->f);
                        print_json_string(p->f, values[i]);
                } else {
                        fprintf(p->f, "%*s%s\n", i ? 22 : 0, "", values[i]);
                }
        }
        if (p->json)
                fputc(']', p->f);
}

static int mount_line(const MountSetting *m, char ***ret)
{
        _cleanup_free_ char *sources = strv_join(m->sources, ":");
        _cleanup_buffer_ Buffer owners = BUFFER_NULL;

        if (m->kind == MOUNT_BIND)
                buffer_printf(&owners, " %s", bind_idmap_to_string(m->idmap));
        bind_maps_format(&m->users, &m->groups, &owners);
        if (!sources || buffer_error(&owners) < 0)
                return -ENOMEM;
        return strv_pushf(ret, "%s %s%s%s%s%s (%s)", mount_kind_to_string(m->kind), sources,
                          *sources ? " -> " : "", m->destination, m->read_only ? " read-only" : "",
                          owners.data ?: "", m->origin ?: "definition");
}

static int mount_lines(const BootPlan *plan, char ***ret)
{
        int r = plan->root_mount ? mount_line(plan->root_mount, ret) : 0;

        for (size_t i = 0; r >= 0 && i < plan->n_mounts; i++)
                r = mount_line(&plan->mounts[i], ret);
        return r;
}

static int bind_user_lines(const BootPlan *plan, char ***ret)
{
        for (size_t i = 0; i < plan->n_bind_users; i++) {
                const BindUser *u = &plan->bind_users[i];
                int r = strv_pushf(ret, "%s (%u:%u) -> %u, %s", u->name, u->host_uid, u->host_gid,
                                   u->id, u->home);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int limit_lines(const BootPlan *plan, char ***ret)
{
        for (int i = 0; i < RLIM_NLIMITS; i++) {
                const struct rlimit *l = &plan->rlimits[i];
                char soft[24] = "infinity", hard[24] = "infinity";
                int r;

                if (l->rlim_cur != RLIM_INFINITY)
                        (void)snprintf(soft, sizeof(soft), "%" PRIu64, (uint64_t)l->rlim_cur);
                if (l->rlim_max != RLIM_INFINITY)
                        (void)snprintf(hard, sizeof(hard), "%" PRIu64, (uint64_t)l->rlim_max);
                r = strv_pushf(ret, "%d %s:%s", i, soft, hard);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void print_identity(Printer *p, const BootPlan *plan)
{
        char uuid[37];

        print_string(p, "machine", plan->machine);
        print_string(p, "hostname", plan->hostname);
        print_string(p, "uuid", id128_to_uuid(&plan->uuid, uuid));
        print_string(p, plan->disk ? "image" : "directory", plan->directory);
        print_list(p, "layers", plan->layers);
        if (plan->layers)
                print_number(p, "generation", plan->generation);
        print_string(p, "pivot-root", plan->pivot_root_new);
        print_string(p, "old-root", plan->pivot_root_old);
        print_boolean(p, "read-only", plan->read_only);
        print_boolean(p, "ephemeral", plan->ephemeral);
        print_string(p, "volatile", volatile_mode_to_string(plan->volatile_mode));
        print_string(p, "start",
                     plan->start == START_INIT   ? "init"
                     : plan->start == START_STUB ? "stub"
                                                 : "command");
        print_string(p, "init", init_kind_to_string(plan->init));
        print_list(p, "command", plan->argv);
        print_string(p, "architecture", plan->architecture);
        print_string(p, "emulator", plan->emulator);
        if (plan->personality != PERSONALITY_INVALID)
                print_string(p, "personality", option_personality_name(plan->personality));
        print_string(p, "user", plan->user);
        print_string(p, "working-directory", plan->working_directory);
        print_list(p, "environment", plan->environment);
}

static void print_isolation(Printer *p, const BootPlan *plan)
{
        _cleanup_free_ char *capabilities = NULL;

        /* as a setting it is a number, which has no name */
        print_string(p, "user-namespace",
                     plan->user_namespace == USER_NAMESPACE_FIXED
                             ? "fixed"
                             : user_namespace_mode_to_string(plan->user_namespace));
        if (plan->user_namespace == USER_NAMESPACE_FIXED ||
            plan->user_namespace == USER_NAMESPACE_TREE)
                print_number(p, "user-base", plan->user_base);
        if (boot_plan_has_user_namespace(plan))
                print_number(p, "user-size", plan->user_size);
        print_string(p, "ownership", ownership_to_string(plan->ownership));
        print_boolean(p, "private-network", plan->private_network);
        print_string(p, "pod", plan->pod);
        print_string(p, "network-namespace", plan->network_namespace_path);
        print_boolean(p, "nesting", plan->nesting);
        if (capability_set_to_string(plan->bounding, &capabilities) >= 0)
                print_string(p, "capabilities", capabilities);
        print_boolean(p, "no-new-privileges", plan->no_new_privileges);
        print_list(p, "system-calls-added", plan->system_calls_allowed);
        print_list(p, "system-calls-denied", plan->system_calls_denied);
}

static void print_network(Printer *p, const NetworkPlan *plan, const PlanNetworkLines *lines)
{
        print_list(p, "links", lines->links);
        print_list(p, "addresses", lines->addresses);
        print_list(p, "gateways", lines->gateways);
        print_list(p, "dns", lines->dns);
        if (plan->mtu > 0)
                print_number(p, "mtu", plan->mtu);
        print_list(p, "ports", lines->ports);
}

static void print_life(Printer *p, const BootPlan *plan)
{
        char name[24];

        print_string(p, "console", console_mode_to_string(plan->console));
        print_boolean(p, "notify-ready", plan->notify_ready);
        print_boolean(p, "keep-unit", plan->keep_unit);
        print_string(p, "slice", plan->slice);
        print_list(p, "unit-properties", plan->unit_properties);
        print_string(p, "register", register_mode_to_string(plan->register_mode));
        print_string(p, "stop-method", stop_method_to_string(plan->stop_method));
        if (plan->stop_signal)
                print_string(p, "stop-signal",
                             signal_to_string(plan->stop_signal, name, sizeof(name)));
        print_number(p, "stop-timeout-seconds",
                     plan->stop_timeout_usec == USEC_INFINITY
                             ? -1
                             : (int64_t)(plan->stop_timeout_usec / USEC_PER_SEC));
        print_string(p, "resolv-conf", resolv_conf_to_string(plan->resolv_conf));
        print_string(p, "timezone", timezone_to_string(plan->timezone));
        print_string(p, "link-journal", link_journal_to_string(plan->link_journal));
        print_number(p, "passed-sockets", plan->n_listen);
}

int boot_plan_print(const BootPlan *plan, bool json, FILE *f)
{
        _cleanup_strv_ char **mounts = NULL, **limits = NULL, **credentials = NULL;
        _cleanup_(plan_network_lines_done) PlanNetworkLines network = {};
        _cleanup_strv_ char **bind_users = NULL;
        Printer p = { .f = f, .json = json, .first = true };
        int r = mount_lines(plan, &mounts);

        if (r >= 0)
                r = limit_lines(plan, &limits);
        if (r >= 0)
                r = bind_user_lines(plan, &bind_users);
        if (r >= 0)
                r = plan_network_lines(&plan->network, &network);
        for (size_t i = 0; r >= 0 && i < plan->n_credentials; i++)
                r = strv_push(&credentials, plan->credentials[i].id); /* never their values */
        if (r < 0)
                return r;
        if (json)
                fputc('{', f);
        print_identity(&p, plan);
        print_isolation(&p, plan);
        print_network(&p, &plan->network, &network);
        print_life(&p, plan);
        print_list(&p, "mounts", mounts);
        print_list(&p, "bind-users", bind_users);
        print_list(&p, "limits", limits);
        print_list(&p, "resources", plan->resources);
        print_list(&p, "credentials", credentials);
        if (json)
                fputs("\n}\n", f);
        return fflush(f) != 0 ? -errno : 0;
}
