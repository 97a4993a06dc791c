/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of disk images. */

#include "base/strv.h"
#include "config/image-policy.h"
#include "config/option-parse.h"

#include <ctype.h>
#include <string.h>

static int replace(char **field, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

int option_parse_image_policy(const Option *option, const char *value, const char *origin,
                              Settings *settings, Error *error)
{
        int r = image_policy_find(value, "root", error);

        return r < 0 ? r : replace(&settings->image_policy, value);
}

int option_format_image_policy(const Option *option, const Settings *settings, Buffer *out)
{
        if (settings->image_policy)
                buffer_puts(out, settings->image_policy);
        return buffer_error(out);
}

int option_parse_root_hash(const Option *option, const char *value, const char *origin,
                           Settings *settings, Error *error)
{
        size_t n = strlen(value);

        for (const char *p = value; *p; p++)
                if (!isxdigit((unsigned char)*p))
                        n = 0;
        if (n != 64 && n != 96 && n != 128)
                return error_set(error, EINVAL, "not a hash of 64, 96 or 128 hexadecimal digits");
        return replace(&settings->root_hash, value);
}

int option_format_root_hash(const Option *option, const Settings *settings, Buffer *out)
{
        if (settings->root_hash)
                buffer_puts(out, settings->root_hash);
        return buffer_error(out);
}
