/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A machine that is a disk image: NAME.raw where the trees are, as machined has it. All of it is
 * there at the end and can be a machine, or nothing is. What is inside stays as it is: host name,
 * machine id and keys are those of the image. */

#include "image/create.h"
#include "image/disk-layout.h"
#include "image/staging.h"

/* From request->archive; with copy_from, the path of that, locked unless copy_busy. */
int disk_create(const CreateRequest *request, WorkerProgress progress, void *userdata,
                Error *error);

/* The file @inside of the staging directory becomes the machine if it can be one. @source is where
 * it comes from, for messages. */
int disk_publish(Staging *staging, const char *inside, const char *source, Error *error);
