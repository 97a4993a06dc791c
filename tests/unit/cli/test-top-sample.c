/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Samples of `stead top`: their order, and what programs read. */

#include "cli/top-sample.h"

#include "../unit.h"

#include <stdlib.h>
#include <string.h>

static TopRow row(const char *name, double cpu, uint64_t memory, uint64_t tasks, double io,
                  double pressure)
{
        TopRow r = {
                .name = strdup(name),
                .usage = USAGE_NULL,
                .cpu_percent = cpu,
                .read_rate = io,
                .write_rate = io,
        };

        r.usage.memory = memory;
        r.usage.tasks = tasks;
        r.usage.pressure[PRESSURE_IO].some = pressure;
        return r;
}

static void make(TopSample *s)
{
        s->rows = calloc(3, sizeof(TopRow));
        s->n = 3;
        s->rows[0] = row("b", 5, 300, USAGE_UNKNOWN, 7, 0);
        s->rows[1] = row("c", -1, USAGE_UNKNOWN, 9, -1, -1);
        s->rows[2] = row("a", 5, 100, 4, 1000, 3.5);
}

static void test_sort(void **state)
{
        static const struct {
                TopKey key;
                const char *order;
        } cases[] = {
                { TOP_NAME, "abc" }, { TOP_CPU, "abc" },   { TOP_MEMORY, "bac" },
                { TOP_IO, "abc" },   { TOP_TASKS, "cab" }, { TOP_PRESSURE, "abc" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_top_sample_ TopSample s = TOP_SAMPLE_NULL;

                make(&s);
                top_sample_sort(&s, cases[i].key);
                for (size_t k = 0; k < s.n; k++)
                        assert_int_equal(s.rows[k].name[0], cases[i].order[k]);
        }
        top_sample_sort(&TOP_SAMPLE_NULL, TOP_CPU);
}

static void test_json(void **state)
{
        _cleanup_top_sample_ TopSample s = TOP_SAMPLE_NULL;
        json_t *object, *machine;

        make(&s);
        s.rows[0].cpu_percent = 12.3456;
        object = top_sample_to_json(&s);
        assert_true(json_integer_value(json_object_get(object, "time_usec")) > 0);
        machine = json_array_get(json_object_get(object, "machines"), 0);
        assert_string_equal(json_string_value(json_object_get(machine, "name")), "b");
        assert_true(json_real_value(json_object_get(machine, "cpu_percent")) == 12.35);
        assert_int_equal(json_integer_value(json_object_get(machine, "memory")), 300);
        assert_int_equal(json_integer_value(json_object_get(machine, "io_read_per_second")), 7);
        /* no limit, and not known */
        assert_true(json_is_null(json_object_get(machine, "memory_max")));
        assert_true(json_is_null(json_object_get(machine, "tasks")));
        machine = json_object_get(json_object_get(machine, "pressure"), "io");
        assert_true(json_real_value(json_object_get(machine, "some")) == 0);
        assert_true(json_is_null(json_object_get(machine, "full")));
        json_decref(object);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sort),
                cmocka_unit_test(test_json),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
