/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Credentials for the machine: literal values, files, sockets, or the launcher's own ones. */

#include "config/settings.h"

/* Reads the value of a --load-credential= setting into data and size: an absolute path (file or
 * AF_UNIX stream socket), or a name in $CREDENTIALS_DIRECTORY. A literal one is left as it is. */
int credential_load(CredentialSetting *credential, Error *error);
