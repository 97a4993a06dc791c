/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asked of the control group of its unit, since the files in /run outlive it and the launcher
 * speaks no bus. */

#include "network/networkd.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/parse.h"

#include <fcntl.h>

bool networkd_runs(void)
{
        static const char *const hierarchies[] = { "", "/systemd", "/unified" };

        for (size_t i = 0; i < ELEMENTSOF(hierarchies); i++) {
                _cleanup_free_ char *text = NULL;
                char path[128];

                (void)snprintf(
                        path, sizeof(path),
                        "/sys/fs/cgroup%s/system.slice/systemd-networkd.service/cgroup.procs",
                        hierarchies[i]);
                if (read_file_at(AT_FDCWD, path, 4096, &text) > 0)
                        return true;
        }
        return false;
}
