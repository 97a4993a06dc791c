/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which partitions of a disk image may or must be there, and how they have to be protected: the
 * syntax of systemd.image-policy(7), "root=verity:usr=absent:=ignore". */

#include "base/error.h"

#include <stdbool.h>

typedef enum ImagePolicyFlags {
        IMAGE_POLICY_VERITY = 1 << 0,
        IMAGE_POLICY_SIGNED = 1 << 1,
        IMAGE_POLICY_ENCRYPTED = 1 << 2,
        IMAGE_POLICY_UNPROTECTED = 1 << 3,
        IMAGE_POLICY_UNUSED = 1 << 4, /* there, but not mounted */
        IMAGE_POLICY_ABSENT = 1 << 5,
        IMAGE_POLICY_READ_ONLY = 1 << 6,
        IMAGE_POLICY_IGNORE = IMAGE_POLICY_UNUSED | IMAGE_POLICY_ABSENT,
        IMAGE_POLICY_OPEN = IMAGE_POLICY_VERITY | IMAGE_POLICY_SIGNED | IMAGE_POLICY_ENCRYPTED |
                            IMAGE_POLICY_UNPROTECTED | IMAGE_POLICY_IGNORE,
} ImagePolicyFlags;

/* What @policy says of the partition "root", "usr", "home" ...; NULL is no policy, all is open.
 * -EINVAL with @error set: it cannot be read. */
int image_policy_find(const char *policy, const char *partition, Error *error);
