/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Definitions on disk: /etc/stead/NAME.machine (also /run/stead, /usr/lib/stead; the first found
 * hides the others) with drop-ins NAME.machine.d/[star].conf and machine.d/[star].conf for all
 * machines, sorted by file name, /etc hiding /run hiding /usr/lib. Where no definition exists, a
 * `.nspawn` file of that name is honoured under its own rule of trust. Reads files only; knows
 * nothing about running machines. A pod (NAME.pod) is read by the same code, see config/pod.h. */

#include "config/diagnostics.h"
#include "config/option.h"

/* Keys outside the option table which belong to other programs: [Unit], [Service], [Resources],
 * [Install], [Health]. Kept as text, in order; of [Resources] and [Install] only what is in force,
 * without what was replaced or reset. */
typedef struct PassedKey {
        char *section, *key, *value, *origin;
} PassedKey;
void passed_key_done(PassedKey *k);

typedef struct Definition {
        char *name;
        char *path;   /* main file, NULL if there are only drop-ins */
        char **files; /* all files read, in order */
        bool trusted; /* false: a .nspawn file beside the tree */
        Assignments assignments;
        PassedKey *passed;
        size_t n_passed;
} Definition;

#define _cleanup_definition_ _cleanup_(definition_freep)
Definition *definition_free(Definition *d);
DEFINE_CLEANUP(Definition, definition_free)

typedef enum DefinitionTrust {
        DEFINITION_TRUST_BY_PLACE, /* a file beside the tree is not trusted */
        DEFINITION_TRUST_ALL,      /* --settings=trusted */
} DefinitionTrust;

/* The syntax of one file. */
typedef enum DefinitionDialect {
        DEFINITION_MACHINE,          /* unknown keys are errors */
        DEFINITION_NSPAWN,           /* as systemd-nspawn reads it: unknown keys are warned about */
        DEFINITION_NSPAWN_UNTRUSTED, /* and those that may weaken isolation ignored */
        DEFINITION_POD,              /* as of a machine, with the sections and keys of a pod */
        _DEFINITION_DIALECT_MAX,
} DefinitionDialect;

/* Reads the definition of machine @name. @root is prefixed to the system's directories ("" for the
 * real ones; tests give their own). @tree is the root directory, for an untrusted .nspawn file
 * beside it (NULL: do not look). -ENOENT if there is none. Any problem is added to @diagnostics and
 * the rest of the file still read; if any is an error, returns -EINVAL with the first as @error. */
int definition_load(const char *root, const char *name, const char *tree, DefinitionTrust trust,
                    Definition **ret, Diagnostics *diagnostics, Error *error);

/* Where definitions are looked for; fields as the arguments of definition_load(). */
typedef struct DefinitionPlace {
        const char *root, *tree;
        DefinitionTrust trust;
        char *const *drop_ins; /* definition_list_drop_ins(), or NULL: look for them each time */
        bool pod;              /* NAME.pod and NAME.pod.d instead of NAME.machine */
} DefinitionPlace;

/* The same, but gives what could be understood also if there are errors in @diagnostics: for the
 * generator, which must not lose the rest of a machine. */
int definition_read(const DefinitionPlace *place, const char *name, Definition **ret,
                    Diagnostics *diagnostics, Error *error);
/* The directories of drop-ins that there are, for reading many definitions at once. */
int definition_list_drop_ins(const char *root, char ***ret);

/* When anything of the definition of @name changed last, microseconds of CLOCK_REALTIME: a file of
 * it, or a directory where one came or went. 0: there is nothing. -ENOMEM only. */
int definition_last_change(const char *root, const char *name, uint64_t *ret);

/* Names of all definitions (and of trusted .nspawn files), sorted. */
int definition_list(const char *root, char ***ret);

/* Names of all definitions of pods, sorted. */
int definition_list_pods(const char *root, char ***ret);

/* Parses one file's text and appends to @d; for definition_load(), tests and the fuzzer. Fails only
 * for lack of memory; what is wrong with the text goes to @diagnostics. */
int definition_parse(Definition *d, const char *path, const char *text, size_t size,
                     DefinitionDialect dialect, Diagnostics *diagnostics);

/* Machine names: CI-141. */
bool machine_name_is_valid(const char *name);
/* A valid name made from a path's last component, or -EINVAL. */
int machine_name_from_path(const char *path, char **ret);
/* The same of a disk image: without ".raw". */
int machine_name_from_image(const char *path, char **ret);
