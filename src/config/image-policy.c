/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text of an image policy to what it says of one partition; an image has few, so nothing is kept.
 */

#include "config/image-policy.h"

#include "base/strv.h"

#include <string.h>

static const char *const partitions[] = {
        "root",
        "usr",
        "home",
        "srv",
        "esp",
        "xbootldr",
        "swap",
        "tmp",
        "var",
        "root-verity",
        "root-verity-sig",
        "usr-verity",
        "usr-verity-sig",
};

static const struct {
        const char *name;
        int flags;
} words[] = {
        { "verity", IMAGE_POLICY_VERITY },
        { "signed", IMAGE_POLICY_SIGNED },
        { "encrypted", IMAGE_POLICY_ENCRYPTED },
        { "unprotected", IMAGE_POLICY_UNPROTECTED },
        { "unused", IMAGE_POLICY_UNUSED },
        { "absent", IMAGE_POLICY_ABSENT },
        { "open", IMAGE_POLICY_OPEN },
        { "ignore", IMAGE_POLICY_IGNORE },
        { "read-only-on", IMAGE_POLICY_READ_ONLY },
        { "read-only-off", 0 },
        { "growfs-on", 0 },
        { "growfs-off", 0 }, /* they never grow */
};

static int parse_flags(const char *text, Error *error)
{
        _cleanup_strv_ char **list = NULL;
        int flags = 0, r = strv_split(text, "+", &list);

        if (r < 0)
                return error_set(error, ENOMEM, "out of memory");
        STRV_FOREACH (w, list) {
                size_t i = 0;

                while (i < ELEMENTSOF(words) && strcmp(words[i].name, *w) != 0)
                        i++;
                if (i == ELEMENTSOF(words))
                        return error_set(error, EINVAL, "'%s' is no word of an image policy", *w);
                flags |= words[i].flags;
        }
        if ((flags & IMAGE_POLICY_OPEN) == 0)
                flags |= IMAGE_POLICY_OPEN; /* nothing said about it but whether it is read-only */
        return flags;
}

static bool is_partition(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(partitions); i++)
                if (strcmp(partitions[i], name) == 0)
                        return true;
        return false;
}

int image_policy_find(const char *policy, const char *partition, Error *error)
{
        _cleanup_strv_ char **rules = NULL;
        int found = -1, others = IMAGE_POLICY_IGNORE;

        if (!policy || strcmp(policy, "*") == 0)
                return IMAGE_POLICY_OPEN;
        if (strcmp(policy, "-") == 0 || strcmp(policy, "~") == 0)
                return *policy == '-' ? IMAGE_POLICY_IGNORE : IMAGE_POLICY_ABSENT;
        if (strv_split(policy, ":", &rules) < 0)
                return error_set(error, ENOMEM, "out of memory");
        STRV_FOREACH (rule, rules) {
                char *equal = strchr(*rule, '=');
                int flags;

                if (!equal)
                        return error_set(error, EINVAL,
                                         "'%s' is not of the form PARTITION=WORD+WORD", *rule);
                *equal = '\0';
                if (**rule && !is_partition(*rule))
                        return error_set(error, EINVAL, "'%s' is no partition of an image policy",
                                         *rule);
                flags = parse_flags(equal + 1, error);
                if (flags < 0)
                        return flags;
                if (!**rule)
                        others = flags;
                else if (strcmp(*rule, partition) == 0)
                        found = flags;
        }
        return found >= 0 ? found : others;
}
