/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credentials: an id with a literal value (C escapes, any byte) or with a place to load it from. A
 * value never appears in a message. */

#include "config/option-parse.h"

#include <ctype.h>
#include <string.h>

/* What systemd takes as a credential's name: a file name of printable ASCII without ':'. */
static bool id_is_valid(const char *id)
{
        if (*id == '\0' || strlen(id) > 255 || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
                return false;
        for (; *id; id++)
                if (*id < ' ' || *id > '~' || *id == '/' || *id == ':')
                        return false;
        return true;
}

static int split_id(const char *value, char **ret_id, const char **ret_rest, Error *error)
{
        const char *colon = strchr(value, ':');
        char *id;

        if (!colon)
                return error_set(error, EINVAL, "no ':' between the name and the rest");
        id = strndup(value, (size_t)(colon - value));
        if (!id)
                return -ENOMEM;
        if (!id_is_valid(id)) {
                free(id);
                return error_set(error, EINVAL, "the part before ':' is not a credential name");
        }
        *ret_id = id;
        *ret_rest = colon + 1;
        return 0;
}

static void credential_setting_donep(CredentialSetting *c)
{
        credential_setting_done(c);
}
#define _cleanup_credential_ _cleanup_(credential_setting_donep)

/* Takes *credential on success; a later one of the same id replaces an earlier. */
static int settings_add_credential(Settings *settings, CredentialSetting *credential)
{
        CredentialSetting *grown;

        for (size_t i = 0; i < settings->n_credentials; i++)
                if (strcmp(settings->credentials[i].id, credential->id) == 0) {
                        credential_setting_done(&settings->credentials[i]);
                        settings->credentials[i] = *credential;
                        *credential = (CredentialSetting){};
                        return 0;
                }
        grown = reallocarray(settings->credentials, settings->n_credentials + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        settings->credentials = grown;
        grown[settings->n_credentials++] = *credential;
        *credential = (CredentialSetting){};
        return 0;
}

int option_parse_set_credential(const Option *option, const char *value, const char *origin,
                                Settings *settings, Error *error)
{
        _cleanup_credential_ CredentialSetting credential = {};
        _cleanup_buffer_ Buffer data = BUFFER_NULL;
        const char *p;
        int r = split_id(value, &credential.id, &p, error);

        while (r >= 0 && *p) {
                size_t used = 1;

                if (*p == '\\')
                        r = parse_c_escape(p, &data, &used);
                else
                        buffer_append(&data, p, 1);
                if (r < 0)
                        return error_set(error, EINVAL,
                                         "an unknown escape after '\\' in the value");
                p += used;
        }
        if (r < 0)
                return r;
        credential.size = data.size;
        credential.data = buffer_steal(&data);
        return credential.data ? settings_add_credential(settings, &credential) : -ENOMEM;
}

int option_parse_load_credential(const Option *option, const char *value, const char *origin,
                                 Settings *settings, Error *error)
{
        _cleanup_credential_ CredentialSetting credential = {};
        const char *path;
        int r = split_id(value, &credential.id, &path, error);

        if (r < 0)
                return r;
        if (!option_path_is_normal(path) && !id_is_valid(path))
                return error_set(error, EINVAL,
                                 "the part after ':' is neither an absolute path nor the name of a "
                                 "credential that the launcher was given");
        credential.path = strdup(path);
        return credential.path ? settings_add_credential(settings, &credential) : -ENOMEM;
}

int option_format_set_credential(const Option *option, const Settings *settings, Buffer *out)
{
        bool first = true;

        for (size_t i = 0; i < settings->n_credentials; i++) {
                const CredentialSetting *c = &settings->credentials[i];

                if (!c->data)
                        continue;
                buffer_printf(out, "%s%s:", first ? "" : "\n", c->id);
                for (size_t k = 0; k < c->size; k++)
                        if (c->data[k] == '\\' || !isgraph((unsigned char)c->data[k]))
                                buffer_printf(out, "\\x%02x", (unsigned)(unsigned char)c->data[k]);
                        else
                                buffer_append(out, &c->data[k], 1);
                first = false;
        }
        return buffer_error(out);
}

int option_format_load_credential(const Option *option, const Settings *settings, Buffer *out)
{
        bool first = true;

        for (size_t i = 0; i < settings->n_credentials; i++)
                if (settings->credentials[i].path) {
                        buffer_printf(out, "%s%s:%s", first ? "" : "\n",
                                      settings->credentials[i].id, settings->credentials[i].path);
                        first = false;
                }
        return buffer_error(out);
}
