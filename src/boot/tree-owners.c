/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owners on disk and in the machine. */

#include "boot/tree-owners.h"

#include "image/chown-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static int change_owners(const BootPlan *plan, uint32_t base, const struct stat *directory,
                         Error *error)
{
        _cleanup_close_ int fd = open(plan->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno(error, errno, "Failed to open tree '%s'", plan->directory);
        if (st.st_dev != directory->st_dev || st.st_ino != directory->st_ino)
                return error_set(error, ESTALE, "Tree '%s' was replaced during the start",
                                 plan->directory);
        if (st.st_uid == base && st.st_gid == base)
                return 0;
        if (!plan->quiet)
                fprintf(stderr, "Changing the owners in '%s' to those from %u on.\n",
                        plan->directory, base);
        return chown_tree(fd, base, error);
}

/* The tree may lie in another range than the machine has: changed for that one earlier, or made by
 * another program. */
static uint32_t base_on_disk(const struct stat *root, uint32_t base)
{
        if (root->st_uid != root->st_gid)
                return 0;
        return root->st_uid == base || root->st_uid % USER_RANGE_SIZE == 0 ? root->st_uid : 0;
}

int tree_owners_settle(const BootPlan *plan, const UserRange *range, const struct stat *directory,
                       int tree_fd, TreeOwners *ret, Error *error)
{
        TreeOwners owners = { .base = range->base };
        struct stat root;

        if (plan->ownership == OWNERSHIP_CHOWN) {
                int r = change_owners(plan, range->base, directory, error);

                if (r < 0)
                        return r;
        } else if (chown_tree_is_unfinished(directory)) {
                error_set(error, EBUSY, "A change of the owners in '%s' was not finished",
                          plan->directory);
                error_hint(error, "add --private-users-ownership=chown  (goes on with it; with "
                                  "--private-users=no it puts them back)");
                return -EBUSY;
        }
        if (plan->ownership == OWNERSHIP_MAP && range->size > 0) {
                if (fstat(tree_fd, &root) < 0)
                        return error_errno(error, errno, "Failed to examine tree '%s'",
                                           plan->directory);
                owners.base = base_on_disk(&root, range->base);
                owners.mapped = owners.base != range->base;
        }
        *ret = owners;
        return 0;
}
