/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File system ids of the calling thread. */

#include "os/creator.h"

#include <errno.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

int creator_enter(uid_t uid, Creator *ret)
{
        int bits;

        if (uid == 0) {
                *ret = CREATOR_NULL;
                return 0;
        }
        bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
        /* without this bit, leaving fsuid 0 would drop the file capabilities (capabilities(7)) */
        if (bits < 0 || prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
                return -errno;
        *ret = (Creator){ .saved_bits = bits };
        (void)setfsuid(uid);
        (void)setfsgid(uid);
        if ((uid_t)setfsuid((uid_t)-1) != uid || (gid_t)setfsgid((gid_t)-1) != (gid_t)uid) {
                creator_leave(ret);
                return -EPERM; /* they have no other way of failing */
        }
        return 0;
}

void creator_leave(Creator *creator)
{
        if (creator->saved_bits < 0)
                return;
        (void)setfsuid(0);
        (void)setfsgid(0);
        (void)prctl(PR_SET_SECUREBITS, creator->saved_bits, 0, 0,
                    0); /* we set the superset before */
        *creator = CREATOR_NULL;
}
