/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead pod: networks that machines share. */

#include "base/strv.h"
#include "cli/arguments.h"
#include "cli/life-systemd.h"
#include "cli/pod-exec.h"
#include "cli/pod-watch.h"
#include "cli/table.h"
#include "machine/pod-network.h"

#include <arpa/inet.h>
#include <string.h>

static const Flag flags[] = {
        { "force", 'f', NULL, "With stop: also while machines run in it" },
        { "lazy", 'l', NULL, "With stop: as soon as no machine runs in it any more" },
        { "json", 0, NULL, "With list and status: print JSON" },
};

static const Column columns[] = {
        { "NAME", "name", false },           { "STATE", "state", false },
        { "ADDRESSES", "addresses", false }, { "MEMBERS", "members", false },
        { "HEALTH", "health", false },       { NULL, "kept", false },
        { NULL, "addressing", false },
};

static json_t *array_of(char *const *words)
{
        json_t *array = json_array();

        for (char *const *w = words; w && *w; w++)
                (void)json_array_append_new(array, json_string(*w));
        return array;
}

static int addresses_of(const PodNetwork *p, char ***ret)
{
        char text[INET6_ADDRSTRLEN];

        for (size_t i = 0; i < p->network.addresses.n; i++) {
                const IpAddress *a = &p->network.addresses.items[i].address;

                (void)inet_ntop(a->family, a->bytes, text, sizeof(text));
                if (strv_push(ret, text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* One that was stopped since it was listed is shown as what it is now. */
static int add_row(Table *t, const char *name, Error *error)
{
        _cleanup_pod_network_ PodNetwork *p = NULL;
        _cleanup_strv_ char **members = NULL, **addresses = NULL;
        _cleanup_free_ char *member_text = NULL, *address_text = NULL;
        PodHealth health;
        int r = pod_network_runs(name) ? pod_network_open(name, &p, error) : 0;

        if (r >= 0 && p)
                r = pod_network_members(name, &members, error);
        if (r < 0)
                return r;
        if (p && addresses_of(p, &addresses) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        health = p ? pod_network_health(p) : POD_HEALTH_NONE;
        address_text = addresses ? strv_join(addresses, " ") : NULL;
        member_text = members ? strv_join(members, " ") : NULL;
        table_add(t, name, NULL);
        table_add_color(t, p ? "running" : "off", p ? COLOR_GOOD : COLOR_FAINT);
        table_add(t, address_text, array_of(addresses));
        table_add(t, member_text, array_of(members));
        table_add(t, health == POD_HEALTH_NONE ? NULL : pod_health_to_string(health), NULL);
        table_add(t, NULL, json_boolean(p && pod_network_is_kept(name)));
        table_add(t, p ? network_addressing_to_string(p->network.addressing) : NULL, NULL);
        return 0;
}

/* Those that run and those that are defined. */
static int names_of_pods(char ***ret, Error *error)
{
        _cleanup_strv_ char **defined = NULL, **names = NULL;
        int r = pod_network_list(&names, error);

        if (r < 0)
                return r;
        if (definition_list_pods("", &defined) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        STRV_FOREACH (d, defined)
                if (!strv_contains(names, *d) && strv_push(&names, *d) < 0)
                        return error_set(error, ENOMEM, "Out of memory");
        *ret = TAKE_PTR(names);
        return 0;
}

static int do_list(const Arguments *a, Error *error)
{
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_strv_ char **names = NULL;
        int r = names_of_pods(&names, error);

        STRV_FOREACH (n, names)
                r = r < 0 ? r : add_row(t, *n, error);
        if (r < 0)
                return r;
        return table_print(t, arguments_has(a, "json")) < 0
                       ? error_set(error, ENOMEM, "Out of memory")
                       : EXIT_SUCCESS;
}

static int do_status(const Arguments *a, Error *error)
{
        _cleanup_table_ Table *t = table_new(columns, ELEMENTSOF(columns));
        _cleanup_strv_ char **names = NULL;
        const char *name = a->words[1];
        bool runs = pod_network_runs(name);
        int r = names_of_pods(&names, error);

        if (r >= 0 && !strv_contains(names, name)) {
                error_set(error, ENOENT, "There is no pod '%s'", name);
                error_hint(error, "stead pod list");
                return -ENOENT;
        }
        if (r >= 0)
                r = add_row(t, name, error);
        if (r < 0)
                return r;
        r = table_print(t, arguments_has(a, "json"));
        if (r < 0)
                return error_set(error, ENOMEM, "Out of memory");
        return runs ? EXIT_SUCCESS : 3; /* as systemctl status */
}

static int do_start(const Arguments *a, Error *error)
{
        int r;

        pod_network_sweep();
        r = pod_network_start(a->words[1], true, error);
        return r < 0 ? r : EXIT_SUCCESS;
}

/* Else its unit stays active, and systemctl start would do nothing. */
static void tell_systemd(const char *name)
{
        _cleanup_life_manager_ LifeManager *manager = NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        if (life_manager_open(&manager) > 0 && life_manager_forget_pod(manager, name, &error) < 0)
                error_print(&error); /* the pod is stopped */
}

static int do_stop(const Arguments *a, Error *error)
{
        PodStop how = arguments_has(a, "force")  ? POD_STOP_FORCE
                      : arguments_has(a, "lazy") ? POD_STOP_LAZY
                                                 : POD_STOP_UNUSED;
        const char *name = a->words[1];
        int r = pod_network_stop(name, how, error);

        if (r < 0)
                return r;
        if (!pod_network_runs(name)) /* lazily: with the last member */
                tell_systemd(name);
        return EXIT_SUCCESS;
}

static int do_watch(const Arguments *a, Error *error)
{
        _cleanup_pod_network_ PodNetwork *p = NULL;
        int r = pod_network_open(a->words[1], &p, error);

        if (r >= 0 && !p->definition->health.command &&
            p->definition->settings->service_addresses.n == 0)
                r = error_set(error, EINVAL,
                              "Pod '%s' has neither a check in [Health] nor a service address",
                              a->words[1]);
        if (r >= 0)
                r = pod_watch(p, error);
        return r < 0 ? r : EXIT_SUCCESS;
}

static int do_exec(const Arguments *a, Error *error)
{
        if (!a->command)
                return arguments_usage(a->verb, error, "'pod exec' needs a command");
        return pod_exec(a->words[1], a->command);
}

static int run(const Arguments *a, Error *error)
{
        static const struct {
                const char *word;
                size_t words;
                int (*run)(const Arguments *a, Error *error);
        } actions[] = {
                { "list", 1, do_list }, { "status", 2, do_status }, { "start", 2, do_start },
                { "stop", 2, do_stop }, { "watch", 2, do_watch },   { "exec", 2, do_exec },
        };

        for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
                if (strcmp(a->words[0], actions[i].word) != 0)
                        continue;
                if (strv_length(a->words) != actions[i].words)
                        return arguments_usage(a->verb, error, "'pod %s' needs %s", a->words[0],
                                               actions[i].words == 1 ? "nothing else" : "a pod");
                if (a->command && actions[i].run != do_exec)
                        return arguments_usage(a->verb, error, "Too many words for 'pod %s': '%s'",
                                               a->words[0], a->command[0]);
                return actions[i].run(a, error);
        }
        return arguments_usage(a->verb, error, "Unknown word '%s' after 'pod': %s", a->words[0],
                               a->verb->operands);
}

const Verb verb_pod = {
        .name = "pod",
        .operands = "list|status|start|stop|watch|exec [POD [CMD...]]",
        .help = "Look after networks that machines share",
        .text = "A pod that was started here stays until it is stopped; one that a machine brought "
                "up goes\n"
                "with its last member. `stop` is refused while machines run in it. `watch` runs "
                "the check of\n"
                "[Health] until it is ended. `exec` runs a program of the host in the network of "
                "the pod,\n"
                "as does `stead exec pod:POD`.",
        .group = VERB_GROUP_LIFE,
        .operand_kind = OPERAND_NONE,
        .flags = flags,
        .n_flags = ELEMENTSOF(flags),
        .minimum = 1,
        .maximum = 2,
        .command_after = 2,
        .run = run,
};
