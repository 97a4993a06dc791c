/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree of the store as a directory: hard links to objects, made once for all machines and never
 * changed. It is a lower layer of overlays. */

#include "store/progress.h"
#include "store/store.h"

/* The path of a checkout, made if missing (beside, then renamed). The caller frees it. The store
 * must be open for adding unless it is there already. */
int checkout_make(Store *store, const Hash *tree, Progress *progress, char **ret_path,
                  Error *error);
bool checkout_exists(const Store *store, const Hash *tree);
/* Written out elsewhere as plain files of their own (copies that share blocks where the file system
 * can), owners and all: an export, or a private tree. @target_fd is an empty directory. */
int checkout_copy(const Store *store, const Manifest *manifest, int target_fd, Progress *progress,
                  Error *error);

/* A checkout in use: a shared flock on its directory. Whoever holds it exclusively may remove it.
 */
int checkout_lock(const Store *store, const Hash *tree, int *ret_fd, Error *error);

/* Device nodes below /dev, which every machine's own /dev covers, are in a tree and its copies, but
 * not in its checkout: a host that is itself a machine could not make them. */
bool checkout_leaves_out(const Manifest *tree, const Entry *e);
