/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The message waits in memory, the child has a deadline. */

#include "service/call.h"

#include "base/parse.h"
#include "service/reply.h"

#include <stdlib.h>

/* Less than the 25 s after which callers give up. */
#define PATIENCE_USEC (20 * USEC_PER_SEC)

typedef struct Call {
        Service *service;
        uid_t uid;
        sd_bus_message *message;
        CallAnswer answer;
        Child *child;
} Call;

static Call *call_free(Call *c)
{
        if (!c)
                return NULL;
        quota_give_back(&c->service->quota, c->uid, QUOTA_CALL);
        sd_bus_message_unref(c->message);
        child_free(c->child);
        free(c);
        return NULL;
}

static void on_end(Child *child, const ChildEnd *end, void *userdata)
{
        Call *c = userdata;
        int r = c->answer(c->message, end);

        if (r < 0)
                (void)sd_bus_reply_method_errno(c->message, r, NULL); /* or the caller is gone */
        call_free(c);
}

/* 0 with a call to go on with, or what a handler has to return. */
static int call_new(Service *s, sd_bus_message *m, CallAnswer answer, Call **ret)
{
        Call *c;
        int r = service_take_quota(s, m, QUOTA_CALL);

        if (r != 0)
                return r;
        c = calloc(1, sizeof(Call));
        if (!c) {
                quota_give_back(&s->quota, s->caller, QUOTA_CALL);
                return -ENOMEM;
        }
        *c = (Call){ .service = s, .uid = s->caller, .answer = answer };
        c->message = sd_bus_message_ref(m);
        *ret = c;
        return 0;
}

static int begun(Call *c, sd_bus_message *m, int r, const Error *error)
{
        if (r >= 0)
                return 1;
        call_free(c);
        return reply_error(m, REPLY_MACHINE, error);
}

int call_program(Service *s, sd_bus_message *m, char *const *argv, CallAnswer answer)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Call *c = NULL;
        int r = call_new(s, m, answer, &c);

        if (r != 0)
                return r;
        r = child_run_program(s->event, argv, PATIENCE_USEC, on_end, c, &c->child, &error);
        return begun(c, m, r, &error);
}

int call_function(Service *s, sd_bus_message *m, ChildFunction function, const void *argument,
                  CallAnswer answer)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Call *c = NULL;
        int r = call_new(s, m, answer, &c);

        if (r != 0)
                return r;
        r = child_run_function(s->event, function, argument, PATIENCE_USEC, on_end, c, &c->child,
                               &error);
        return begun(c, m, r, &error);
}

int call_answer_error(sd_bus_message *m, const ChildEnd *end)
{
        _cleanup_error_ Error error = ERROR_NULL;

        if (end->status == 0 && end->output_cut)
                (void)error_set(&error, EFBIG, "The answer is too long for the bus");
        else
                (void)child_error(end, EIO, &error);
        return reply_error(m, REPLY_MACHINE, &error);
}

int call_answer_text(sd_bus_message *m, const ChildEnd *end)
{
        _cleanup_free_ char *text = NULL;

        if (end->status != 0 || end->output_cut)
                return call_answer_error(m, end);
        text = reply_text(end->output);
        return text ? sd_bus_reply_method_return(m, "s", text) : -ENOMEM;
}

int call_answer_nothing(sd_bus_message *m, const ChildEnd *end)
{
        return end->status == 0 ? sd_bus_reply_method_return(m, NULL) : call_answer_error(m, end);
}
