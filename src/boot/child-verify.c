/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stage 3 of the first process. Namespaces and privileges as in stage 2. Changes nothing: reads
 * back that everything which shall be hidden or frozen is, in the mount namespace that PID 1 will
 * have. */

#include "boot/child.h"

#include "boot/assembly.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static int verify_masked(const char *path, Error *error)
{
        struct statx x;

        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MODE | STATX_TYPE, &x) < 0)
                return errno == ENOENT ? 0
                                       : error_errno(error, errno, "Failed to check '%s'", path);
        if ((x.stx_mode & 07777) != 0 || !(x.stx_attributes & STATX_ATTR_MOUNT_ROOT))
                return error_set(error, EPERM, "'%s' should be hidden from the machine, but is not",
                                 path);
        return 0;
}

static int verify_read_only(const char *path, Error *error)
{
        struct statvfs s;

        if (statvfs(path, &s) < 0)
                return errno == ENOENT ? 0
                                       : error_errno(error, errno, "Failed to check '%s'", path);
        if (!(s.f_flag & ST_RDONLY))
                return error_set(error, EPERM,
                                 "'%s' should be read-only for the machine, but is not", path);
        return 0;
}

int child_verify(const ChildContext *c, Error *error)
{
        int r = 0;

        if (c->plan->api_vfs_writable)
                return 0;
        for (const char *const *p = assembly_masked_files; r >= 0 && *p; p++)
                r = verify_masked(*p, error);
        for (const char *const *p = assembly_read_only_paths; r >= 0 && *p; p++)
                r = verify_read_only(*p, error);
        if (r >= 0)
                r = verify_read_only("/sys", error);
        if (r >= 0)
                r = verify_read_only("/run/host", error);
        return r;
}
