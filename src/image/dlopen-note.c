/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/dlopen-note.h"

#include "base/strv.h"
#include "base/utf8.h"

#include <errno.h>
#include <gelf.h>
#include <jansson.h>
#include <string.h>

#define NOTE_OWNER "FDO"
#define NAMES_MAX 128 /* each is looked for in many places */
#define NOTE_TYPE UINT32_C(0x407c0c0a)

static int read_entry(json_t *entry, char ***wanted, char ***optional)
{
        const char *name = json_string_value(json_array_get(json_object_get(entry, "soname"), 0));
        const char *priority = json_string_value(json_object_get(entry, "priority"));
        bool want = !priority || strcmp(priority, "suggested") != 0;

        if (!name || strchr(name, '/') || !utf8_is_plain(name) ||
            strv_length(*wanted) + strv_length(*optional) >= NAMES_MAX)
                return 0;
        return strv_push(want ? wanted : optional, name);
}

static int read_note(const char *text, size_t size, char ***wanted, char ***optional)
{
        json_t *list = json_loadb(text, strnlen(text, size), 0, NULL);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
                r = read_entry(json_array_get(list, i), wanted, optional);
        json_decref(list);
        return r;
}

int dlopen_note_read(Elf_Data *data, char ***wanted, char ***optional)
{
        size_t offset = 0, next, name, content;
        GElf_Nhdr h;
        int r = 0;

        while (r >= 0 && data && (next = gelf_getnote(data, offset, &h, &name, &content)) > 0) {
                const char *base = data->d_buf;

                if (h.n_type == NOTE_TYPE && h.n_namesz == sizeof(NOTE_OWNER) &&
                    memcmp(base + name, NOTE_OWNER, sizeof(NOTE_OWNER)) == 0)
                        r = read_note(base + content, h.n_descsz, wanted, optional);
                offset = next;
        }
        return r;
}
