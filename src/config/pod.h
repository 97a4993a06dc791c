/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The definition of a pod: a network that several machines share. /etc/stead/NAME.pod (also
 * /run/stead, /usr/lib/stead) with drop-ins NAME.pod.d/[star].conf and pod.d/[star].conf, found and
 * read as those of machines are. Reads files only; knows nothing about pods that run. */

#include "config/definition.h"
#include "config/health-setting.h"

typedef struct Pod {
        Definition *definition; /* name, files, and the keys of [Unit] and [Install] */
        Settings *settings;     /* [Network] in its fields of the network, [Resources] as of a
                                 * machine in .resources; nothing else of it is used */
        HealthSetting health;
} Pod;

#define _cleanup_pod_ _cleanup_(pod_freep)
Pod *pod_free(Pod *p);
DEFINE_CLEANUP(Pod, pod_free)

/* Reads pod @name; @root as in definition_load(). -ENOENT if there is none. Each mistake is added
 * to @diagnostics; if any is an error, returns -EINVAL with the first as @error. */
int pod_load(const char *root, const char *name, Pod **ret, Diagnostics *diagnostics, Error *error);

/* Adds an error for a machine whose Pod= has no definition, at the place where it is named. */
int pod_diagnose_missing(const char *root, const Assignments *a, Diagnostics *diagnostics);

/* [Network] and [Health] of @p as the text of one file, to be kept beside a pod that runs. */
int pod_format(const Pod *p, char **ret);
/* From that text. -EBADMSG if it is not such a text. */
int pod_parse(const char *name, const char *text, Pod **ret, Error *error);
