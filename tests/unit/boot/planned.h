/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From words to a plan in one call, for the tests of this folder. */

#include "../config/parsed.h"
#include "../world.h"
#include "boot/plan.h"

/* A tree that a plan can be made for: sysvinit, a shell, two users. */
static inline int tree_make(void **state)
{
        if (directory_make(state) < 0)
                return -1;
        world_put(*state, "/sbin/init", "#!/bin/sh\n# reads /run/initctl\n", 0755);
        world_put(*state, "/bin/sh", "#!/bin/true\n", 0755);
        world_put(*state, "/etc/os-release", "ID=test\n", 0644);
        world_put(*state, "/etc/passwd",
                  "root:x:0:0::/root:/bin/sh\njoe:x:1000:100::/home/joe:/bin/zsh\n", 0644);
        world_put(*state, "/etc/group", "root:x:0:\nusers:x:100:\naudio:x:29:joe\n", 0644);
        return 0;
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, tree_make, directory_drop)

/* NULL and the error, or the plan. Words are separated by '|'. */
static inline BootPlan *plan_try(const char *tree, const char *words, Error *error)
{
        _cleanup_free_ char *all = NULL;
        _cleanup_settings_ Settings *s = NULL;
        BootPlan *plan = NULL;

        assert_true(asprintf(&all, "-D|%s|-M|web|%s", tree, words) > 0);
        s = parse_words(all, error);
        if (s)
                (void)boot_plan_new(s, NULL, &plan, error);
        return plan;
}

static inline BootPlan *plan_of(const char *tree, const char *words)
{
        _cleanup_error_ Error error = ERROR_NULL;
        BootPlan *plan = plan_try(tree, words, &error);

        if (!plan)
                fail_msg("%s: %s", words, error.message);
        return plan;
}
