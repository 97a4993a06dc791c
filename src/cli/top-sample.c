/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking samples and comparing them. */

#include "cli/top-sample.h"

#include "base/strv.h"
#include "cli/format.h"
#include "os/clock.h"

#include <string.h>
#include <time.h>

DEFINE_STRING_TABLE(top_key, TopKey, "name", "cpu", "memory", "io", "tasks", "pressure");

void top_sample_done(TopSample *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->rows[i].name);
        free(s->rows);
        *s = TOP_SAMPLE_NULL;
}

static const TopRow *find(const TopSample *s, const char *name)
{
        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->rows[i].name, name) == 0)
                        return &s->rows[i];
        return NULL;
}

static int add(TopSample *s, const Machine *m, const TopSample *before)
{
        const TopRow *old = find(before, m->name);
        const Usage nothing = USAGE_NULL, *was = old ? &old->usage : &nothing;
        TopRow *grown = reallocarray(s->rows, s->n + 1, sizeof(TopRow)), *row;

        if (!grown)
                return -ENOMEM;
        s->rows = grown;
        row = &s->rows[s->n];
        *row = (TopRow){ .name = strdup(m->name) };
        if (!row->name)
                return -ENOMEM;
        s->n++;
        usage_read(m, &row->usage);
        row->cpu_percent = usage_cpu_percent(was, &row->usage);
        row->read_rate = usage_rate(was, &row->usage, was->io_read, row->usage.io_read);
        row->write_rate = usage_rate(was, &row->usage, was->io_written, row->usage.io_written);
        return 0;
}

static int take(char *const *names, const TopSample *before, TopSample *s, Error *error)
{
        Machine **list = NULL;
        size_t n = 0;
        int r = machine_list(&list, &n, error);

        for (size_t i = 0; r >= 0 && i < n; i++)
                if (!names || strv_contains(names, list[i]->name)) {
                        r = add(s, list[i], before);
                        if (r < 0)
                                error_set(error, ENOMEM, "Out of memory");
                }
        machine_list_free(list, n);
        return r;
}

int top_sample_take(char *const *names, const TopSample *before, TopSample *ret, Error *error)
{
        _cleanup_top_sample_ TopSample s = { .taken_usec = clock_now_usec() };
        int r = take(names, before, &s, error);

        if (r < 0)
                return r;
        *ret = s;
        s = TOP_SAMPLE_NULL;
        return 0;
}

/* What is not known is less than nothing. */
static double weight(const TopRow *row, TopKey key)
{
        double sum = -1;

        switch (key) {
        case TOP_CPU:
                return row->cpu_percent;
        case TOP_MEMORY:
                return row->usage.memory == USAGE_UNKNOWN ? -1 : (double)row->usage.memory;
        case TOP_IO:
                return row->read_rate + row->write_rate;
        case TOP_TASKS:
                return row->usage.tasks == USAGE_UNKNOWN ? -1 : (double)row->usage.tasks;
        case TOP_PRESSURE:
                for (PressureKind k = 0; k < _PRESSURE_KIND_MAX; k++)
                        sum = MAX_OF(sum, row->usage.pressure[k].some);
                return sum;
        case TOP_NAME:
        case _TOP_KEY_MAX:
        case _TOP_KEY_INVALID:
                break;
        }
        return 0;
}

static int compare(const void *a, const void *b, void *key)
{
        const TopRow *x = a, *y = b;
        double wx = weight(x, *(TopKey *)key), wy = weight(y, *(TopKey *)key);

        return wx > wy ? -1 : wx < wy ? 1 : strcmp(x->name, y->name);
}

void top_sample_sort(TopSample *s, TopKey key)
{
        if (s->n > 0)
                qsort_r(s->rows, s->n, sizeof(TopRow), compare, &key);
}

static json_t *integer(uint64_t n)
{
        return n == USAGE_UNKNOWN ? json_null() : json_integer((json_int_t)n);
}

static json_t *percent(double n)
{
        return n < 0 ? json_null() : json_real(round_percent(n));
}

static json_t *rate(double n)
{
        return n < 0 ? json_null() : json_integer((json_int_t)(n + 0.5));
}

static json_t *row_to_json(const TopRow *row)
{
        const Usage *u = &row->usage;
        json_t *object = json_object(), *pressure = json_object();

        (void)json_object_set_new(object, "name", json_string(row->name));
        (void)json_object_set_new(object, "cpu_percent", percent(row->cpu_percent));
        (void)json_object_set_new(object, "cpu_usec", integer(u->cpu_usec));
        (void)json_object_set_new(object, "memory", integer(u->memory));
        (void)json_object_set_new(object, "memory_max", integer(u->memory_max));
        (void)json_object_set_new(object, "swap", integer(u->swap));
        (void)json_object_set_new(object, "oom_kills", integer(u->oom_kills));
        (void)json_object_set_new(object, "tasks", integer(u->tasks));
        (void)json_object_set_new(object, "tasks_max", integer(u->tasks_max));
        (void)json_object_set_new(object, "io_read_per_second", rate(row->read_rate));
        (void)json_object_set_new(object, "io_written_per_second", rate(row->write_rate));
        for (PressureKind k = 0; k < _PRESSURE_KIND_MAX; k++) {
                json_t *pair = json_object();

                (void)json_object_set_new(pair, "some", percent(u->pressure[k].some));
                (void)json_object_set_new(pair, "full", percent(u->pressure[k].full));
                (void)json_object_set_new(pressure, pressure_kind_to_string(k), pair);
        }
        (void)json_object_set_new(object, "pressure", pressure);
        return object;
}

json_t *top_sample_to_json(const TopSample *s)
{
        json_t *object = json_object(), *array = json_array();
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        (void)json_object_set_new(object, "time_usec",
                                  json_integer((json_int_t)now.tv_sec * (json_int_t)USEC_PER_SEC +
                                               now.tv_nsec / 1000));
        for (size_t i = 0; i < s->n; i++)
                (void)json_array_append_new(array, row_to_json(&s->rows[i]));
        (void)json_object_set_new(object, "machines", array);
        return object;
}
