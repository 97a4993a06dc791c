/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The words that a row of the option table is written in. For option-table.c only. */

#include "config/option-parse.h"

#define KEY(s, k) .section = s, .key = k
#define IN(g) .group = OPTION_GROUP_##g
#define TYPE(type) .parse = option_parse_##type, .format = option_format_##type
#define FIELD(type, field) TYPE(type), .offset = offsetof(Settings, field)
/* Read as one type and written like another. */
#define FIELD_AS(type, other, field)                                   \
        .parse = option_parse_##type, .format = option_format_##other, \
        .offset = offsetof(Settings, field)
#define ENUM(prefix, field) FIELD(enum, field), .table = &prefix##_table
#define TRUSTED .trust = OPTION_TRUSTED
#define OF(who) .holder = OPTION_OF_##who
#define APPLY(how) .apply = OPTION_APPLY_##how
#define ARG(m) .argument = OPTION_REQUIRED_ARGUMENT, .metavar = m
#define OPTIONAL_ARG(m) .argument = OPTION_OPTIONAL_ARGUMENT, .metavar = m

/* The sixteen limits differ in nothing but name and unit; --rlimit= sets them all. */
#define LIMIT(name, unit)                                                                      \
        {                                                                                      \
                KEY("Exec", "Limit" #name), IN(RESOURCES), APPLY(LIVE), TRUSTED,               \
                        ARG("SOFT[:HARD]"), FIELD(rlimit, rlimits[RLIMIT_##name]),             \
                        .help = "Resource limit: " unit,                                       \
                        .text = "Resource limit RLIMIT_" #name " of PID 1: " unit              \
                                ". One value for both limits, or soft and hard one; infinity " \
                                "for none. Default: what the kernel gives its first process."  \
        }
