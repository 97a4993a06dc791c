/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a machine is told, after definition and command line have been merged, key by key with the
 * place that each value comes from. The launcher keeps it beside the machine's state, so that what
 * a machine was started with can be compared with what a start would tell it now. */

#include "config/definition.h"

typedef struct SettingLine {
        char *section, *key;
        char *value;  /* values of a list have a line each */
        char *origin; /* "/etc/stead/web.machine:12" or "--bind" */
} SettingLine;

typedef struct SettingLines {
        SettingLine *items;
        size_t n;
} SettingLines;

#define SETTING_LINES_NULL ((SettingLines){})
#define _cleanup_setting_lines_ _cleanup_(setting_lines_done)
void setting_lines_done(SettingLines *s);

/* All that are in force and have a key. @definition may be NULL. -ENOMEM only. */
int setting_lines_collect(const Assignments *all, const Definition *definition, SettingLines *ret);
/* As text, and back. -EBADMSG if it is not such a text. */
int setting_lines_format(const SettingLines *s, char **ret);
int setting_lines_parse(const char *text, SettingLines *ret);

int setting_lines_add(SettingLines *s, const char *section, const char *key, const char *value,
                      const char *origin);
/* Takes out the first line with this key, value and origin; none is fine. */
void setting_lines_drop(SettingLines *s, const char *section, const char *key, const char *value,
                        const char *origin);
/* Makes the lines of one key those that @from has, which may be none. */
int setting_lines_replace(SettingLines *s, const SettingLines *from, const char *section,
                          const char *key);
/* The values of one key with newlines between, and the origin of the last (borrowed); *ret NULL if
 * there is none. */
int setting_lines_find(const SettingLines *s, const char *section, const char *key, char **ret,
                       const char **ret_origin);
