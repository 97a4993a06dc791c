/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs do the work; their JSON is passed on, or taken apart where a caller would rather have
 * values. */

#include "service/manager-definition.h"

#include "base/strv.h"
#include "config/definition.h"
#include "service/call.h"
#include "service/operation.h"
#include "service/reply.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#define ASSIGNMENTS_MAX 256

static int append_definition(sd_bus_message *reply, const char *name)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_definition_ Definition *d = NULL;
        const char *file = NULL;
        int r;

        /* a bad one is there, too; which file it is in is then Check's to say */
        if (definition_load("", name, NULL, DEFINITION_TRUST_BY_PLACE, &d, &diagnostics, NULL) >= 0)
                file = d->path ?: d->files ? d->files[0] : NULL;
        r = sd_bus_message_open_container(reply, 'r', "ss");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", name);
        if (r >= 0)
                r = reply_append_text(reply, file);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int manager_list_definitions(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_strv_ char **names = NULL;
        int r = definition_list("", &names);

        if (r == -ENOENT)
                r = 0;
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ss)");
        for (char **n = names; r >= 0 && n && *n; n++)
                r = append_definition(reply, *n);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int append_diagnostics(sd_bus_message *reply, const json_t *rows)
{
        static const char *const keys[] = { "severity", "origin", "message", "hint" };
        const json_t *row;
        size_t i;
        int r = sd_bus_message_open_container(reply, 'a', "(ssss)");

        json_array_foreach(rows, i, row)
        {
                if (r >= 0)
                        r = sd_bus_message_open_container(reply, 'r', "ssss");
                for (size_t k = 0; r >= 0 && k < ELEMENTSOF(keys); k++)
                        r = reply_append_text(reply,
                                              json_string_value(json_object_get(row, keys[k])));
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The status is 1 for definitions with errors, which is no error of the call. */
static int answer_check(sd_bus_message *m, const ChildEnd *end)
{
        _cleanup_message_ sd_bus_message *reply = NULL;
        json_t *rows = end->output_cut ? NULL : json_loads(end->output, 0, NULL);
        int r;

        if (!json_is_array(rows) || end->status > 1) {
                json_decref(rows);
                return call_answer_error(m, end);
        }
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = append_diagnostics(reply, rows);
        json_decref(rows);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int manager_check(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_diagnostics_ Diagnostics diagnostics = DIAGNOSTICS_NULL;
        _cleanup_definition_ Definition *d = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        const char *name;
        char *argv[] = { (char *)"stead", (char *)"check", (char *)"--json", NULL, NULL };
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (!*name) /* all of them */
                return call_program(s, m, argv, answer_check);
        /* errors in it are what is asked for */
        r = operation_check_name(name, &error);
        if (r >= 0)
                r = definition_load("", name, NULL, DEFINITION_TRUST_BY_PLACE, &d, &diagnostics,
                                    &error);
        if (r < 0 && (r != -EINVAL || diagnostics.n == 0))
                return reply_error(m, REPLY_MACHINE, &error);
        argv[3] = (char *)name;
        return call_program(s, m, argv, answer_check);
}

int manager_plan(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        _cleanup_error_ Error error = ERROR_NULL;
        const char *name;
        char *argv[] = { (char *)"stead", (char *)"plan", (char *)"--json", NULL, NULL };
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (operation_check_startable(name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        argv[3] = (char *)name;
        return call_program(userdata, m, argv, call_answer_text);
}

/* The status is 1 for differences, as diff(1) has it. */
static int answer_diff(sd_bus_message *m, const ChildEnd *end)
{
        ChildEnd good = *end;

        if (end->status == 1 && *end->output)
                good.status = 0;
        return call_answer_text(m, &good);
}

int manager_diff(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_error_ Error error = ERROR_NULL;
        const char *name;
        char *argv[] = { (char *)"stead", (char *)"diff", (char *)"--json", NULL, NULL };
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (operation_check_running(s, name, &error) < 0 ||
            operation_check_startable(name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        argv[3] = (char *)name;
        return call_program(s, m, argv, answer_diff);
}

/* "Key=value" of [Resources]; what the key is worth, the verb knows. */
static bool is_assignment(const char *s)
{
        const char *equal = strchr(s, '=');

        for (const char *c = s; equal && c < equal; c++)
                if (!isalnum((unsigned char)*c))
                        return false;
        return equal && equal > s;
}

int manager_set(sd_bus_message *m, void *userdata, sd_bus_error *e)
{
        Service *s = userdata;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strv_ char **assignments = NULL, **argv = NULL;
        const char *name;
        int persist, r = sd_bus_message_read(m, "s", &name);

        if (r >= 0)
                r = sd_bus_message_read_strv(m, &assignments);
        if (r >= 0)
                r = sd_bus_message_read(m, "b", &persist);
        if (r < 0)
                return r;
        if (operation_check_name(name, &error) < 0 || operation_check_startable(name, &error) < 0)
                return reply_error(m, REPLY_MACHINE, &error);
        if (strv_length(assignments) == 0 || strv_length(assignments) > ASSIGNMENTS_MAX)
                return reply_errorf(m, EINVAL, "Set takes 1 to %d assignments", ASSIGNMENTS_MAX);
        STRV_FOREACH (a, assignments)
                if (!is_assignment(*a))
                        return reply_errorf(m, EINVAL, "'%s' is not KEY=VALUE", *a);
        r = strv_push(&argv, "stead");
        if (r >= 0)
                r = strv_push(&argv, "set");
        if (r >= 0 && persist)
                r = strv_push(&argv, "--persist");
        if (r >= 0)
                r = strv_push(&argv, name);
        if (r >= 0)
                r = strv_extend(&argv, assignments);
        return r < 0 ? r : call_program(s, m, argv, call_answer_nothing);
}
