/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead net check, and the one line of `stead start`. */

#include "cli/net-check.h"

#include "base/strv.h"
#include "cli/color.h"
#include "cli/table.h"
#include "machine/machine.h"
#include "machine/pod-network.h"
#include "network/check-gather.h"
#include "os/pidfd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define FOLLOW_PAUSE_MS 100

typedef struct NetReport {
        CheckFacts facts;
        CheckProblem problem;
        bool bad;
} NetReport;

static void report_done(NetReport *r)
{
        check_facts_done(&r->facts);
        check_problem_done(&r->problem);
}

static int look(const Machine *m, CheckDepth depth, NetReport *ret, Error *error)
{
        CheckSubject s = { .name = m->name,
                           .leader = m->leader,
                           .launcher = m->launcher,
                           .leader_fd = m->leader_fd };
        int r = check_gather(&s, depth, &ret->facts, &ret->problem, error);

        ret->bad = r > 0;
        return r;
}

static const char *address_text(const CheckAddress *a, char buffer[static INET6_ADDRSTRLEN])
{
        return inet_ntop(a->address.family, a->address.bytes, buffer, INET6_ADDRSTRLEN) ?: "?";
}

/* What a sound network consists of, in brackets. */
static void print_sound(const CheckFacts *f)
{
        char text[INET6_ADDRSTRLEN];

        if (f->shared) {
                printf(" (the host's network)\n");
                return;
        }
        if (!f->inside.name[0]) {
                printf(" (no links: a network of its own that leads nowhere)\n");
                return;
        }
        printf(" (%s", f->host.name[0] ? f->host.name : f->inside.name);
        for (size_t i = 0; i < f->n_addresses; i++)
                printf(", %s", address_text(&f->addresses[i], text));
        if (f->n_probes > 0)
                printf(", %zu way%s to ports", f->n_probes, f->n_probes == 1 ? "" : "s");
        printf(")\n");
}

static void print_report(const char *name, const NetReport *r)
{
        if (!r->bad) {
                printf("%s: %sfine%s", name, color_on(stdout, COLOR_GOOD),
                       color_off(stdout, COLOR_GOOD));
                print_sound(&r->facts);
        } else {
                printf("%s: %s%s%s: %s%s\n", name, color_on(stdout, COLOR_BAD),
                       check_step_to_string(r->problem.step), color_off(stdout, COLOR_BAD),
                       r->problem.text, r->problem.read ? " (read from the rules, not tried)" : "");
                if (r->problem.remedy)
                        printf("  Try: %s\n", r->problem.remedy);
        }
        STRV_FOREACH (n, r->facts.notes)
                printf("  Note: %s\n", *n);
}

static json_t *probes_to_json(const CheckFacts *f)
{
        json_t *array = json_array();

        for (size_t i = 0; i < f->n_probes; i++) {
                const CheckProbe *q = &f->probes[i];
                char text[INET6_ADDRSTRLEN];

                (void)inet_ntop(q->target.family, q->target.bytes, text, sizeof(text));
                (void)json_array_append_new(
                        array,
                        json_pack("{s:s, s:s, s:i, s:i, s:b, s:o}", "address", text, "protocol",
                                  q->protocol == IPPROTO_UDP ? "udp" : "tcp", "port", (int)q->host,
                                  "machine_port", (int)q->machine, "tried", q->asked, "error",
                                  q->asked && q->error > 0 ? json_string(strerror(q->error))
                                                           : json_null()));
        }
        return array;
}

static json_t *report_to_json(const char *name, const NetReport *r)
{
        const CheckFacts *f = &r->facts;
        json_t *addresses = json_array(), *notes = json_array();
        char text[INET6_ADDRSTRLEN];

        for (size_t i = 0; i < f->n_addresses; i++)
                (void)json_array_append_new(addresses,
                                            json_string(address_text(&f->addresses[i], text)));
        STRV_FOREACH (n, f->notes)
                (void)json_array_append_new(notes, json_string(*n));
        return json_pack("{s:s, s:b, s:s?, s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o}", "name", name,
                         "ok", !r->bad, "step",
                         r->bad ? check_step_to_string(r->problem.step) : NULL, "problem",
                         r->problem.text, "remedy", r->problem.remedy, "basis",
                         r->bad ? r->problem.read ? "read" : "measured" : NULL, "link",
                         f->host.name[0] ? f->host.name : NULL, "addresses", addresses, "ports",
                         probes_to_json(f), "notes", notes);
}

/* The first that still runs: its sockets are those of all. */
static void open_member(const char *pod, Machine **ret)
{
        _cleanup_strv_ char **members = NULL;

        if (pod_network_members(pod, &members, NULL) < 0)
                return;
        STRV_FOREACH (m, members)
                if (machine_open(*m, ret, NULL) >= 0)
                        return;
}

static int look_at_pod(const char *name, NetReport *ret, Error *error)
{
        _cleanup_free_ char *path = pod_network_path(name, "netns");
        _cleanup_machine_ Machine *member = NULL;
        _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        CheckSubject s = { .name = name, .pod = true, .leader_fd = fd };
        int r;

        if (fd < 0)
                return error_errno(error, path ? errno : ENOMEM,
                                   "Failed to open the network of pod '%s'", name);
        open_member(name, &member);
        if (member) {
                s.leader = member->leader;
                s.launcher = member->launcher;
        }
        r = check_gather(&s, CHECK_FULL, &ret->facts, &ret->problem, error);
        ret->bad = r > 0;
        return r;
}

static int check_one(const char *name, json_t *array, Error *error)
{
        _cleanup_machine_ Machine *m = NULL;
        _cleanup_(report_done)
                NetReport report = { .facts = CHECK_FACTS_NULL, .problem = CHECK_PROBLEM_NULL };
        int r = pod_network_runs(name) ? look_at_pod(name, &report, error)
                                       : machine_open(name, &m, error);

        if (m)
                r = look(m, CHECK_FULL, &report, error);
        if (r < 0)
                return r;
        if (array)
                (void)json_array_append_new(array, report_to_json(name, &report));
        else
                print_report(name, &report);
        return report.bad;
}

int net_check(char *const *names, bool json, Error *error)
{
        json_t *array = json ? json_array() : NULL;
        int r = 0, status = EXIT_SUCCESS;

        for (char *const *n = names; n && *n && r >= 0; n++) {
                r = check_one(*n, array, error);
                if (r > 0)
                        status = EXIT_FAILURE;
        }
        if (array && r >= 0)
                r = json_print_take(json_incref(array));
        json_decref(array);
        return r < 0 ? error_errno(error, -r, "Failed to check networks") : status;
}

static void print_brief(const Machine *m)
{
        _cleanup_(report_done)
                NetReport report = { .facts = CHECK_FACTS_NULL, .problem = CHECK_PROBLEM_NULL };

        if (!m->private_network || look(m, CHECK_QUICK, &report, NULL) <= 0)
                return;
        /* on a console of the launcher's nobody else moves to the first column */
        fprintf(stderr, "%s: no network: %s (stead net check %s)%s\n", m->name, report.problem.text,
                m->name, isatty(STDERR_FILENO) ? "\r" : "");
}

void net_check_brief(const char *name)
{
        _cleanup_machine_ Machine *m = NULL;

        if (machine_open(name, &m, NULL) >= 0)
                print_brief(m);
}

/* 1: it is told, 0: the machine is not up yet. */
static int try_launcher(pid_t launcher)
{
        Machine **list = NULL;
        size_t n = 0;
        int done = 0;

        if (machine_list(&list, &n, NULL) < 0)
                return 1; /* not for whoever this is */
        for (size_t i = 0; i < n && !done; i++) {
                done = list[i]->launcher == launcher && list[i]->state == MACHINE_RUNNING;
                if (done)
                        print_brief(list[i]);
        }
        machine_list_free(list, n);
        return done;
}

static _noreturn_ void follow(pid_t launcher)
{
        _cleanup_close_ int fd = pidfd_open_process(launcher);

        (void)close(STDIN_FILENO);
        (void)close(STDOUT_FILENO);
        while (fd >= 0 && pidfd_wait_end(fd, FOLLOW_PAUSE_MS) == 0 && !try_launcher(launcher))
                ;
        _exit(EXIT_SUCCESS);
}

void net_check_later(void)
{
        pid_t launcher = getpid(), pid = fork();

        if (pid == 0) {
                /* no child of the launcher's, who would not know it */
                if (fork() == 0)
                        follow(launcher);
                _exit(EXIT_SUCCESS);
        }
        if (pid > 0)
                (void)waitpid(pid, NULL, 0); /* it has nothing to tell */
}
