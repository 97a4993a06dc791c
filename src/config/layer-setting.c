/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine of layers is made of, and how much it may write. Whether a layer exists is not
 * known here. */

#include "config/option-parse.h"

#include "base/strv.h"

#include <ctype.h>
#include <string.h>

#define SEPARATORS " \t"
#define NAME_LENGTH 200 /* as ref_name_is_valid() of the store */
#define VERSION_LENGTH 64

static bool ends_word(const char *p)
{
        return *p == '/' || *p == '\0' || *p == '@' || *p == '~';
}

/* "site/web", and perhaps which version: "@0123abcd", "~2". */
static bool layer_is_valid(const char *word)
{
        size_t n = strcspn(word, "@~"), digits = 0;

        if (n == 0 || n > NAME_LENGTH)
                return false;
        for (const char *p = word; p < word + n; p++) {
                bool begins = p == word || p[-1] == '/';

                if (*p == '/' ? begins || ends_word(p + 1)
                              : !isalnum((unsigned char)*p) && !strchr("._+-", *p))
                        return false;
                if (begins && (*p == '.' || *p == '-'))
                        return false;
        }
        if (word[n] == '\0')
                return true;
        for (const char *p = word + n + 1; *p; p++, digits++)
                if (word[n] == '@' ? !strchr("0123456789abcdef", *p) : !isdigit((unsigned char)*p))
                        return false;
        return digits >= (word[n] == '@' ? 8 : 1) && digits <= VERSION_LENGTH;
}

int option_parse_layers(const Option *option, const char *value, const char *origin,
                        Settings *settings, Error *error)
{
        _cleanup_strv_ char **words = NULL;
        int r = strv_split(value, SEPARATORS, &words);

        if (r < 0)
                return r;
        for (size_t i = 0; words && words[i]; i++) {
                if (!layer_is_valid(words[i])) {
                        error_hint(error, "stead layer list");
                        return error_set(error, EINVAL, "'%s' is not the name of a layer",
                                         words[i]);
                }
                for (size_t k = 0; k < i; k++)
                        if (strcmp(words[k], words[i]) == 0)
                                return error_set(error, EINVAL, "'%s' is there twice", words[i]);
        }
        strv_free(settings->layers);
        settings->layers = TAKE_PTR(words);
        return 0;
}

int option_format_layers(const Option *option, const Settings *settings, Buffer *out)
{
        for (char *const *l = settings->layers; l && *l; l++)
                buffer_printf(out, "%s%s", l == settings->layers ? "" : " ", *l);
        return buffer_error(out);
}

int option_parse_disk_max(const Option *option, const char *value, const char *origin,
                          Settings *settings, Error *error)
{
        uint64_t bytes;

        if (strcmp(value, "infinity") == 0) {
                settings->disk_max = DISK_MAX_INFINITY;
                return 0;
        }
        if (parse_size(value, &bytes) < 0)
                return error_set(error, EINVAL, "not a size, write bytes, 512M, 4G or infinity");
        if (bytes < DISK_MAX_MINIMUM || bytes >= DISK_MAX_INFINITY / 2)
                return error_set(error, EINVAL, "out of range, at least 16M is needed");
        settings->disk_max = bytes;
        return 0;
}

int option_format_disk_max(const Option *option, const Settings *settings, Buffer *out)
{
        char text[32];

        if (settings->disk_max == DISK_MAX_INFINITY)
                buffer_puts(out, "infinity");
        else if (settings->disk_max > 0)
                buffer_puts(out, size_to_string(settings->disk_max, text, sizeof(text)));
        return buffer_error(out);
}
