/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A filter in front of all objects. A call that polkit has to decide on is kept; when the answer
 * comes, it is put back into the queue and passes the filter as the same message. */

#include "service/access.h"

#include "base/strv.h"
#include "config/definition.h"
#include "service/access-rules.h"
#include "service/definition-mode.h"
#include "service/job.h"
#include "service/names.h"
#include "service/process.h"
#include "service/reply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Calls are kept while polkit thinks; nothing that makes sense is larger. */
#define CALL_SIZE_MAX (256 * 1024)

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_ALLOW_USER_INTERACTION 1U

/* One call that polkit is asked about. */
typedef struct Question {
        Access *access;
        sd_bus_message *call;
        uid_t uid;
        AccessAction action;
        bool interactive;
        bool allowed; /* polkit has said yes, the call is in the queue again */
        char *id;     /* by which the question is taken back */
        sd_bus_slot *slot;
        sd_bus_track *caller; /* whose leaving ends the question */
} Question;

struct Access {
        Service *service;
        sd_bus_slot *filter;
        Question **questions;
        size_t n;
        uint64_t last_id;
};

/* What a call is about. */
typedef struct Subject {
        AccessAction action;
        const char *verb;
        char *machine; /* NULL: none, or several */
} Subject;

static void subject_done(Subject *s)
{
        free(s->machine);
}

static Question *question_free(Question *q)
{
        if (!q)
                return NULL;
        sd_bus_slot_unref(q->slot);
        sd_bus_track_unref(q->caller);
        sd_bus_message_unref(q->call);
        free(q->id);
        free(q);
        return NULL;
}
DEFINE_CLEANUP(Question, question_free)

static void question_remove(Question *q)
{
        Access *a = q->access;

        quota_give_back(&a->service->quota, q->uid, QUOTA_AUTHORIZATION);
        for (size_t i = 0; i < a->n; i++)
                if (a->questions[i] == q)
                        a->questions[i] = a->questions[--a->n];
        question_free(q);
}

Access *access_free(Access *a)
{
        if (!a)
                return NULL;
        sd_bus_slot_unref(a->filter);
        for (size_t i = 0; i < a->n; i++)
                question_free(a->questions[i]);
        free(a->questions);
        free(a);
        return NULL;
}

/* Refusals return 1, "handled", whatever the reply returns: that is 0 for a call that wants no
 * answer, and 0 lets a call pass. */
static int deny(sd_bus_message *call, AccessAction action, const char *why)
{
        (void)sd_bus_reply_method_errorf(call, SD_BUS_ERROR_ACCESS_DENIED, "%s: %s needs %s", why,
                                         sd_bus_message_get_member(call),
                                         access_action_to_string(action) ?: "nothing");
        return 1;
}

static int deny_for_lack_of_agent(sd_bus_message *call, AccessAction action)
{
        (void)sd_bus_reply_method_errorf(call, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                         "Somebody has to be asked: %s needs %s",
                                         sd_bus_message_get_member(call),
                                         access_action_to_string(action));
        return 1;
}

static int deny_unknown(sd_bus_message *call)
{
        (void)sd_bus_reply_method_errorf(
                call, SD_BUS_ERROR_UNKNOWN_METHOD, "There is no method %s of interface %s",
                sd_bus_message_get_member(call), sd_bus_message_get_interface(call) ?: "(none)");
        return 1;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *e)
{
        Question *q = userdata;
        const sd_bus_error *failure = sd_bus_message_get_error(reply);
        int allowed = false, challenge = false;
        int r;

        if (failure) {
                (void)deny(q->call, q->action,
                           sd_bus_error_has_name(failure, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                                           sd_bus_error_has_name(failure,
                                                                 SD_BUS_ERROR_NAME_HAS_NO_OWNER)
                                   ? "Only root may, since there is no polkit"
                                   : "Only root may, since polkit failed");
                question_remove(q);
                return 1;
        }
        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(reply, "bb", &allowed, &challenge);
        if (r >= 0 && allowed) {
                q->allowed = true;
                r = sd_bus_enqueue_for_read(q->access->service->bus, q->call);
                if (r >= 0)
                        return 1;
        }
        if (r < 0)
                (void)deny(q->call, q->action, "Polkit's answer was not understood");
        else if (challenge && !q->interactive)
                (void)deny_for_lack_of_agent(q->call, q->action);
        else
                (void)deny(q->call, q->action, "Not allowed");
        question_remove(q);
        return 1;
}

/* Nobody is left who could be answered; a dialogue that is open is closed. Returns 1, since sd-bus
 * asks again for ever after 0. */
static int on_caller_gone(sd_bus_track *track, void *userdata)
{
        Question *q = userdata;

        if (q->allowed)
                return 1; /* it is in the queue already */
        (void)sd_bus_call_method_async(q->access->service->bus, NULL, POLKIT_NAME, POLKIT_PATH,
                                       POLKIT_INTERFACE, "CancelCheckAuthorization", NULL, NULL,
                                       "s", q->id); /* polkit's own limits remain */
        question_remove(q);
        return 1;
}

static int append_details(sd_bus_message *m, const Subject *subject)
{
        int r = sd_bus_message_open_container(m, 'a', "{ss}");

        if (r >= 0)
                r = sd_bus_message_append(m, "{ss}", "verb", subject->verb);
        if (r >= 0 && subject->machine)
                r = sd_bus_message_append(m, "{ss}", "machine", subject->machine);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int ask(Question *q, const Subject *subject)
{
        sd_bus *bus = q->access->service->bus;
        _cleanup_message_ sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                               "CheckAuthorization");

        if (r >= 0)
                r = sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                          sd_bus_message_get_sender(q->call),
                                          access_action_to_string(q->action));
        if (r >= 0)
                r = append_details(m, subject);
        if (r >= 0)
                r = sd_bus_message_append(
                        m, "us", q->interactive ? POLKIT_ALLOW_USER_INTERACTION : 0U, q->id);
        /* a person may take a while to type a password */
        return r < 0 ? r : sd_bus_call_async(bus, &q->slot, m, on_answer, q, UINT64_MAX);
}

static int question_new(Access *a, sd_bus_message *call, const Subject *subject, Question **ret)
{
        _cleanup_(question_freep) Question *q = calloc(1, sizeof(Question));
        Question **grown = reallocarray(a->questions, a->n + 1, sizeof(*grown));
        int r;

        if (grown)
                a->questions = grown;
        if (!grown || !q)
                return -ENOMEM;
        q->access = a;
        q->call = sd_bus_message_ref(call);
        q->uid = a->service->caller;
        q->action = subject->action;
        q->interactive = sd_bus_message_get_allow_interactive_authorization(call) > 0;
        if (asprintf(&q->id, "stead1-%" PRIu64, ++a->last_id) < 0) {
                q->id = NULL;
                return -ENOMEM;
        }
        r = sd_bus_track_new(a->service->bus, &q->caller, on_caller_gone, q);
        if (r >= 0)
                r = sd_bus_track_add_sender(q->caller, call);
        if (r >= 0)
                r = ask(q, subject);
        if (r >= 0)
                *ret = TAKE_PTR(q);
        return r;
}

static int question_begin(Access *a, sd_bus_message *call, const Subject *subject)
{
        Service *s = a->service;
        Question *q;
        int r;

        if (!sd_bus_message_get_sender(call)) /* one peer without a bus */
                return deny(call, subject->action, "Only root may, since there is no bus");
        r = service_take_quota(s, call, QUOTA_AUTHORIZATION);
        if (r != 0)
                return r;
        r = question_new(a, call, subject, &q);
        if (r < 0) {
                quota_give_back(&s->quota, s->caller, QUOTA_AUTHORIZATION);
                return deny(call, subject->action, "Polkit could not be asked");
        }
        a->questions[a->n++] = q;
        return 1;
}

/* The machine that the first argument names, if it is a name or a list of one name. */
static char *named_machine(sd_bus_message *call)
{
        _cleanup_strv_ char **list = NULL;
        const char *signature = sd_bus_message_get_signature(call, true), *name = NULL;
        char *machine = NULL;

        if (signature && signature[0] == 's') {
                (void)sd_bus_message_read(call, "s", &name);
        } else if (signature && strncmp(signature, "as", 2) == 0 &&
                   sd_bus_message_read_strv(call, &list) >= 0 && strv_length(list) == 1) {
                name = list[0];
        }
        if (name && machine_name_is_valid(name))
                machine = strdup(name);
        (void)sd_bus_message_rewind(call, true); /* cannot fail for one that was read */
        return machine;
}

/* What a rule means for this call: about which machine, and more or less than the row says. */
static void subject_of(const Access *a, const AccessRule *rule, sd_bus_message *call, Subject *ret)
{
        const char *path = sd_bus_message_get_path(call), *machine = NULL;
        uid_t owner = (uid_t)-1;

        *ret = (Subject){ .action = rule->action, .verb = rule->member };
        if (job_owner(a->service->jobs, path, &owner, &machine) >= 0) {
                ret->action = owner == a->service->caller ? ACCESS_FREE : ACCESS_MANAGE;
                ret->machine = *machine ? strdup(machine) : NULL;
        } else if (process_owner(a->service->processes, path, &owner, &machine) >= 0) {
                ret->action = owner == a->service->caller ? ACCESS_FREE : ACCESS_EXEC;
                ret->machine = strdup(machine);
        } else if (sd_bus_path_decode(path, STEAD1_MACHINE_PREFIX, &ret->machine) > 0) {
                if (!machine_name_is_valid(ret->machine)) {
                        free(ret->machine);
                        ret->machine = NULL;
                }
        } else if (strcmp(rule->interface, STEAD1_MANAGER) == 0) {
                ret->machine = named_machine(call);
        }
        if (rule->definition && !definition_is_public(ret->machine))
                ret->action = ACCESS_MANAGE;
}

/* Whether this very message was allowed before; forgets that. */
static bool was_allowed(Access *a, const sd_bus_message *call, uid_t *ret_uid)
{
        for (size_t i = 0; i < a->n; i++)
                if (a->questions[i]->call == call && a->questions[i]->allowed) {
                        *ret_uid = a->questions[i]->uid;
                        question_remove(a->questions[i]);
                        return true;
                }
        return false;
}

static int caller_of(sd_bus_message *call, uid_t *ret)
{
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        int r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);

        return r < 0 ? r : sd_bus_creds_get_euid(creds, ret);
}

/* Adds up what is in the container that is open. -EFBIG beyond the limit; other errors are the
 * method's to find. */
static int add_sizes(sd_bus_message *call, size_t *size)
{
        for (;;) {
                const char *contents;
                char type;
                int r = sd_bus_message_peek_type(call, &type, &contents);

                if (r <= 0)
                        return r;
                if (strchr("aver", type)) {
                        r = sd_bus_message_enter_container(call, type, contents);
                        if (r >= 0)
                                r = add_sizes(call, size);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(call);
                } else if (strchr("sog", type)) {
                        const char *text = "";

                        r = sd_bus_message_read_basic(call, type, &text);
                        *size += strlen(text);
                } else {
                        r = sd_bus_message_skip(call, (char[]){ type, '\0' });
                }
                *size += sizeof(uint64_t);
                if (*size > CALL_SIZE_MAX)
                        return -EFBIG;
                if (r < 0)
                        return r;
        }
}

static bool is_too_large(sd_bus_message *call)
{
        size_t size = 0;
        bool large = add_sizes(call, &size) == -EFBIG;

        (void)sd_bus_message_rewind(call, true); /* fails for a damaged one: so does its method */
        return large;
}

static int on_call(sd_bus_message *call, void *userdata, sd_bus_error *e)
{
        _cleanup_(subject_done) Subject subject = {};
        Access *a = userdata;
        const AccessRule *rule;
        int r;

        if (sd_bus_message_is_method_call(call, NULL, NULL) <= 0)
                return 0;
        a->service->active_usec = clock_now_usec();
        /* the queue holds a reference, so it outlives the question */
        if (was_allowed(a, call, &a->service->caller))
                return 0;
        rule = access_rule_find(sd_bus_message_get_interface(call),
                                sd_bus_message_get_member(call));
        if (!rule)
                return deny_unknown(call);
        r = caller_of(call, &a->service->caller);
        if (r < 0)
                return deny(call, rule->action, "The caller is not known");
        if (is_too_large(call))
                return reply_errorf(call, EDQUOT, "The call is larger than %d KiB",
                                    CALL_SIZE_MAX / 1024);
        if (a->service->caller == 0)
                return 0;
        subject_of(a, rule, call, &subject);
        return subject.action == ACCESS_FREE ? 0 : question_begin(a, call, &subject);
}

int access_new(Service *service, Access **ret, Error *error)
{
        _cleanup_(access_freep) Access *a = calloc(1, sizeof(Access));
        int r;

        if (!a)
                return error_set(error, ENOMEM, "Out of memory");
        a->service = service;
        r = sd_bus_add_filter(service->bus, &a->filter, on_call, a);
        if (r < 0)
                return error_errno(error, -r, "Failed to guard the bus");
        *ret = TAKE_PTR(a);
        return 0;
}
