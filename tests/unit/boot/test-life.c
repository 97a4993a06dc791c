/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of a machine's life: every event is answered in every state, and the answers fit. */

#include "../unit.h"

#include "base/cleanup.h"
#include "boot/life.h"

#include <stdbool.h>

/* From every state a machine ends up killed if it hears nothing but "stop" or "time is up". */
static void test_always_ends(void **state)
{
        for (int s = 0; s < _LIFE_STATE_MAX; s++) {
                LifeState now = (LifeState)s;
                bool killed = false;

                for (int i = 0; i < 3 && !killed; i++) {
                        LifeStep step = life_step(now, LIFE_EVENT_STOP);

                        killed = step.action == LIFE_KILL;
                        now = step.next;
                }
                assert_true(killed);
                assert_int_equal(now, LIFE_KILLING);
        }
}

static void test_every_state_is_reached(void **state)
{
        bool reached[_LIFE_STATE_MAX] = { [LIFE_STARTING] = true };

        for (int round = 0; round < _LIFE_STATE_MAX; round++)
                for (int s = 0; s < _LIFE_STATE_MAX; s++)
                        for (int e = 0; reached[s] && e < _LIFE_EVENT_MAX; e++)
                                reached[life_step((LifeState)s, (LifeEvent)e).next] = true;
        for (int s = 0; s < _LIFE_STATE_MAX; s++)
                assert_true(reached[s]);
}

/* What is announced, asked and killed agrees with where the machine is afterwards. */
static void test_actions_fit_states(void **state)
{
        for (int s = 0; s < _LIFE_STATE_MAX; s++)
                for (int e = 0; e < _LIFE_EVENT_MAX; e++) {
                        LifeStep step = life_step((LifeState)s, (LifeEvent)e);

                        assert_true(step.next >= (LifeState)s); /* never back */
                        assert_true(step.next < _LIFE_STATE_MAX);
                        if (step.action == LIFE_KILL)
                                assert_int_equal(step.next, LIFE_KILLING);
                        if (step.action == LIFE_ASK_STOP)
                                assert_int_equal(step.next, LIFE_STOPPING);
                        if (step.action == LIFE_ASK_REBOOT)
                                assert_int_equal(step.next, LIFE_LEAVING);
                        if (step.action == LIFE_ANNOUNCE) {
                                assert_int_equal(s, LIFE_STARTING);
                                assert_int_equal(e, LIFE_EVENT_READY);
                        }
                        if (step.next == LIFE_KILLING && s != LIFE_KILLING)
                                assert_int_equal(step.action, LIFE_KILL);
                }
}

static void test_promises(void **state)
{
        static const struct {
                LifeState state;
                LifeEvent event;
                LifeState next;
                LifeAction action;
        } rows[] = {
                { LIFE_STARTING, LIFE_EVENT_READY, LIFE_RUNNING, LIFE_ANNOUNCE },
                { LIFE_RUNNING, LIFE_EVENT_READY, LIFE_RUNNING, LIFE_NOTHING }, /* once only */
                { LIFE_STARTING, LIFE_EVENT_STOP, LIFE_STOPPING, LIFE_ASK_STOP },
                { LIFE_RUNNING, LIFE_EVENT_STOP, LIFE_STOPPING, LIFE_ASK_STOP },
                { LIFE_STOPPING, LIFE_EVENT_STOP, LIFE_KILLING, LIFE_KILL }, /* a second one */
                { LIFE_STOPPING, LIFE_EVENT_TIMEOUT, LIFE_KILLING, LIFE_KILL },
                { LIFE_RUNNING, LIFE_EVENT_REBOOT, LIFE_LEAVING, LIFE_ASK_REBOOT },
                { LIFE_RUNNING, LIFE_EVENT_GOING, LIFE_LEAVING, LIFE_NOTHING },
                { LIFE_LEAVING, LIFE_EVENT_STOP, LIFE_STOPPING, LIFE_ASK_STOP }, /* the first one */
                { LIFE_STOPPING, LIFE_EVENT_REBOOT, LIFE_STOPPING, LIFE_NOTHING },
                { LIFE_STOPPING, LIFE_EVENT_READY, LIFE_STOPPING, LIFE_NOTHING },
                { LIFE_RUNNING, LIFE_EVENT_TIMEOUT, LIFE_RUNNING, LIFE_NOTHING },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                LifeStep step = life_step(rows[i].state, rows[i].event);

                assert_int_equal(step.next, rows[i].next);
                assert_int_equal(step.action, rows[i].action);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_always_ends),
                cmocka_unit_test(test_every_state_is_reached),
                cmocka_unit_test(test_actions_fit_states),
                cmocka_unit_test(test_promises),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
