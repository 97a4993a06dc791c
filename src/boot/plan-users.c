/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which user namespace the machine has, how the tree's owners come to fit it, and who comes in from
 * the host. The range itself is only picked when acting, since that locks. */

#include "boot/plan-parts.h"

#include "base/strv.h"
#include "image/chown-tree.h"

#include <errno.h>

/* What a machine gets that nobody said anything about: a namespace, unless something that was asked
 * for cannot be had with one. */
static UserNamespaceMode default_mode(const BootPlan *plan, const Settings *s)
{
        return s->api_vfs_writable || plan->root_mount ? USER_NAMESPACE_NO : USER_NAMESPACE_PICK;
}

/* What cannot be had without one. */
static int check_needs(const BootPlan *plan, const Settings *s, Error *error)
{
        const char *cause = s->user_namespace == USER_NAMESPACE_NO ? "--private-users=no"
                            : s->api_vfs_writable                  ? "--api-writable"
                                                                   : "a mount on '/'";

        if (boot_plan_has_user_namespace(plan) || (!s->nesting && !s->bind_users))
                return 0;
        if (s->nesting)
                error_set(
                        error, EINVAL,
                        "Nesting lifts masks that only a user namespace makes up for, and with %s "
                        "there is none",
                        cause);
        else
                error_set(error, EINVAL,
                          "A user of the host is mapped by a user namespace, and with %s there is "
                          "none",
                          cause);
        if (plan->root_mount)
                error_hint(error, "--private-users=BASE --private-users-ownership=off");
        else
                error_hint(error, "drop %s, or drop --%s", cause,
                           s->nesting ? "nesting" : "bind-user");
        return -EINVAL;
}

static int take_base(BootPlan *plan, const Settings *s, const struct stat *root, Error *error)
{
        if (plan->user_namespace == USER_NAMESPACE_FIXED) {
                plan->user_base = s->user_base;
                plan->user_size = s->user_size;
        } else if (plan->user_namespace == USER_NAMESPACE_TREE) {
                plan->user_base = root->st_uid & ~(USER_RANGE_SIZE - 1);
                if (root->st_uid != plan->user_base || root->st_gid != plan->user_base ||
                    chown_tree_is_unfinished(root))
                        return error_set(
                                error, EINVAL,
                                "Cannot take the user range from the owner of '%s': %u:%u is "
                                "not the start of a range of %u",
                                plan->directory, root->st_uid, root->st_gid, USER_RANGE_SIZE);
        }
        return 0;
}

static int take_ownership(BootPlan *plan, const Settings *s, Error *error)
{
        bool fits = plan->user_namespace == USER_NAMESPACE_NO ||
                    plan->user_namespace == USER_NAMESPACE_TREE ||
                    plan->user_namespace == USER_NAMESPACE_IDENTITY;

        plan->ownership = s->ownership;
        if (plan->ownership == OWNERSHIP_AUTO)
                plan->ownership = fits ? OWNERSHIP_OFF : OWNERSHIP_MAP;
        if (plan->ownership == OWNERSHIP_MAP && plan->user_namespace == USER_NAMESPACE_NO)
                plan->ownership = OWNERSHIP_OFF;
        if (plan->ownership == OWNERSHIP_CHOWN &&
            (plan->user_base % USER_RANGE_SIZE != 0 || plan->user_size != USER_RANGE_SIZE)) {
                error_set(error, EINVAL,
                          "Owners can only be changed to a range of %u that starts at a multiple "
                          "of it, "
                          "not to %u:%u",
                          USER_RANGE_SIZE, plan->user_base, plan->user_size);
                error_hint(error, "--private-users=%u  (or --private-users-ownership=map)",
                           (plan->user_base & ~(USER_RANGE_SIZE - 1)) + USER_RANGE_SIZE);
                return -EINVAL;
        }
        return 0;
}

static int take_bind_users(BootPlan *plan, const Settings *s, int root_fd, Error *error)
{
        int r;

        if (!s->bind_users)
                return 0;
        r = bind_users_find(s->bind_users, root_fd, &plan->bind_users, &plan->n_bind_users, error);
        if (r < 0 || plan->user_namespace == USER_NAMESPACE_PICK)
                return r;
        for (size_t i = 0; i < plan->n_bind_users; i++)
                if (bind_user_is_in_range(&plan->bind_users[i], plan->user_base, plan->user_size)) {
                        error_set(
                                error, EINVAL,
                                "User '%s' of the host is in the machine already: its id is in the "
                                "user range %u to %u",
                                plan->bind_users[i].name, plan->user_base,
                                plan->user_base + plan->user_size - 1);
                        error_hint(error, "--private-users=pick");
                        return -EINVAL;
                }
        return 0;
}

int plan_users(BootPlan *plan, const Settings *s, const struct stat *root, int root_fd,
               Error *error)
{
        int r;

        plan->user_size = USER_RANGE_SIZE;
        plan->user_namespace = s->user_namespace == USER_NAMESPACE_DEFAULT ? default_mode(plan, s)
                                                                           : s->user_namespace;
        plan->nesting = s->nesting;
        r = check_needs(plan, s, error);
        if (r >= 0)
                r = take_base(plan, s, root, error);
        if (r >= 0)
                r = take_ownership(plan, s, error);
        if (r >= 0)
                r = take_bind_users(plan, s, root_fd, error);
        return r;
}
