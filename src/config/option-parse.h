/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parsers and writers that option-table.c puts into its rows. Nobody else calls them. The
 * generic ones find their field by the row's offset. */

#include "config/option.h"

/* What a row's column needs, by type: parser first, writer second. */
#define DECLARE_OPTION_TYPE(type)                                                            \
        int option_parse_##type(const Option *option, const char *value, const char *origin, \
                                Settings *settings, Error *error);                           \
        int option_format_##type(const Option *option, const Settings *settings, Buffer *out)

/* One that is written like another. */
#define DECLARE_OPTION_PARSER(type)                                                          \
        int option_parse_##type(const Option *option, const char *value, const char *origin, \
                                Settings *settings, Error *error)

DECLARE_OPTION_TYPE(boolean);
DECLARE_OPTION_TYPE(enum);
DECLARE_OPTION_TYPE(nothing);    /* accepted, and has no effect */
DECLARE_OPTION_TYPE(tree_path);  /* absolute */
DECLARE_OPTION_TYPE(directory);  /* working directory of the payload */
DECLARE_OPTION_TYPE(pivot_root); /* "new[:old]" */
DECLARE_OPTION_TYPE(name);       /* machine or host name */
DECLARE_OPTION_TYPE(user);
DECLARE_OPTION_TYPE(word);     /* not empty, printable, no blanks */
DECLARE_OPTION_TYPE(slice);    /* name of a slice unit, ".slice" may be left out */
DECLARE_OPTION_TYPE(property); /* NAME=VALUE of a unit; the value is judged where it is set */
DECLARE_OPTION_TYPE(dry_run);
DECLARE_OPTION_TYPE(id128);
DECLARE_OPTION_TYPE(signal);
DECLARE_OPTION_TYPE(time); /* seconds unless told, stored as microseconds */
DECLARE_OPTION_TYPE(user_namespace);
DECLARE_OPTION_TYPE(oom_score);
DECLARE_OPTION_TYPE(cpu_affinity);
DECLARE_OPTION_TYPE(personality);
const char *option_personality_name(unsigned long value); /* NULL: none of ours */
DECLARE_OPTION_TYPE(rlimit); /* the resource is found by the row's offset into Settings */
DECLARE_OPTION_TYPE(capabilities);
DECLARE_OPTION_TYPE(words);       /* quoted words, replacing earlier ones */
DECLARE_OPTION_TYPE(environment); /* quoted NAME=VALUE words */
DECLARE_OPTION_TYPE(filter);      /* system call names and groups */
DECLARE_OPTION_TYPE(users);       /* user names of the host */
DECLARE_OPTION_TYPE(bind);
DECLARE_OPTION_TYPE(bind_ro);
DECLARE_OPTION_TYPE(overlay);
DECLARE_OPTION_TYPE(overlay_ro);
DECLARE_OPTION_TYPE(tmpfs);
DECLARE_OPTION_TYPE(inaccessible);
DECLARE_OPTION_TYPE(links);       /* HOST[:INSIDE] words */
DECLARE_OPTION_PARSER(link_name); /* of an interface */
DECLARE_OPTION_PARSER(zone);
DECLARE_OPTION_TYPE(addresses); /* ADDRESS[/PREFIX] words, of the machine itself */
DECLARE_OPTION_PARSER(peers);   /* ADDRESS words, of others */
DECLARE_OPTION_TYPE(gateway);   /* one a family */
DECLARE_OPTION_TYPE(mtu);
DECLARE_OPTION_TYPE(mac_address);
DECLARE_OPTION_TYPE(bandwidth);
DECLARE_OPTION_TYPE(port);
DECLARE_OPTION_TYPE(set_credential);
DECLARE_OPTION_TYPE(load_credential);
DECLARE_OPTION_TYPE(layers);
DECLARE_OPTION_TYPE(disk_max);
DECLARE_OPTION_TYPE(image_policy);
DECLARE_OPTION_TYPE(root_hash);

/* Words of the command line. */
int option_word_path(const Option *option, const char *word, const char *origin, Assignments *a,
                     Error *error);
int option_word_environment(const Option *option, const char *word, const char *origin,
                            Assignments *a, Error *error);
int option_word_rlimit(const Option *option, const char *word, const char *origin, Assignments *a,
                       Error *error);

int option_choices_signals(char ***ret);
int option_choices_capabilities(char ***ret);
int option_choices_rlimits(char ***ret);
int option_choices_personalities(char ***ret);

/* Appends @word quoted as strv_split_quoted() reads it, bare where that is enough. */
void option_quote(const char *word, Buffer *out);

/* Appends @text for a message: no terminal codes, no novels. */
void option_printable(const char *text, Buffer *out);
/* @text for a manual page, so that scdoc sees no markup in it. */
void option_put_scdoc(const char *text, FILE *f);

/* Collapses "//" and "/./", cuts a trailing '/'. The caller frees it; NULL on out of memory. */
char *option_simplify_path(const char *path);
bool option_path_is_normal(const char *path); /* absolute, no ".." */
